"""The files of a report as texts: one page, the same in Markdown, the plots. Pure; same inputs, same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup

from kit import __version__
from kit.documents.study import Study
from kit.judge.advice import Leader, leaders
from kit.judge.compare.quantity import figure_text, quantity
from kit.judge.study import entries_of, levels_of
from kit.metrics.registry import TTFT_P50
from kit.report import cost_text, differences_text
from kit.report.count_text import COUNTED
from kit.report.page import facts
from kit.report.page.cells import HEADS as CELL_HEADS
from kit.report.page.cells import cell_rows
from kit.report.page.compared import compared
from kit.report.page.figures import side_by_side, tables_of
from kit.report.page.inputs import PageInput
from kit.report.page.leader_text import CHIPS, headline, left_out, margin, sureness, who
from kit.report.page.markdown import markdown
from kit.report.page.sections import Section, heading, names_with_machines, overview_of, sections_of
from kit.report.page.templates import environment, inside, style_of
from kit.report.plots.render import inline_svg, javascript, svg, versions
from kit.report.plots.style import Plot, Spec, config
from kit.report.plots.timeline import MAX_ROWS
from kit.report.quality import quality_text
from kit.report.screen.sentences import leaders_of, verdict_sentences
from kit.report.tables import SUSPECT
from kit.text import plain_text

# In the first line of every file of a report: what has it may be replaced by the next one.
MARK = "made by kit report"
# What a page has links to, in its order.
PARTS_OF_PAGE = (
    ("compared", "What was compared"), ("tables", "Tables"), ("quality", "Quality"),
    ("scorecard", "Scorecard"), ("latency", "Latency"),
    ("timeline", "Timeline"), ("warnings", "Warnings"), ("cells", "Cells"), ("method", "Method"),
    ("provenance", "Provenance"),
)  # fmt: skip
# More concurrencies than this, each with an interval, do not fit into half of the page.
WIDE_FROM = 4


@dataclass(frozen=True, slots=True)
class Report:
    """The texts of report.html, REPORT.md and plots/NAME.svg by name."""

    html: str
    markdown: str
    plots: Mapping[str, str]


def report_of(inputs: Sequence[PageInput], title: str | None = None) -> Report:
    """The report of one or more studies; without a `title` it is that of the study, or says how many they are."""
    sections = sections_of(inputs)
    shown = title or _title(sections)
    plot = overview_of(sections)
    plots = [*([plot] if plot else []), *(each for section in sections for each in section.all_plots())]
    return Report(
        html=page_html(sections, plot, shown),
        markdown=f"<!-- {MARK} -->\n" + markdown(sections, plot, shown),
        plots={f"{each.id}.svg": f"<!-- {MARK} -->\n{_file(each)}\n" for each in plots},
    )


def _file(plot: Plot) -> str:
    return svg(plot.spec, plot.title, plot.desc, plot.id)


def _title(sections: Sequence[Section]) -> str:
    if len(sections) == 1:
        return heading(sections[0], several=False)
    return f"{_counted(sections)}: {', '.join(section.key for section in sections[:6])}" + ", …" * (
        len(sections) > 6
    )


# --- the page ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Back:
    """Where a page that stands on a board came from: the address of the board and its title."""

    href: str
    title: str


def page_of(given: Sequence[PageInput], back: Back | None = None) -> str:
    """The page of one run, in all its shapes, as `report_of` makes it; on a board with a way back to that."""
    sections = sections_of(given)
    return page_html(sections, overview_of(sections), _title(sections), back)


def page_html(sections: Sequence[Section], overview: Plot | None, title: str, back: Back | None = None) -> str:
    """One page that needs nothing else: styles, pictures, data and the script that draws are inside."""
    return (
        _environment()
        .get_template("page.jinja")
        .render(
            sections=sections,
            overview=overview,
            title=plain_text(title, 200),
            back=back,
            counted=_counted(sections),
            machines=facts.machines_line([section.given for section in sections]),
            beside=side_by_side(list(zip(names_with_machines(sections), map(_study, sections), strict=True))),
            commands=facts.commands([section.given for section in sections]),
            naming=facts.naming([section.given for section in sections]),
            drawn_with=", ".join(f"{name} {version}" for name, version in versions().items()),
            style=_style(),
            script=_script(),
        )
    )


@cache
def _environment() -> Environment:
    made = environment("page")
    made.globals |= {
        "CHIPS": CHIPS, "COSTS": cost_text, "COUNTED": COUNTED, "DIFFERENCES": differences_text,
        "MARK": MARK, "MAX_ROWS": MAX_ROWS, "QUALITY": quality_text, "SUSPECT": SUSPECT, "WIDE_FROM": WIDE_FROM,
        "CELL_HEADS": CELL_HEADS, "PARTS_OF_PAGE": PARTS_OF_PAGE, "TTFT_P50": TTFT_P50,
        "cell_rows": cell_rows, "compared": compared, "facts": facts, "figure_of_leader": _figure_of_leader,
        "heading": heading, "headline": headline, "kit_version": __version__,
        "leaders": leaders, "left_out": left_out, "levels_of": levels_of, "margin": margin, "parts_of": _parts_of,
        "picture": _picture, "sentences": _sentences,
        "plot_config": config(), "specification": _specification, "sureness": sureness, "tables_of": tables_of,
        "who": who,
    }  # fmt: skip
    return made


def _study(section: Section) -> Study:
    return section.study


def _picture(plot: Plot) -> Markup:
    return Markup(inline_svg(plot.spec, plot.title, plot.desc, plot.id))


def _specification(plot: Plot) -> Spec:
    """What the script draws: the configuration stands in the page once."""
    return {key: value for key, value in plot.spec.items() if key not in ("config", "$schema")}


def _figure_of_leader(leader: Leader) -> str:
    """Without its unit, which stands over it."""
    what = quantity(leader.metric)
    return figure_text(what, leader.value.median if leader.value else None).removesuffix(f" {what.unit}")


def _sentences(study: Study) -> list[str]:
    """The verdict in the words of the last screen; of one entry alone who has a result."""
    if len(entries_of(study)) < 2:
        return headline(leaders(study))
    return [said.text for said in verdict_sentences(leaders_of(study))]


def _parts_of(section: Section) -> frozenset[str]:
    """Which parts of PARTS_OF_PAGE there are."""
    given = section.given
    there = {
        "compared": compared(given) is not None,
        "tables": bool(tables_of(section.study)),
        "quality": given.quality is not None,
        "scorecard": given.scorecard is not None,
        "latency": bool(section.plots),
        "timeline": bool(section.timelines),
        "warnings": bool(facts.alerts(given)[0]),
        "cells": bool(tables_of(section.study)),
        "method": True,
        "provenance": True,
    }
    return frozenset(name for name, is_there in there.items() if is_there)


def _counted(sections: Sequence[Section]) -> str:
    imported = sum(section.given.kind == "imported" for section in sections)
    # a run of several shapes has a section for each
    runs = len({(each.given.source, each.study.identity) for each in sections if each.given.kind != "imported"})
    words = [f"{runs} run{'s' * (runs != 1)}" if runs else "", f"{imported} imported" if imported else ""]
    return " and ".join(word for word in words if word)


@cache
def _style() -> Markup:
    return style_of(("page", "page.css"))


@cache
def _script() -> Markup:
    return inside(javascript(files("kit.report.page").joinpath("page.js").read_text(encoding="utf-8")), "script")
