"""The file of a self test: what passed, what failed and why, figures; by allow list, without names."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from kit.documents import Cell, CellFailure, Phase
from kit.documents.pins import ImagePin
from kit.documents.selftest import SelfTest
from kit.judge.selftest import ShortRun, all_passed, selftest_of
from kit.judge.trial_figures import CellParts
from kit.metrics.results import make_result
from kit.report.selftest_text import failure_lines, selftest_table
from kit.strict import plain, write_json
from kit.strict.schema import problems
from kit.verify.evidence import open_bundle
from tests.support.calibrations import good_calibration
from tests.support.good_bundle import good_bundle, good_host
from tests.support.good_containers import container_bundle

UTC = "2026-11-29T12:00:00.000000Z"
PRIVATE = ("workhorse", "alice")


def short_run(bundle: bytes, **changed: Cell) -> ShortRun:
    """The run of a bundle, some of its cells changed."""
    evidence = open_bundle(bundle)
    plan = evidence.plan
    assert plan is not None
    files = {
        name: replace(each, cell=changed.get(name.replace("-", "_"), each.cell))
        for name, each in evidence.cells.items()
    }
    cells = {name: each.cell for name, each in files.items() if each.cell}
    digest = sha256(evidence.files["plan.json"]).hexdigest()
    result = make_result(plan, digest, cells, good_calibration())
    parts = {name: CellParts(each.cell, (), each.checks or ()) for name, each in files.items()}
    notes = ("One prompt counts 41 tokens.",)
    return ShortRun(plan, digest, result, parts, good_host(), good_calibration(), notes, 0.1)


def made(bundle: bytes = good_bundle(), **changed: Cell) -> SelfTest:
    return selftest_of(short_run(bundle, **changed), UTC, PRIVATE)


def cell_of(bundle: bytes, name: str) -> Cell:
    found = open_bundle(bundle).cells[name].cell
    assert found is not None
    return found


@pytest.fixture
def broken() -> SelfTest:
    """One cell failed with words that name the machine, its user and their folders; a log stands below."""
    failed = CellFailure("ready", "RuntimeNotReadyError", "No /home/alice/m.gguf on workhorse.\n  log of alice")
    whole = cell_of(good_bundle(), "r1-c2-llamacpp-batched")
    cell = replace(
        whole,
        status="failed",
        failure=failed,
        metrics=None,
        phases=(Phase("start", 0, 10**9, "ok"), Phase("ready", 10**9, 2 * 10**9, "failed")),
    )
    return made(r1_c2_llamacpp_batched=cell)


def test_every_entry_says_what_passed_and_its_figures() -> None:
    """Of processes: no image, no engine."""
    found = made()
    assert problems(plain(found), "selftest") == []
    assert all_passed(found)
    assert (found.platform, found.engine, found.engine_version) == ("demo-short", "process", None)
    first = found.entries[0]
    assert (first.entry, first.version, first.image, first.passthrough) == (
        "llamacpp-serial",
        "b1-abc",
        None,
        None,
    )
    assert [level.users for level in first.levels] == [1, 2]
    level = first.levels[0]
    assert (level.right, level.asked) == (7, 7)
    assert level.passed[0] == "start"
    assert level.passed[-1] == "stop"
    assert level.throughput_tok_s
    assert level.ttft_p50_ms
    assert level.cold_start_ms
    assert found.load_generator_tok_s
    assert found.notes == ("One prompt counts 41 tokens.",)


def test_a_failure_has_its_phase_and_its_reason_without_names(broken: SelfTest) -> None:
    """Neither of the machine nor of its user, no folder, no line of a log."""
    assert not all_passed(broken)
    level = broken.entries[1].levels[1]
    assert level.failure is not None
    assert (level.status, level.failure.phase, level.passed) == ("failed", "ready", ("start",))
    assert level.failure.reason == "No (path) on (name)."
    assert level.throughput_tok_s is None
    assert b"alice" not in write_json(plain(broken))
    assert failure_lines(broken) == ["llamacpp-batched at 2 users: failed in ready: No (path) on (name)."]


def test_a_cell_that_never_ran_is_missing() -> None:
    """An interrupt, or a kit that was killed."""
    run = short_run(good_bundle())
    cells = {name: parts for name, parts in run.cells.items() if name != "r1-c1-llamacpp-serial"}
    evidence_cells = {name: parts.cell for name, parts in cells.items() if parts.cell}
    result = make_result(run.plan, run.plan_sha256, evidence_cells, run.calibration)
    found = selftest_of(replace(run, cells=cells, result=result, calibration=None), UTC, PRIVATE)
    assert found.entries[0].levels[0].status == "missing"
    assert found.load_generator_tok_s is None
    assert failure_lines(found) == ["llamacpp-serial at 1 user: missing"]


def test_of_containers_image_labels_and_digests_are_kept_by_allow_list() -> None:
    """A registry's host, the labels of the run and everything else stay at home."""
    bundle = container_bundle()
    evidence = open_bundle(bundle)
    assert evidence.plan is not None
    name = evidence.plan.cells[0].id
    cell = cell_of(bundle, name)
    assert cell.server is not None
    assert cell.server.container is not None
    digest = f"sha256:{'ab' * 32}"
    labels = {**cell.server.container.labels, "org.kit.run": "workhorse-7", "maintainer": "alice"}
    odd = replace(cell.server.container, repo_digests=(f"registry.example.com/x@{digest}",), labels=labels)
    found = made(bundle, **{name.replace("-", "_"): replace(cell, server=replace(cell.server, container=odd))})
    assert problems(plain(found), "selftest") == []
    image = found.entries[0].image
    assert image is not None
    pin: ImagePin = next(pin for pin in evidence.plan.images if pin.entry == found.entries[0].entry)
    assert (image.reference, image.target, image.digests) == (pin.reference, pin.target, (digest,))
    assert "runtime" in image.labels
    assert not image.labels.keys() & {"run", "cell", "role", "inputs", "maintainer"}
    text = write_json(plain(found)).decode()
    for word in ("alice", "workhorse", "example.com"):
        assert word not in text
    assert found.engine_version


