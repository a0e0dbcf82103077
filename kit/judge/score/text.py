"""Scorecards for people: a table for each kind of load, the contract in its heading, what is doubtful below. Pure.

Names come from studies and contracts, so every one of them is escaped for the place where it goes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from tabulate import tabulate

from kit.judge.quality import share_text
from kit.judge.score.card import Card, ContractPin, ExtraCards, ExtraRow, MetricScore, Scorecard
from kit.judge.score.contract import SCENARIOS, Contract, MetricRule, Scenario
from kit.judge.score.gate import Failure
from kit.text import NO_DATA, cell, number, plain_text

Form = Literal["table", "markdown"]

MAX_NOTE_CHARS = 400
WITHHELD = "withheld"
_SCENARIOS: dict[Scenario, str] = {"interactive": "single user", "throughput": "several users"}
_NAME = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_ORIGINS = {"imported": "imported: these figures cannot be verified"}


def scorecard_text(found: Scorecard, contract: Contract, form: Form = "table") -> str:
    """Every table of a scorecard with its notes, by its contract. Ends without a line feed."""
    parts = []
    for scenario in SCENARIOS:
        cards = _ordered([card for card in found.cards if card.scenario == scenario])
        if cards:
            parts.append(_heading(f"{contract.title}, {_SCENARIOS[scenario]}", found.contract, form))
            parts.append(_table(cards, contract, scenario, form))
            parts += _notes(cards, form)
    return "\n\n".join(parts) or "Nothing to score."


def _ordered(cards: Sequence[Card]) -> list[Card]:
    """By study and concurrency as they came, the best first; what has no composite last."""
    studies = list(dict.fromkeys(card.study for card in cards))
    return sorted(cards, key=lambda card: (studies.index(card.study), card.concurrency, -_composite(card)))


def _composite(card: Card) -> float:
    return -1.0 if card.composite is None else card.composite


def _heading(title: str, pin: ContractPin, form: Form) -> str:
    safe = _safe(form)
    words = f"{safe(title)} (contract {safe(pin.name)} {safe(pin.version)})"
    return f"## {words}" if form == "markdown" else words


def _safe(form: Form) -> Callable[[str], str]:
    return _markdown if form == "markdown" else plain_text


def _markdown(word: str) -> str:
    """A name of ours as it is (a hyphen or dot between letters means nothing in Markdown); else escaped."""
    return word if _NAME.fullmatch(word) and not word.startswith("www.") else cell(word)


# --- the table --------------------------------------------------------------------------------------------


def _table(cards: Sequence[Card], contract: Contract, scenario: Scenario, form: Form) -> str:
    safe = _safe(form)
    scored = [rule for rule in contract.metrics if rule.weight(scenario)]
    has_studies = len({card.study for card in cards}) > 1
    has_machines = len({card.machine for card in cards}) > 1
    headers = [*(["run"] if has_studies else []), *(["machine"] if has_machines else [])]
    headers += ["entry", "users", "grade", "score"]
    headers += [f"{safe(rule.title)} ({rule.weight(scenario):.0%})" for rule in scored]
    suites = {card.quality.suite for card in cards if card.quality}
    headers += [f"pass@1 of {safe(suite)}" for suite in sorted(suites)]
    body = []
    for card in cards:
        start = [
            *([safe(card.study)] if has_studies else []),
            *([_escaped(card.machine, form)] if has_machines else []),
        ]
        start += [safe(card.entry), str(card.concurrency)]
        by_name = {metric.metric: metric for metric in card.metrics}
        shown = [_metric(by_name.get(rule.name), rule) for rule in scored]
        shown += [_quality(card, suite) for suite in sorted(suites)]
        body.append([*start, _grade(card, form), number(card.composite, 1), *shown])
    names = 1 + has_studies + has_machines
    align = ["left"] * names + ["right", "left", *["right"] * (len(scored) + 1 + len(suites))]
    return tabulate(body, headers, tablefmt="github", disable_numparse=True, colalign=align)


def _grade(card: Card, form: Form) -> str:
    if card.grade is not None:
        # a minus or plus behind a letter means nothing in a table, so it need not be escaped
        return f"**{card.grade}**" if form == "markdown" else card.grade
    return WITHHELD if any(note.kind == "suspect" for note in card.notes) else NO_DATA


def _quality(card: Card, suite: str) -> str:
    """How right it answers, with its interval; a dash where nobody evaluated it. No score counts it."""
    return share_text(card.quality) if card.quality and card.quality.suite == suite else NO_DATA


def _metric(metric: MetricScore | None, rule: MetricRule) -> str:
    """`value (points)`; a dash for what is missing."""
    if metric is None:
        return NO_DATA
    value = f"{'max ' if metric.is_fallback else ''}{number(metric.value, rule.digits)}"
    return value if metric.score is None else f"{value} ({number(metric.score, 0)})"


# --- below the table --------------------------------------------------------------------------------------


def _notes(cards: Sequence[Card], form: Form) -> list[str]:
    """What there is to say of the cards, cards with the same to say together; then where the figures are from."""
    safe = _safe(form)
    lines: dict[str, list[str]] = {}
    has_studies = len({card.study for card in cards}) > 1
    for card in cards:
        where = " on " + safe(card.machine.partition(":")[0]) if card.machine else ""
        who = f"{safe(card.study)}: " * has_studies + f"{safe(card.entry)} at {card.concurrency}{where}"
        for note in card.notes:
            words = _escaped(note.text, form)
            lines.setdefault(words, []).append(who)
    found = [f"- {', '.join(_some(names))}: {words}" for words, names in lines.items()]
    classes = dict.fromkeys(card.platform_class for card in cards if card.platform_class)
    foot = [f"Graded by thresholds of the class {', '.join(map(safe, classes))}."] if classes else []
    foot += [
        f"{safe(card.study)}: {_ORIGINS[card.origin]}." for card in _one_each(cards) if card.origin in _ORIGINS
    ]
    return ["\n".join(part) for part in (found, foot) if part]


def _one_each(cards: Iterable[Card]) -> Iterable[Card]:
    return {card.study: card for card in cards}.values()


def _some(names: Sequence[str]) -> list[str]:
    """Names for a line: the first of them, and how many more."""
    most = 6
    return list(names) if len(names) <= most else [*names[:most], f"{len(names) - most} more"]


def _escaped(text: str, form: Form) -> str:
    """A note in pieces, for `cell` cuts after 80 characters."""
    whole = plain_text(text, MAX_NOTE_CHARS)
    if form == "table":
        return whole
    return "".join(cell(whole[start : start + 40]) for start in range(0, len(whole), 40))


# --- cards beside the composite, and the gate -------------------------------------------------------------


def extra_text(found: ExtraCards, form: Form = "table") -> str:
    """One extra card with its thresholds. Ends without a line feed."""
    has_studies = len({row.study for row in found.rows}) > 1
    has_parts = any(row.part for row in found.rows)
    has_machines = len({row.machine for row in found.rows}) > 1
    headers = [
        *(["run"] if has_studies else []),
        *(["machine"] if has_machines else []),
        "entry",
        "users",
        *(["part"] if has_parts else []),
        "value",
        "score",
        "grade",
        "note",
    ]
    body = [
        [*_extra_start(row, has_studies, has_machines, form), *_extra_row(row, found.digits, has_parts, form)]
        for row in found.rows
    ]
    numbers = ("users", "value", "score")
    align = ["right" if header in numbers else "left" for header in headers]
    table = tabulate(body, headers, tablefmt="github", disable_numparse=True, colalign=align)
    heading = _heading(found.title, found.contract, form)
    return f"{heading}\n\n{table}\n\n{found.thresholds[:1].upper()}{found.thresholds[1:]}."


def _extra_start(row: ExtraRow, has_studies: bool, has_machines: bool, form: Form) -> list[str]:
    machine = [_escaped(row.machine, form) or "not stated"] if has_machines else []
    return [*([_safe(form)(row.study)] if has_studies else []), *machine]


def _extra_row(row: ExtraRow, digits: int, has_parts: bool, form: Form) -> list[str]:
    safe = _safe(form)
    return [
        safe(row.entry),
        NO_DATA if row.concurrency is None else str(row.concurrency),
        *([row.part] if has_parts else []),
        number(row.value, digits),
        number(row.score, 0),
        row.grade or NO_DATA,
        safe(row.note),
    ]


def gate_text(failed: Sequence[Failure], grade: str, cards: int, pin: ContractPin) -> str:
    """Whether the gate is passed, and by which cards not and why. Ends without a line feed."""
    contract = f"{plain_text(pin.name)} {plain_text(pin.version)}"
    if not failed:
        return f"Passed: {_count(cards)} of at least {grade} by the contract {contract}."
    lines = [f"Failed: {len(failed)} of {_count(cards)} below {grade} by the contract {contract}:", ""]
    for each in failed:
        shown = "no grade" if each.grade is None else f"{each.grade} ({number(each.composite, 1)})"
        reasons = "; ".join(plain_text(reason, MAX_NOTE_CHARS) for reason in each.reasons)
        where = f" on {plain_text(each.machine, MAX_NOTE_CHARS)}" if each.machine else ""
        who = f"{plain_text(each.study)}{where}: {plain_text(each.entry)} at {each.concurrency}"
        lines.append(f"- {who}: {shown}{': ' if reasons else ''}{reasons}")
    return "\n".join(lines)


def _count(cards: int) -> str:
    return "1 card" if cards == 1 else f"{cards} cards"
