"""What one rule of `kit.verify` says of the good run after changes from which nothing is derived."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kit.documents import Cell, Record
from kit.strict import plain, write_json
from kit.verify.evidence import open_run
from kit.verify.registry import RULES
from kit.verify.rule import Issue
from tests.support.forge import (
    BATCHED,
    Change,
    changed_files,
    path,
    read,
    records_of,
)
from tests.support.good_bundle import Files, good_files, jsonl

BY_ID = {each.id: each for each in RULES}


def issues(rule: str, *changes: Change) -> list[str]:
    """What this rule alone says of the good run after these changes."""
    evidence = open_run(changed_files(*changes))
    assert evidence.problems == ()  # what cannot be read is not looked at either
    return [step.message for step in BY_ID[rule].check(evidence) if isinstance(step, Issue)]


def cell_of(name: str = BATCHED) -> Cell:
    return read(dict(good_files()), path(name), Cell)


def only(change: Callable[[Cell], Cell], name: str = BATCHED) -> Change:
    """Change cell.json and derive nothing from it."""

    def apply(files: Files) -> None:
        files[path(name)] = write_json(plain(change(read(files, path(name), Cell))))

    return apply


def facts(name: str = BATCHED, **values: Any) -> Change:
    """Other facts of a load, and nothing derived."""

    def change(cell: Cell) -> Cell:
        assert cell.facts is not None
        return replace(cell, facts=replace(cell.facts, **values))

    return only(change, name)


def records(change: Callable[[list[Record]], list[Record]]) -> Change:
    """Other records, and no numbers derived, which might be none."""

    def apply(files: Files) -> None:
        files[path(BATCHED, "records.jsonl")] = jsonl(change(records_of(files, BATCHED)))

    return apply


def record(change: Callable[[Record], Record], at: int = 3) -> Change:
    return records(lambda found: [*found[:at], change(found[at]), *found[at + 1 :]])
