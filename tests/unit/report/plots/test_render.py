"""Pictures: the same bytes each time, accessible, readable on any ground, nothing foreign in them."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from kit.errors import InternalError
from kit.report.plots.render import inline_svg, svg, versions
from kit.report.plots.specs import pareto, throughput
from kit.report.plots.style import DARK, PAPER, Plot
from kit.report.plots.timeline import timeline_plot
from tests.support.pages import figures, made_timeline
from tests.support.studies import replicated, study

MAX_BYTES = 300_000


def plot() -> Plot:
    made = throughput([study(*(replicated("vllm", n, figures(0, n)) for n in (1, 4)))], "p")
    assert made is not None
    return made


def test_a_picture_has_title_description_and_no_ground() -> None:
    """As one image to those who cannot see it."""
    root = ElementTree.fromstring(svg(plot().spec, "A <title>", 'says "so"', "p"))
    assert root.get("role") == "img"
    assert [child.tag.rpartition("}")[2] for child in root][:3] == ["title", "desc", "style"]
    assert root[0].text == "A <title>"
    assert root[1].text == 'says "so"'
    assert "http" not in svg(plot().spec, "t", "d", "p").replace("http://www.w3.org/2000/svg", "")


def test_the_same_plot_gives_the_same_bytes() -> None:
    """Even after others were drawn, whose ids Vega goes on counting from."""
    marks = timeline_plot(made_timeline("vllm", 640), "t")
    first = svg(marks.spec, "t", "d", "t")
    from kit.report.plots.render import _compiled

    _compiled.cache_clear()
    svg(plot().spec, "t", "d", "p")
    assert svg(marks.spec, "t", "d", "t") == first
    assert 'id="t-1"' in first
    assert "url(#t-1)" in first


def test_every_colour_of_ink_and_grid_is_known_to_the_rules_for_dark_grounds() -> None:
    """Nothing else than series and these is painted."""
    picture = svg(plot().spec, "t", "d", "p")
    for light, dark in DARK.items():
        assert f'[fill="{light}"]{{fill:{dark}}}' in picture
    made = pareto([study(replicated("vllm", 1, figures(0, 1)))], "p")
    assert made is not None
    for word in ("#000", "black", "white", '#fff"', "#888", "#ddd"):
        assert word not in inline_svg(made.spec, "t", "d", "p"), word
    assert PAPER in DARK


def test_a_full_timeline_is_a_small_picture() -> None:
    """Four thousand marks in under 300 kB."""
    marks = timeline_plot(made_timeline("vllm", 4000), "t")
    assert len(svg(marks.spec, "t", "d", "t")) < MAX_BYTES


def test_labels_are_kept_as_they_are() -> None:
    """Only the numbers of coordinates are cut."""
    spec = plot().spec
    spec["title"] = {"text": 'qwen2.51234 clip1 aria-hidden="true" <b>'}
    picture = inline_svg(spec, "t", "d", "p")
    assert 'qwen2.51234 clip1 aria-hidden="true" &lt;b&gt;' in picture


def test_a_plot_that_is_none_is_our_mistake() -> None:
    """Not a traceback of somebody else's."""
    with pytest.raises(InternalError, match="could not be drawn"):
        svg({"mark": 7}, "t", "d", "p")


def test_what_draws_is_named() -> None:
    """So that a page can say what it was drawn with."""
    assert set(versions()) == {"vega", "vega-lite", "vega-embed"}