def test_the_table_has_a_row_for_each_entry(broken: SelfTest) -> None:
    """By platform and time; what somebody's file says is a word and no Markdown."""
    host = replace(broken.host, cpu_model="A | <b>CPU</b>")
    foreign = replace(broken, platform="zzz", host=host)
    lines = selftest_table([foreign, broken]).splitlines()
    assert [part.strip() for part in lines[0].strip("|").split("|")] == [
        "platform", "entry", "runtime", "version", "1 user", "2 users", "machine", "seen",
    ]  # fmt: skip
    assert len(lines) == 2 + 4
    assert lines[2].startswith("| demo-short ")
    assert "failed in ready" in lines[3]
    assert "tok/s, TTFT" in lines[2]
    assert "2026-11-29, kit " in lines[2]
    assert "<b>" not in lines[4]
    assert lines[4].startswith("| zzz ")


def test_a_level_without_an_answer_in_its_window_has_not_passed() -> None:
    """It was measured, and says nothing of its speed."""
    found = made()
    entry = found.entries[0]
    silent = replace(entry.levels[0], requests_ok=0, ttft_p50_ms=None)
    mute = replace(found, entries=(replace(entry, levels=(silent,)),))
    assert not all_passed(mute)
    assert failure_lines(mute) == ["llamacpp-serial at 1 user: no answer ended in the window"]
    assert "| no answer ended in the window" in selftest_table([mute])


@pytest.mark.parametrize(("load", "busy"), [(None, False), (1.0, False), (1.1, True)])
def test_a_busy_machine_is_told(load: float | None, busy: bool) -> None:
    """More than half of its two CPUs were wanted before the test."""
    assert ("busy (load" in selftest_table([replace(made(), load_average=load)])) == busy


def test_a_suspect_figure_is_marked() -> None:
    """The load generator may have made it."""
    found = made()
    entry = found.entries[0]
    doubtful: Any = replace(entry.levels[0], suspect=("not calibrated",))
    table = selftest_table([replace(found, entries=(replace(entry, levels=(doubtful,)),))])
    assert "SUSPECT" in table
