"""Cells that were measured again: what an honest run leaves is accepted, and nobody gets to choose an attempt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents import Cell, CellFailure, Plan
from kit.strict import plain, write_json
from tests.support.forge import BATCHED, FIRST, SECOND, SERIAL, archive_of, path, read
from tests.support.good_attempts import (
    TRIED,
    Kind,
    Kinds,
    attempt_path,
    ended_so,
    moved,
    plan_of_attempts,
    result_of,
    run_of_attempts,
    tried_changed,
    tried_files,
    without_attempt,
)
from tests.support.good_bundle import Files
from tests.support.sealed import bundle_verdict, run_verdict

REPLAYED = "attempts.replayed"


def findings(data: bytes) -> set[tuple[str, str]]:
    return {(finding.rule, finding.level) for finding in bundle_verdict(data).findings}


def test_disturbed_and_interrupted_cells_that_were_measured_again_are_accepted() -> None:
    """All rules look at all attempts; that one was interrupted is told."""
    verdict = bundle_verdict(archive_of(dict(tried_files())))
    assert verdict.label == "self-reported"
    assert {finding.rule for finding in verdict.findings} == {"attempts.interrupted"}
    attempts = sum(map(len, TRIED.values())) + 2
    for rule in ("attempts.replayed", "cell.identity", "cell.status", "time.order", "time.one_at_a_time"):
        assert verdict.checked[rule] == attempts
    assert verdict.checked["telemetry.recomputed"] == verdict.checked["metrics.recomputed"] == attempts - 1


@pytest.mark.parametrize(
    "kinds",
    [
        {SERIAL: ("disturbed", "disturbed", "disturbed")},
        {SERIAL: ("interrupted", "disturbed", "interrupted", "disturbed", "disturbed")},
        {SERIAL: ("interrupted", "interrupted", "interrupted", "interrupted", "quiet")},
    ],
    ids=["to the last", "with interrupts between", "interrupts do not count"],
)
def test_a_run_that_kept_to_its_plan_is_accepted(kinds: Kinds) -> None:
    """Three measured attempts at most, however often it was interrupted."""
    assert bundle_verdict(ended_so(kinds)).label == "self-reported"


def test_a_cell_that_stays_disturbed_is_marked_in_the_result() -> None:
    """So it is in no verdict and has no grade; what the mark says is recomputed."""
    files = run_of_attempts({SERIAL: ("disturbed", "disturbed", "disturbed")}, plan_of_attempts())
    assert b"disturbed: other programs used 50 % of the CPU time" in files["result.json"]
    assert b'"attempts": 3' in files["result.json"]
    files["result.json"] = files["result.json"].replace(b"used 50 %", b"used 30 %")
    assert ("metrics.result", "reject") in findings(archive_of(files))


def test_a_run_that_was_broken_off_between_two_attempts_is_only_incomplete() -> None:
    """The cell has an attempt and no result, and nothing after it was begun."""
    files = run_of_attempts({SERIAL: ("disturbed", "quiet"), BATCHED: ()}, plan_of_attempts())
    for name in [name for name in files if name.startswith(f"cells/{SERIAL}/")]:
        del files[name]
    result = files["result.json"]
    cells = {name: read(files, path(name), Cell) for name in (FIRST, SECOND)}
    files["result.json"] = result_of(files, cells)
    assert files["result.json"] != result
    verdict = run_verdict(files)
    assert verdict.label == "self-reported", verdict.findings
    assert "run.complete" in {finding.rule for finding in verdict.findings}


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ({SERIAL: ("quiet", "quiet")}, "was set aside, although it was not disturbed"),
        ({SERIAL: ("disturbed", "disturbed", "disturbed", "quiet")}, "was measured more than 3 times"),
        ({SERIAL: ("disturbed",)}, "was disturbed and not measured again, 1 of 3 times"),
        ({SERIAL: ("interrupted", "disturbed")}, "was disturbed and not measured again, 1 of 3 times"),
    ],
    ids=["a figure was not liked", "once too often", "the first was good enough", "after an interrupt"],
)
def test_a_run_that_did_not_keep_to_its_plan_is_refused(kinds: Kinds, words: str) -> None:
    """Telemetry alone says what was to be measured again, and the plan how often."""
    found = [finding for finding in bundle_verdict(ended_so(kinds)).findings if finding.level == "reject"]
    assert {finding.rule for finding in found} == {REPLAYED}
    assert words in found[0].message


def test_an_attempt_that_failed_is_never_set_aside() -> None:
    """A failure counts: else whoever disliked a figure would let the server fail."""
    name = attempt_path(SERIAL, 1)

    def failed(files: Files) -> None:
        cell = read(files, name, Cell)
        files[name] = write_json(plain(replace(cell, status="failed", failure=None)))

    assert (REPLAYED, "reject") in findings(tried_changed(failed))


@pytest.mark.parametrize(
    ("kind", "kinds", "refused"),
    [("EmptyWindow", "disturbed", False), ("EmptyWindow", "quiet", True), ("ServerDied", "disturbed", True)],
)
def test_only_a_disturbance_sets_an_empty_window_aside(kind: str, kinds: Kind, refused: bool) -> None:
    """It is an attempt like any other; a server that died counts, and so does a window that was empty in quiet."""
    files = run_of_attempts({SERIAL: (kinds, "quiet")}, plan_of_attempts())
    name = attempt_path(SERIAL, 1)
    cell = replace(read(files, name, Cell), status="failed", failure=CellFailure("window", kind, "It failed."))
    files[name] = write_json(plain(replace(cell, metrics=None)))
    found = {finding.rule for finding in bundle_verdict(archive_of(files)).findings}
    assert (REPLAYED in found) is refused


def test_before_method_3_nothing_was_measured_again() -> None:
    """A plan of method 2 that says so is refused, whatever it says of attempts."""

    def older(files: Files) -> None:
        files["plan.json"] = write_json(plain(replace(read(files, "plan.json", Plan), method=2)))

    assert {(REPLAYED, "reject"), ("files.expected", "reject")} <= findings(tried_changed(older))


# --- nobody chooses ---------------------------------------------------------------------------------------


def rejected(data: bytes) -> bool:
    return bundle_verdict(data).label == "rejected"


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("cell", [SERIAL, BATCHED])
def test_an_attempt_cannot_be_left_out(cell: str, number: int) -> None:
    """Neither the first nor the last of them, disturbed or interrupted."""
    assert rejected(tried_changed(without_attempt(cell, number)))


def test_all_attempts_cannot_be_left_out() -> None:
    """The one that counts says that it was the third."""
    assert rejected(tried_changed(without_attempt(SERIAL, 1), without_attempt(SERIAL, 2)))


@pytest.mark.parametrize("number", [1, 2])
def test_an_earlier_attempt_cannot_take_the_place_of_the_one_that_counts(number: int) -> None:
    """It says itself which one it was, and that it was disturbed."""
    assert rejected(tried_changed(moved(f"attempts/{SERIAL}.{number}", f"cells/{SERIAL}")))


def test_attempts_cannot_change_places() -> None:
    """Order and times are those of the numbers."""
    one, two = f"attempts/{SERIAL}.1", f"attempts/{SERIAL}.2"
    swap = (moved(one, "attempts/x"), moved(two, one), moved("attempts/x", two))
    found = findings(tried_changed(*swap))
    assert {(REPLAYED, "reject"), ("time.order", "reject")} <= found


def test_an_attempt_of_another_cell_is_none_of_this_one() -> None:
    """It is planned otherwise."""
    assert ("cell.identity", "reject") in findings(
        tried_changed(moved(f"attempts/{BATCHED}.2", f"attempts/{SERIAL}.2"))
    )


@pytest.mark.parametrize("name", sorted(tried_files()))
def test_taking_any_file_out_never_helps(name: str) -> None:
    """Of a run with attempts as of any other: refused, but for samples that an interrupted attempt left over."""
    files = dict(tried_files())
    del files[name]
    verdict = run_verdict(files)
    over = name == attempt_path(BATCHED, 1, "telemetry.jsonl")
    assert verdict.label == ("self-reported" if over else "rejected")
    if over:
        assert "attempts.interrupted" in {finding.rule for finding in verdict.findings}


def test_a_disturbed_cell_cannot_call_itself_quiet() -> None:
    """Neither by leaving its reasons out nor by inventing some for a quiet one."""
    for name, reasons in ((attempt_path(SERIAL, 1), ()), (path(SERIAL), ("other programs used 99 %",))):

        def relabelled(files: Files, name: str = name, reasons: tuple[str, ...] = reasons) -> None:
            cell = read(files, name, Cell)
            assert cell.telemetry is not None
            files[name] = write_json(plain(replace(cell, telemetry=replace(cell.telemetry, disturbed=reasons))))

        assert (REPLAYED, "reject") in findings(tried_changed(relabelled))


@pytest.mark.parametrize("name", [path(SERIAL), attempt_path(SERIAL, 1)])
def test_a_cell_cannot_escape_by_having_no_telemetry(name: str) -> None:
    """Where disturbed cells are measured again, each measured one shows whether it was."""

    def unsampled(files: Files) -> None:
        files[name] = write_json(plain(replace(read(files, name, Cell), telemetry=None)))
        del files[name.replace("cell.json", "telemetry.jsonl")]

    assert (REPLAYED, "reject") in findings(tried_changed(unsampled))


def test_the_records_of_attempts_are_judged_like_any_others() -> None:
    """Numbers, texts and samples of what was set aside follow from its files, too."""

    def one_byte(name: str) -> bytes:
        return tried_changed(lambda files: files.__setitem__(name, files[name].replace(b"1", b"2", 1)))

    for part, rule in (
        ("records.jsonl", "records.complete"),
        ("texts.jsonl", "records.complete"),
        ("telemetry.jsonl", "telemetry.recomputed"),
    ):
        assert (rule, "reject") in findings(one_byte(attempt_path(SERIAL, 2, part)))


def test_what_was_set_aside_as_disturbed_need_not_be_steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that finds every window unsteady flags the cells that count, and no attempt."""
    monkeypatch.setattr("kit.verify.rules_load.MIN_STEADY_SHARE", 2.0)
    found = bundle_verdict(archive_of(dict(tried_files()))).findings
    flagged = [finding.where for finding in found if finding.rule == "load.steady"]
    assert flagged
    assert not [where for where in flagged if "attempts/" in where]
