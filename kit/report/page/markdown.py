"""REPORT.md: what the page says, with the plots as pictures beside it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabulate import tabulate

from kit.judge.advice import Leader, leaders
from kit.report.cost_text import cost_table
from kit.report.count_text import COUNTED
from kit.report.differences_text import TITLE, differences_table
from kit.report.page import facts
from kit.report.page.figures import Table, tables_of
from kit.report.page.leader_text import CHIPS, headline, left_out, margin, sureness, who
from kit.report.page.sections import Section, heading
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
    found = leaders(section.study)
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
    table = _github(
        rows, ["users", "first", "tokens/s", "vs. next", ""], ("right", "left", "right", "left", "left")
    )
    out = "\n".join(f"- left out: {safe(line)}" for line in left_out(found))
    return "\n\n".join(part for part in (" ".join(safe(line) for line in headline(found)), table, out) if part)


def _against(leader: Leader) -> str:
    words = sureness(leader)
    return f"{margin(leader)} {words if words.startswith('[') else f'({words})'}" if words else margin(leader)


def _table(table: Table) -> str:
    rows = [[safe(entry), *(safe(each.text()) for each in row)] for entry, row in table.rows]
    headers = ["users", *(str(level) for level in table.levels)]
    return f"**{table.title}**\n\n" + _github(rows, headers, ("left", *("right" for _ in table.levels)))


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
