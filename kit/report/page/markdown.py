"""REPORT.md: what the page says, with the plots as pictures beside it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabulate import tabulate

from kit.judge.advice import Leader, leaders
from kit.metrics.registry import TTFT_P50
from kit.report.cost_text import cost_table
from kit.report.count_text import COUNTED
from kit.report.differences_text import TITLE, differences_table
from kit.report.page import facts
from kit.report.page.compared import compared
from kit.report.page.figures import Table, side_by_side, tables_of
from kit.report.page.leader_text import CHIPS, headline, left_out, margin, sureness, who
from kit.report.page.sections import Section, heading, names_with_machines
from kit.report.plots.style import Plot
from kit.report.quality.quality_text import TITLE as QUALITY
from kit.report.quality.quality_text import quality_text
from kit.report.tables import SUSPECT
from kit.text import NO_DATA, cell, number, plain_text

_STEP = 80  # how much `kit.text.cell` takes at once
# A word that means nothing in Markdown as it is: so that ordinary sentences stay readable in the file itself.
_HARMLESS = re.compile(r"(?!www\.)[a-z0-9]+(?:[-.,:;'_][a-z0-9]+)*[.,:;]?", re.IGNORECASE)


def safe(words: str, limit: int = 1000) -> str:
    """Text of any length as Markdown, with every character escaped that means something."""
    return " ".join(map(_safe_word, plain_text(words, limit).split(" ")))


def _safe_word(word: str) -> str:
    if _HARMLESS.fullmatch(word):
        return word
    return "".join(cell(word[at : at + _STEP]) for at in range(0, len(word), _STEP))


def markdown(sections: Sequence[Section], overview: Plot | None, title: str) -> str:
    """The report as Markdown; pictures lie in plots/."""
    several = len(sections) > 1
    parts = [f"# {safe(title, 200)}"]
    machines = facts.machines_line([section.given for section in sections])
    if machines:
        parts.append(safe(machines, facts.MAX_MACHINES))
    if overview is not None:
        parts += [f"## {overview.title}", picture(overview)]
    beside = side_by_side(
        [(name, each.study) for name, each in zip(names_with_machines(sections), sections, strict=True)]
    )
    if beside:
        parts += ["## Side by side", *map(_table, beside)]
    for section in sections:
        if several:
            parts.append(f"## {safe(heading(section, several=True), 300)}")
        parts += _section(section, "###" if several else "##")
    parts += ["## How to verify", _commands(sections)]
    return "\n\n".join(part for part in parts if part) + "\n"


def picture(plot: Plot) -> str:
    """A plot as an image with its caption."""
    return f"![{safe(plot.title)}](plots/{plot.id}.svg)\n\n{safe(plot.caption)}"


def _section(section: Section, hashes: str) -> list[str]:
    given, study = section.given, section.study
    word, meaning = facts.label_of(given)
    line = " · ".join(
        part for part in (facts.machine(given), facts.models(study), facts.measured_on(study)) if part
    )
    identity = f" {facts.identity_words(given).capitalize()} `{study.identity}`." if study.identity else ""
    parts = [safe(line), f"**{safe(word)}**: {safe(meaning.partition(': ')[2] or meaning)}.{identity}"]
    parts += [f"{hashes} Verdict", _verdict(section)]
    if section.throughput:
        parts += [f"{hashes} Throughput", picture(section.throughput)]
    if differs := _compared(section):
        parts += [f"{hashes} What was compared", *differs]
    parts += [f"{hashes} Tables", *(_table(table) for table in tables_of(study))]
    if counted := facts.counted(given):
        parts.append(
            f"{COUNTED}:\n\n" + "\n".join(f"- {safe(where)}: {safe(what, 2000)}" for where, what in counted)
        )
    if given.quality is not None:
        parts += [f"{hashes} {QUALITY}", quality_text(given.quality, title=False)]
    if given.scorecard:
        parts += [f"{hashes} Scorecard", given.scorecard.markdown]
    if given.differences and len(given.differences.entries) > 1:
        parts += [f"{hashes} {TITLE}", differences_table(given.differences, title=False)]
    if given.prices is not None:
        parts.append(cost_table(study, given.prices))
    for plot in section.plots:
        parts += [f"{hashes} {safe(plot.title)}", picture(plot)]
    for plot in section.timelines:
        parts += [f"{hashes} Token timeline: {safe(plot.title)}", picture(plot)]
    parts += [f"{hashes} Warnings", _warnings(section)]
    parts += [f"{hashes} Method", "\n".join(facts.method(given))]
    return [*parts, f"{hashes} Provenance", _provenance(section)]


def _verdict(section: Section) -> str:
    if section.throughput is None:
        return "Nothing was measured."
    found, waits = leaders(section.study), leaders(section.study, TTFT_P50)
    parts = [
        "By throughput: " + " ".join(safe(line) for line in headline(found)),
        _leader_table(found, "most tokens/s", "tokens/s"),
        "By the wait for the first token (TTFT p50): " + " ".join(safe(line) for line in headline(waits)),
        _leader_table(waits, "answers first", "ms"),
        "\n".join(f"- left out: {safe(line)}" for line in left_out(found)),
    ]
    return "\n\n".join(part for part in parts if part)


def _leader_table(found: Sequence[Leader], first: str, unit: str) -> str:
    rows = [
        [
            str(leader.concurrency),
            safe(who(leader)) or NO_DATA,
            number(leader.value.median if leader.value else None, 1),
            safe(_against(leader)) or NO_DATA,
            CHIPS[leader.relation],
        ]
        for leader in found
    ]
    return _github(rows, ["users", first, unit, "vs. next", ""], ("right", "left", "right", "left", "left"))


def _compared(section: Section) -> list[str]:
    """What the entries are: a table of what differs, a line of what does not."""
    found = compared(section.given)
    if found is None:
        return []
    parts = []
    if found.differing:
        rows = [[safe(value) for value in row] for row in found.differing]
        parts.append(_github(rows, ["", *map(safe, found.entries)], ("left",) * (len(found.entries) + 1)))
    if found.same:
        words = "; ".join(f"{name} {value}" for name, value in found.same)
        parts.append(safe(f"{'The same for all: ' if len(found.entries) > 1 else ''}{words}.", 4000))
    return parts


def _against(leader: Leader) -> str:
    words = sureness(leader)
    return f"{margin(leader)} {words if words.startswith('[') else f'({words})'}" if words else margin(leader)


def _table(table: Table) -> str:
    rows = [[safe(entry), *(safe(each.text()) for each in row)] for entry, row in table.rows]
    headers = [table.corner, *map(safe, table.columns)]
    return f"**{table.title}**\n\n" + _github(rows, headers, ("left", *("right" for _ in table.columns)))


def _warnings(section: Section) -> str:
    lines = [f"- {safe(line)}" for line in facts.cautions(section.given)]
    lines += [f"- {SUSPECT} SUSPECT: {safe(where)}: {safe(why)}" for where, why in facts.suspects(section.study)]
    lines += [f"- failed requests: {safe(line)}" for line in facts.failed(section.given)]
    lines += [f"- no result: {safe(where)}: {safe(why)}" for where, why in facts.lost(section.study)]
    return "\n".join(lines) or "None."


def _provenance(section: Section) -> str:
    rows = [[safe(value) for value in row] for row in facts.provenance(section.given)]
    made = _github(rows, list(facts.PROVENANCE), tuple("left" for _ in facts.PROVENANCE))
    host = section.given.host
    if host is None:
        return made
    return made + "\n\n" + "\n".join(f"- {name}: {safe(value)}" for name, value in facts.host_facts(host))


def _commands(sections: Sequence[Section]) -> str:
    inputs = [section.given for section in sections]
    lines, naming = facts.commands(inputs), facts.naming(inputs)
    fenced = "```\n" + "\n".join(line.replace("`", "'") for line in lines) + "\n```"
    return f"{naming}\n\n{fenced}" if naming else fenced


def _github(rows: Sequence[Sequence[str]], headers: Sequence[str], align: Sequence[str]) -> str:
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True, colalign=align)
