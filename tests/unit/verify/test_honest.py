"""kit.verify: bad luck is no fraud. Failed requests, dead servers and broken-off runs keep their label."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kit.documents import Calibration, Cell, CellFailure, Finding, Record
from kit.metrics.suspicion import IDLE_USERS, suspicions
from kit.verify.evidence import open_run
from kit.verify.rule import Issue
from kit.verify.rules_load import load_busy
from tests.support.closed_holes import NEVER_READY, never_ready, of_kit
from tests.support.forge import (
    BATCHED,
    CELL_NAMES,
    SERIAL,
    Change,
    changed_files,
    derive,
    document,
    drop,
    in_cell,
    in_facts,
    in_plan,
    in_record,
    path,
    record_fields,
    value_of,
    without_records,
)
from tests.support.good_bundle import Files, run_files
from tests.support.sealed import run_verdict

NOTES = {"archive.canonical", "archive.manifest"}  # which a run folder has no use for
DIED = CellFailure("window", "ServerDied", "The server ended with exit code 139 in the load.")


def found(files: Files) -> list[Finding]:
    """The findings on a run folder, without the notes that its archive rules do not apply."""
    verdict = run_verdict(files)
    assert verdict.label != "rejected", verdict.findings
    return [finding for finding in verdict.findings if not finding.rule.startswith("archive.")]


@pytest.mark.parametrize("fault", ["http_status", "connect", "garbage", "empty"])
@pytest.mark.parametrize(
    "requests", [(0,), (3, 4, 5), range(2, 40)], ids=["first", "three in a row", "all but two"]
)
def test_failed_requests_are_not_a_finding(fault: str, requests: tuple[int, ...]) -> None:
    """A load with failures, each followed by the pause that the load generator makes, is a good load."""
    assert found(run_files(dict.fromkeys(requests, fault))) == []


def test_mixed_failures_are_not_a_finding() -> None:
    """The pause doubles over failures in a row and starts anew after an answer."""
    faults = {0: "connect", 2: "http_status", 4: "http_status", 5: "garbage", 6: "http_status", 9: "empty"}
    assert found(run_files(faults)) == []


def test_a_cell_whose_server_never_got_ready_is_flagged_and_no_more() -> None:
    """A failed cell has only its cell.json, and the run is complete with it; there is only its word for that."""
    (finding,) = found(changed_files(*NEVER_READY))
    assert (finding.rule, finding.level, finding.where) == ("cell.unproven", "flag", path(BATCHED))


def test_a_server_that_died_in_the_load_is_not_a_finding() -> None:
    """A failed cell may have records and numbers; they are checked like any."""
    files = changed_files(in_cell(lambda cell: replace(cell, status="failed", failure=DIED)))
    assert found(files) == []


def test_a_stop_that_failed_is_not_a_finding() -> None:
    """The load ran to its end; nobody saw the server stop, and the cell says so."""
    unstopped = CellFailure("stop", "EngineError", "The engine does not answer.")

    def left_running(cell: Cell) -> Cell:
        assert cell.server is not None
        phases = (*cell.phases[:-1], replace(cell.phases[-1], outcome="failed"))
        server = replace(cell.server, stopped_utc=None, exit_code=None)
        return replace(cell, status="failed", failure=unstopped, phases=phases, server=server)

    assert found(changed_files(in_cell(left_running))) == []


def test_numbers_of_a_failed_cell_are_recomputed_too() -> None:
    """The numbers of a cell that failed in its load are no place for invention."""
    files = changed_files(in_cell(lambda cell: replace(cell, status="failed", failure=DIED)))
    records = path(BATCHED, "records.jsonl")
    files[records] = b"".join(files[records].splitlines(keepends=True)[:-3])
    verdict = run_verdict(files)
    assert verdict.label == "rejected"
    assert "metrics.recomputed" in {finding.rule for finding in verdict.findings}


def test_an_interrupted_run_is_only_flagged() -> None:
    """One cell was broken off, the last never began: flagged as incomplete, for both of them."""

    def broken_off(cell: Cell) -> Cell:
        return replace(cell, status="interrupted", metrics=None, facts=None, load=None, telemetry=None)

    files = changed_files(
        in_cell(broken_off, SERIAL),
        drop(*(path(BATCHED, f"{name}.jsonl") for name in ("records", "texts", "correct", "telemetry"))),
        drop(path(BATCHED)),
        derive,
    )
    assert [(finding.rule, finding.where) for finding in found(files)] == [
        ("run.complete", f"result.json: {SERIAL}"),
        ("run.complete", f"result.json: {BATCHED}"),
    ]


@pytest.mark.parametrize(
    "change", [in_facts(clock_resolution_ns=1_000), in_facts(stale_retries=2)], ids=["resolution", "retries"]
)
def test_other_facts_of_an_honest_load_are_not_a_finding(change: Change) -> None:
    """A coarser clock or connections made anew are facts, not faults."""
    assert found(changed_files(change)) == []


def test_only_failed_cells_are_nothing_to_check() -> None:
    """A run without one measured cell has nothing that could be believed."""
    parts = ("records.jsonl", "texts.jsonl", "correct.jsonl")
    files = changed_files(*(in_cell(never_ready, name) for name in CELL_NAMES))
    drop(*(path(name, part) for name in CELL_NAMES for part in parts))(files)
    verdict = run_verdict(files)
    assert verdict.label == "rejected"
    assert "verdict.nothing_checked" in {finding.rule for finding in verdict.findings}


@pytest.mark.parametrize(("share", "flagged"), [(0.95, False), (0.949, True)])
def test_idle_users_are_flagged_just_where_the_cell_is_suspect(share: float, flagged: bool) -> None:
    """The flag and the mark mean the same, so one limit holds for both."""

    def idle(cell: Any) -> None:
        cell["metrics"]["mean_in_flight"] = share * cell["concurrency"]

    evidence = open_run(changed_files(document(path(BATCHED), idle)))
    cell = evidence.cells[BATCHED].cell
    assert cell is not None
    assert cell.metrics is not None
    assert cell.concurrency is not None

    assert any(isinstance(step, Issue) for step in load_busy.check(evidence)) == flagged
    assert (IDLE_USERS in suspicions(cell.concurrency, cell.metrics, evidence.calibration, 2)) == flagged


# --- dialects, counts, and the two methods --------------------------------------------------------------


def test_an_answer_without_its_end_mark_is_not_a_finding() -> None:
    """Its record says so; and any status of success is one."""
    without_done = in_record(lambda r: replace(r, done_seen=False, dialect=("no-done", "content-parts")))
    assert found(changed_files(without_done, record_fields(4, status=201))) == []


def test_a_usage_that_was_not_believed_is_a_flag_and_no_more() -> None:
    """As any count that is not the server's usage is."""
    doubted = record_fields(token_source="chunks", count_fault="below-chunks")
    assert {(finding.rule, finding.level) for finding in found(changed_files(doubted))} == {
        ("tokens.source", "flag")
    }


