"""Plots as data: Vega-Lite specifications made of studies and records, and their pictures.

    kit.plots.specs          throughput against concurrency, latency against throughput, several runs at a glance
    kit.plots.distributions  quantiles of TTFT and ITL
    kit.plots.timeline       every stream of a stretch of one cell
    kit.plots.render         a specification as SVG, and the JavaScript that draws it in a page

A specification is a plain dict, so that a test can read it and no library stands between it and Vega.
"""
