"""The sections of the page, from verdict to versions. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kit.judge.advice import Leader, leaders
from kit.judge.compare.quantity import figure_text, quantity
from kit.report.page import facts
from kit.report.page.figures import tables_of
from kit.report.page.html import esc, figure, listing, number_table, scrolling, text_table
from kit.report.page.html import facts as definitions
from kit.report.page.sections import Section, heading
from kit.report.page.verdict import CHIPS, headline, left_out, margin, sureness, who
from kit.report.plots.style import Plot
from kit.report.plots.timeline import MAX_ROWS

# More concurrencies than this, each with an interval, do not fit into half of the page.
WIDE_FROM = 4
NO_FIGURES = "<p>Nothing was measured.</p>"
TIMELINE_WORDS = (
    "One row per request: the thin line is the wait for the first token, each tick a chunk of text that "
    f"arrived. At most {MAX_ROWS} requests, from the middle of the window. Ticks in line came in one decode "
    "step; a gap through all rows is a stall; a long thin line that ends when another row ends "
    "is a queued request. Drag to move, shift and wheel to zoom."
)


def summary(section: Section, several: bool) -> str:
    """What the first screen shows of a study: who leads and by how much, beside the throughput plot."""
    plot = figure(section.throughput, "hero") if section.throughput else ""
    level = 3 if several else 2
    return (
        f'<div class="first"><section class="verdict" aria-labelledby="{section.key}-verdict">'
        f'<h{level} id="{section.key}-verdict">Verdict</h{level}>{verdict(section)}</section>{plot}</div>'
    )


def verdict(section: Section) -> str:
    """The leader at each number of users, with the margin, and who was left out."""
    if section.throughput is None:
        return NO_FIGURES
    found = leaders(section.study)
    # nobody believes an imported figure because it is the larger one
    words = "".join(f"<p class=lead>{esc(line)}</p>" for line in headline(found))
    rows = "".join(_verdict_row(leader) for leader in found)
    table = scrolling(
        '<table class="leaders"><caption class="hidden">Leader by throughput at each number of users</caption>'
        '<thead><tr><th scope="col">users</th><th scope="col">first</th><th scope="col">tokens/s</th>'
        f'<th scope="col">vs. next</th></tr></thead><tbody>{rows}</tbody></table>',
        "Leaders",
    )
    out = listing((esc(line) for line in left_out(found)), "small")
    return words + table + (f'<p class="small">Left out of the verdict:</p>{out}' if out else "")


def _verdict_row(leader: Leader) -> str:
    value = figure_text(quantity(leader.metric), leader.value.median if leader.value else None)
    return (
        f'<tr><th scope="row">{leader.concurrency}</th><td><b>{esc(who(leader))}</b></td>'
        f"<td class=num>{esc(value.removesuffix(' tok/s'))}</td>"
        f'<td>{esc(margin(leader))} <span class="chip {leader.relation}">{CHIPS[leader.relation]}</span>'
        f"<small>{esc(sureness(leader))}</small></td></tr>"
    )


def badges(section: Section) -> str:
    """Machine, model and day; then the label and the identity, short."""
    given, study = section.given, section.study
    parts = [facts.machine(given), facts.models(study), facts.measured_on(study)]
    line = " · ".join(f"<span>{esc(part)}</span>" for part in parts if part)
    word, meaning = facts.label_of(given)
    marks = [f'<span class="badge {given.kind}" title="{esc(meaning)}">{esc(word)}</span>']
    if study.identity:
        marks.append(
            f'<span class="badge" title="{esc(study.identity)}">{facts.identity_words(given)} '
            f"<code>{esc(study.identity[:12])}</code></span>"
        )
    marks.append(f'<span class="badge">kit {esc(study.kit_version, 40)}</span>')
    return f'<p class="machine">{line}</p><p class="badges">{" ".join(marks)}</p>'


def details(section: Section, several: bool) -> str:
    """Everything below the first screen."""
    level = 3 if several else 2
    parts = [
        ("tables", "Tables", "".join(map(number_table, tables_of(section.study)))),
        ("scorecard", "Scorecard", section.given.scorecard_html or ""),
        ("latency", "Latency", _plots(section.plots, level + 1)),
        ("timeline", "Token timeline", _timelines(section.timelines, level + 1)),
        ("warnings", "Warnings", _warnings(section)),
        ("method", "Method", "".join(f"<p>{esc(line)}</p>" for line in facts.method(section.given))),
        ("provenance", "Provenance", _provenance(section)),
    ]
    wide = " wide" * (len({subject.concurrency for subject in section.study.subjects}) > WIDE_FROM)
    return "".join(
        f'<section class="{name}{wide}" aria-labelledby="{section.key}-{name}-title">'
        f'<h{level} id="{section.key}-{name}-title">{title}</h{level}>{inner}</section>'
        for name, title, inner in parts
        if inner
    )


def _plots(plots: Sequence[Plot], level: int) -> str:
    made = [f"<div><h{level}>{esc(plot.title)}</h{level}>{figure(plot)}</div>" for plot in plots]
    return f'<div class="grid">{"".join(made)}</div>' if made else ""


def _timelines(plots: Sequence[Plot], level: int) -> str:
    return f"<p>{TIMELINE_WORDS}</p>{_plots(plots, level)}" if plots else ""


def _warnings(section: Section) -> str:
    study, given = section.study, section.given
    parts = listing(esc(line) for line in facts.cautions(given))
    suspects, lost = facts.suspects(study), facts.lost(study)
    if suspects:
        caption = "SUSPECT: the load generator may have distorted these numbers"
        parts += text_table(caption, ("entry and users", "why"), suspects)
    if lost:
        parts += text_table("Cells without a result", ("cell", "why"), lost)
    return parts or "<p>None.</p>"


def _provenance(section: Section) -> str:
    given = section.given
    parts = text_table("Servers", facts.PROVENANCE, facts.provenance(given))
    if section.study.identity:
        parts += definitions([(f"sha256 of the {facts.identity_words(given)}", section.study.identity)])
    if given.host is not None:
        parts += definitions(facts.host_facts(given.host))
    return parts


def whole(section: Section) -> str:
    """A study among several: its own heading, first screen and details."""
    return (
        f'<article id="run-{section.key}"><h2>{esc(heading(section, several=True))}</h2>'
        f"{badges(section)}{summary(section, several=True)}{details(section, several=True)}</article>"
    )


def glance(sections: Sequence[Section], plot: Plot | None) -> str:
    """Several studies at a glance: a row each, and the best of every entry in one plot."""
    rows = "".join(
        f'<tr><th scope="row"><a href="#run-{section.key}">{esc(section.key)}</a></th>'
        f"<td>{esc(facts.machine(section.given) or 'machine not stated')}</td>"
        f"<td>{esc(' '.join(headline(leaders(section.study))))}</td>"
        f'<td><span class="badge {section.given.kind}">{esc(facts.label_of(section.given)[0])}</span></td></tr>'
        for section in sections
    )
    table = scrolling(
        '<table class="facts overview"><caption>Runs on this page</caption><thead><tr><th scope="col">run</th>'
        '<th scope="col">machine</th><th scope="col">verdict by throughput</th><th scope="col">label</th></tr>'
        f"</thead><tbody>{rows}</tbody></table>",
        "Runs on this page",
    )
    drawn = f"<h3>{esc(plot.title)}</h3>{figure(plot)}" if plot else ""
    return (
        f'<section class="glance" aria-labelledby="glance"><h2 id="glance">Overview</h2>{table}{drawn}</section>'
    )