def test_reasoning_that_was_told_of_and_never_came_is_not_a_finding() -> None:
    """The tokens that the text cannot be are taken off by the same rule again."""

    def hidden(record: Record) -> Record:
        chunks = record.chunks[:-3]
        return replace(
            record, chunks=chunks, text_chars=sum(c[1] for c in chunks), reasoning_tokens=3, untimed_tokens=3
        )

    files = changed_files(in_record(hidden))
    assert {finding.rule for finding in run_verdict(files).findings} - NOTES == {
        "text.texts"
    }  # which is longer still


def of_first_method(cell: Cell) -> Cell:
    assert cell.load is not None
    return replace(cell, load=replace(cell.load, method=1))


def test_a_run_of_the_first_method_is_computed_by_it() -> None:
    """Plan and loads say nothing of a method, and the numbers are those of then."""
    old = [in_cell(lambda cell: replace(of_first_method(cell), telemetry=None), name) for name in CELL_NAMES]
    bare = value_of("calibration.json", Calibration, without_records)
    unsampled = drop(
        "calibration.jsonl", "telemetry.jsonl", *(path(name, "telemetry.jsonl") for name in CELL_NAMES)
    )
    of_then = in_plan(lambda plan: replace(plan, method=1))
    files = changed_files(of_kit("0.1.0"), of_then, *old, unsampled, bare)
    assert b'"method"' not in files["plan.json"] + files[path(BATCHED)]
    assert b"coalesced_share" not in files[path(BATCHED)]
    assert {finding.rule for finding in found(files)} == {"kit.version"}


@pytest.mark.parametrize(("version", "newer"), [("999.0.0", True), ("0.1.9", False)])
def test_a_kit_that_may_know_more_is_told(version: str, newer: bool) -> None:
    """What a newer kit wrote is judged as all else, and its reader is told what a refusal may mean."""
    notes = [each.message for each in found(changed_files(of_kit(version))) if each.rule == "kit.version"]
    assert notes
    assert all(("update it" in note) is newer for note in notes)


def test_a_load_of_another_method_than_the_plan_is_refused() -> None:
    """Nobody picks the rules that suit a cell."""
    verdict = run_verdict(changed_files(in_cell(of_first_method)))
    assert {finding.rule for finding in verdict.findings} - NOTES == {"cell.identity"}


def test_a_command_typed_on_another_machine_is_honest_unless_that_uses_more_cpus_than_it_has() -> None:
    """The engine's machine and the command's are held to the same rule."""

    def typed_elsewhere(usable: int) -> Change:
        names = ("system", "kernel", "architecture", "cpu_model", "cpus", "memory_bytes", "python", "packages")

        def change(host: Any) -> None:
            host["client"] = {**{name: host[name] for name in names}, "cpus_usable": usable}
            host["gpus"] = [{"name": "NVIDIA H200", "driver": "570.1"}]

        return document("host.json", change)

    def found_in(change: Change) -> list[Finding]:
        findings = run_verdict(changed_files(change)).findings
        return [finding for finding in findings if finding.level != "note"]

    assert found_in(typed_elsewhere(4)) == []
    (finding,) = found_in(typed_elsewhere(5))
    assert (finding.rule, finding.message) == ("host.present", "5 of 4 CPUs cannot be usable")
