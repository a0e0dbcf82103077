"""kit.verify: the reasons of failures that a cell tells are those of its records; older runs tell none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kit.documents import Cell, FailureReason, Failures, Result
from kit.metrics.failures import failures
from kit.verify.evidence import open_run
from kit.verify.recompute import recomputed_result
from tests.support.forge import BATCHED, CELL_NAMES, Change, in_cell, path, read, records_of
from tests.support.good_bundle import Files, run_files
from tests.support.sealed import run_verdict

FAULTS = {3: "http_status", 4: "http_status", 7: "connect"}


def telling(found: Failures | None, cell: str = BATCHED) -> Change:
    """A cell tells these reasons, and the result follows."""

    def change(there: Cell) -> Cell:
        assert there.facts is not None
        return replace(there, facts=replace(there.facts, failures=found))

    return in_cell(change, cell)


def true_failures(files: Files) -> Failures:
    cell = read(files, path(BATCHED), Cell)
    assert cell.facts is not None
    found = failures(records_of(files, BATCHED), cell.facts.window)
    assert found is not None
    return found


def test_the_reasons_that_follow_from_the_records_are_good() -> None:
    files = run_files(FAULTS)
    telling(true_failures(files))(files)
    assert run_verdict(files).label == "consistent"
    result = read(files, "result.json", Result)
    assert [cell.failures is None for cell in result.cells] == [False] * len(CELL_NAMES)


@pytest.mark.parametrize("lie", ["more", "other words", "none of them", "nothing", "where nothing failed"])
def test_reasons_that_the_records_do_not_give_are_refused(lie: str) -> None:
    files = run_files({} if lie == "where nothing failed" else FAULTS)
    invented = Failures(1, (FailureReason("connect", None, "bad luck", 1),))
    lies: dict[str, Callable[[], Failures | None]] = {
        "more": lambda: replace(true_failures(files), requests=98),
        "other words": lambda: replace(
            true_failures(files), reasons=(replace(true_failures(files).reasons[0], words="fine"),)
        ),
        "none of them": lambda: replace(true_failures(files), reasons=()),
        "nothing": lambda: None,
        "where nothing failed": lambda: invented,
    }
    telling(lies[lie]())(files)
    verdict = run_verdict(files)
    assert verdict.label == "rejected"
    rules = {finding.rule for finding in verdict.findings if finding.level == "reject"}
    assert rules <= {"metrics.recomputed", "schema.valid"}


def test_a_table_shows_the_reasons_of_the_records_and_none_for_older_runs() -> None:
    """`kit table --json` of a run from before reasons were kept is what it has always been."""
    files = run_files(FAULTS)
    true = true_failures(files)
    for name in CELL_NAMES:
        telling(None, name)(files)
    _, before = recomputed_result(open_run(dict(files)))
    assert [cell.failures for cell in before.cells] == [None] * len(before.cells)

    telling(replace(true, requests=99))(files)
    _, after = recomputed_result(open_run(dict(files)))
    assert [cell.failures for cell in after.cells if cell.id == BATCHED] == [true]
