"""Plots as data: Vega-Lite specifications made of studies and records, and their pictures.

    kit.report.plots.specs          throughput against concurrency, latency against throughput, several runs
    kit.report.plots.distributions  quantiles of TTFT and ITL
    kit.report.plots.timeline       every stream of a stretch of one cell
    kit.report.plots.render         a specification as SVG, and the JavaScript that draws it in a page

A specification is a plain dict, so that a test can read it and no library stands between it and Vega.
"""
