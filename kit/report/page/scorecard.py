"""The scorecard of a study for a report: a grade for each entry at each number of users, notes below. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kit.documents.study import Origin, Study
from kit.judge.score import Card, load_contract, scorecard
from kit.judge.score.loading import OURS, THEIRS
from kit.judge.score.text import WITHHELD, scorecard_text
from kit.judge.study import entries_of
from kit.report.page.figures import Table, TableCell
from kit.text import NO_DATA, number, plain_text

# Imported results name no machine, so our own contract has no thresholds for them.
CONTRACTS: dict[Origin, str] = {"run": OURS, "imported": THEIRS}
_HEADING = re.compile(r"^## (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ScorecardPart:
    """What page and Markdown say of a scorecard; all but `markdown` is plain text."""

    table: Table
    contract: str
    notes: tuple[str, ...]
    markdown: str


def scorecard_part(study: Study) -> ScorecardPart:
    """The scorecard of a study: by kit-2, or by probador-2.0 if it was imported."""
    contract = load_contract(CONTRACTS[study.origin])
    found = scorecard([study], contract)
    levels = tuple(sorted({card.concurrency for card in found.cards}))
    by_place: dict[tuple[str, int], Card] = {}
    for card in found.cards:
        by_place.setdefault((card.entry, card.concurrency), card)
    rows = tuple(
        (plain_text(entry, 60), tuple(_figure(by_place.get((entry, level))) for level in levels))
        for entry in entries_of(study)
    )
    pin = f"Contract {found.contract.name} {found.contract.version}"
    classes = dict.fromkeys(card.platform_class for card in found.cards if card.platform_class)
    return ScorecardPart(
        table=Table(f"{contract.title}: grade, and score of 100", levels, rows),
        contract=f"{pin}, thresholds of the class {', '.join(classes)}." if classes else f"{pin}.",
        notes=_notes(found.cards),
        markdown=_HEADING.sub(r"**\1**", scorecard_text(found, contract, "markdown")),
    )


def _figure(card: Card | None) -> TableCell:
    if card is None:
        return TableCell(NO_DATA)
    suspect = any(note.kind == "suspect" for note in card.notes)
    if card.grade is None:
        return TableCell(WITHHELD if suspect else NO_DATA, suspect=suspect)
    return TableCell(card.grade, number(card.composite, 1))


def _notes(cards: Sequence[Card]) -> tuple[str, ...]:
    """Each note once, with the entries and numbers of users that it is about."""
    about: dict[str, list[str]] = {}
    for card in cards:
        for note in card.notes:
            about.setdefault(note.text, []).append(f"{card.entry} at {card.concurrency}")
    return tuple(f"{', '.join(who)}: {words}" for words, who in about.items())
