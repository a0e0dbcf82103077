"""`python -m kit.loadgen` with several processes: the same load as by one, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from kit.documents import Cell, Load, LoadFacts, Loop, Record
from kit.loadgen.__main__ import main
from kit.loadgen.counters import (
    DONE,
    INTERRUPTED,
    RUNNING,
    Ledger,
    Share,
    due_requests,
    shared_ledger,
)
from kit.plan.plan import cell_load
from kit.plan.schedule import arrivals_ns, planned_request
from kit.storage.cell_folder import read_records
from kit.strict import plain, read_json, typed
from kit.strict.schema import problems
from kit.verify import rules_load, rules_time
from kit.verify.evidence import CellFiles, Evidence
from kit.verify.rule import Issue
from tests.support.framing import CHUNKED, chunked
from tests.support.good_bundle import good_files, good_plan
from tests.support.hostile import TEXT, answering, asked, most_in_flight, serving, verdict
from tests.support.scripted import MS, behaving, in_thread
from tests.unit.loadgen.test_program import WAIT_S, Event, changed, pinned, said, started
from tests.unit.loadgen.test_session import half_refused

Left = tuple[list[Record], LoadFacts, list[Event]]
linux = pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="this system does not list processes")


def left_in(folder: Path, output: bytes) -> Left:
    """Records, facts and events of a program that has ended; there is nothing but files of records."""
    out = folder / "out"
    assert {path.name for path in out.iterdir()} - {"metrics.json"} == {
        "facts.json",
        "records.jsonl",
        "texts.jsonl",
    }
    facts = typed(LoadFacts, read_json((out / "facts.json").read_bytes(), "facts"), "facts")
    return list(read_records(out / "records.jsonl")), facts, said(output)


def carried_out(load: Load, folder: Path, processes: int) -> Left:
    """What the program leaves after a good end; ids have no holes, and each has what the schedule gives it."""
    folder.mkdir()
    with started(replace(load, processes=processes), folder) as child:
        output, errors = child.communicate(timeout=WAIT_S)
    assert (child.returncode, errors) == (0, b"")
    records, facts, events = left_in(folder, output)
    assert facts.processes == processes
    assert [asked_for(each) for each in records] == [scheduled(load, place) for place in range(len(records))]
    return records, facts, events


def asked_for(each: Record) -> tuple[int, int, str, int]:
    return each.id, each.prompt, each.salt, each.max_tokens


def scheduled(load: Load, place: int) -> tuple[int, int, str, int]:
    planned = planned_request(load.seed, load.lane, place, load.prompts.count, load.output_tokens)
    return place, planned.prompt, planned.salt, planned.max_tokens


# --- the same load --------------------------------------------------------------------------------------


def test_three_processes_ask_what_one_asks(tmp_path: Path) -> None:
    """As many requests, of the same ids, prompts, salts and lengths, by the same workers, one at a time each."""
    with in_thread(behaving(ttft_ms=4, itl_ms=1)) as url:
        load = pinned(url, requests=30, concurrency=4, tokens=(1, 9))
        (one, _, _), (many, facts, events) = (carried_out(load, tmp_path / str(n), n) for n in (1, 3))
    assert [asked_for(each) for each in one] == [asked_for(each) for each in many]
    assert {verdict(each) for each in many} == {"ok"}
    assert [each.worker for each in many[:4]] == [each.worker for each in one[:4]] == [0, 1, 2, 3]
    assert {each.worker for each in many} == {0, 1, 2, 3}
    assert most_in_flight(many) <= 4
    assert facts.window is not None
    assert max(each.done_ns for each in many) <= facts.window.end_ns <= facts.duration_ns
    assert (events[0]["event"], [event["event"] for event in events[-2:]]) == ("progress", ["parse", "end"])


def test_the_rules_of_verify_hold_for_several_processes(tmp_path: Path) -> None:
    """Schedule, workers, closed loop, stamps and window, by the rules that judge a bundle."""
    plan = good_plan()
    planned = next(cell for cell in plan.cells if cell.concurrency == 2)
    workload = replace(plan.workload, warmup_ns=60 * MS, window_ns=150 * MS)
    plan = replace(plan, workload=workload, cells=(planned,))
    with in_thread(behaving(ttft_ms=3, itl_ms=0.1)) as url:
        load = cell_load(plan, planned, url, "reference")
        records, facts, events = carried_out(load, tmp_path / "two", 2)
    assert {"warm-up", "window"} <= {event["phase"] for event in events if event["event"] == "progress"}
    inside = [each for each in records if 60 * MS <= (each.sent_ns or 0) < 210 * MS]
    assert {verdict(each) for each in inside} == {"ok"}
    name = f"cells/{planned.id}/cell.json"
    cell = replace(typed(Cell, read_json(good_files()[name], name), name), load=load, facts=facts)
    files = CellFiles(planned.id, cell, tuple(records), None, None)
    evidence = Evidence("run", {}, plan=plan, cells={planned.id: files})
    judged = (*rules_load.RULES, rules_time.time_monotonic, rules_time.time_window)
    steps = [step for rule in judged if rule.level == "reject" for step in rule.check(evidence)]
    assert [step for step in steps if isinstance(step, Issue)] == []
    assert sum(step for step in steps if isinstance(step, int)) >= 4 * len(records) > 40
    assert problems(plain(cell), "cell") == []


def test_an_open_loop_keeps_its_one_schedule(tmp_path: Path) -> None:
    """Arrival i is request i, whoever sends it, and none is left out at the end."""
    loop = Loop("open", None, "poisson", 300_000)
    with in_thread(behaving(ttft_ms=2)) as url:
        load = pinned(url, requests=None, loop=loop, window_ns=200 * MS, drain_ns=900 * MS, tokens=(1, 3))
        records, facts, _ = carried_out(load, tmp_path / "open", 3)
    due = list(islice(arrivals_ns(load.seed, load.lane, loop), len(records)))
    assert [each.intended_ns for each in records] == due
    assert {each.worker % 3 - each.id % 3 for each in records} == {0}
    assert {verdict(each) for each in records if each.intended_ns < 200 * MS} == {"ok"}
    assert facts.window is not None


def test_a_load_is_given_up_by_the_failures_of_all_processes(tmp_path: Path) -> None:
    """Not before twenty have ended in all; no process alone has seen so many."""
    with serving(half_refused) as server:
        load = pinned(server.url, requests=300, concurrency=3, max_error_milli=400)
        records, facts, _ = carried_out(load, tmp_path / "bad", 3)
    assert (facts.aborted, facts.window) == (True, None)
    assert 20 <= sum(verdict(each) != "unfinished" for each in records) <= 22


# --- ended from outside ---------------------------------------------------------------------------------


def parent_of(pid: int) -> int:
    """The parent of a process; 0 if it is gone or only waits to be noticed."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[:2]
    except OSError:
        return 0
    return 0 if state == "Z" else int(parent)


def children_of(pid: int, count: int) -> list[int]:
    """The children of a program, as soon as there are so many."""
    limit = time.monotonic() + WAIT_S
    while time.monotonic() < limit:
        found = [int(path.name) for path in Path("/proc").glob("[0-9]*") if parent_of(int(path.name)) == pid]
        if len(found) == count:
            return found
        time.sleep(0.005)
    raise AssertionError("there never were so many")


def gone(pids: list[int]) -> bool:
    """Whether all these end soon."""
    limit = time.monotonic() + 5
    while any(map(parent_of, pids)) and time.monotonic() < limit:
        time.sleep(0.005)
    return not any(map(parent_of, pids))


def disturbed(folder: Path, act: Callable[[subprocess.Popen[bytes], list[int]], None]) -> tuple[int, bytes]:
    """Exit code and output of an endless load of two processes in which something happens; none is left."""
    with serving(answering(CHUNKED + chunked(TEXT))) as server:
        load = pinned(server.url, requests=None, concurrency=4, window_ns=60_000 * MS, processes=2)
        with started(load, folder) as child:
            pids = children_of(child.pid, 2)
            limit = time.monotonic() + WAIT_S
            while len(server.requests) < 4 and time.monotonic() < limit:
                time.sleep(0.005)
            time.sleep(0.05)
            act(child, pids)
            begun = time.monotonic()
            output, _ = child.communicate(timeout=WAIT_S)
            assert gone(pids)
            assert time.monotonic() - begun < 2
        return child.returncode, output


@linux
@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_processes_and_keeps_what_they_have(name: signal.Signals, tmp_path: Path) -> None:
    """Exit code 0, as with one."""
    code, output = disturbed(tmp_path, lambda child, _: child.send_signal(name))
    records, facts, events = left_in(tmp_path, output)
    assert code == 0
    assert [(each.id, each.worker, verdict(each), len(each.chunks)) for each in records] == [
        (place, place, "unfinished", 1) for place in range(4)
    ]
    assert (facts.interrupted, facts.window, events[-1]["interrupted"]) == (True, None, True)


@linux
def test_a_process_that_dies_is_an_error_and_the_others_are_kept(tmp_path: Path) -> None:
    """Exit code 3, one event that names the signal, the records of the other process."""
    code, output = disturbed(tmp_path, lambda _, pids: os.kill(min(pids), signal.SIGKILL))
    records, facts, events = left_in(tmp_path, output)
    assert code == 3
    assert (events[-1]["event"], events[-1]["code"]) == ("error", 3)
    assert "Process 1 of the load generator was ended by signal 9" in events[-1]["what"]
    assert [each.worker for each in records] == [1, 3]
    assert (facts.requests, facts.interrupted, facts.window) == (2, True, None)


@linux
def test_no_process_outlives_its_parent(tmp_path: Path) -> None:
    """Not even one that was killed, and no spool stays on the disk."""
    code, _ = disturbed(tmp_path, lambda child, _: child.kill())
    assert code == -signal.SIGKILL
    assert list((tmp_path / "out").iterdir()) == []


# --- refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("processes", [0, -1, 257])
def test_a_load_has_a_number_of_processes_that_can_be(
    processes: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By one event; nothing is begun."""
    (tmp_path / "load.json").write_bytes(changed(processes=processes))
    assert main([str(tmp_path / "load.json"), str(tmp_path)]) == 2
    assert f"{processes} processes" in said(capsys.readouterr().out.encode())[0]["what"]


# --- the ledger -----------------------------------------------------------------------------------------


def at(now_ns: int) -> Callable[[], int]:
    return lambda: now_ns


def pair(load: Load) -> tuple[Ledger, Ledger]:
    first = Ledger(load, Share(0, 2))
    return first, first.of(Share(1, 2))


def test_first_requests_are_those_of_the_workers() -> None:
    """And the next id comes after them, whoever asks; a ramp has no first requests."""
    load = asked("http://h", requests=7, concurrency=5)
    one, other = pair(load)
    assert (one.firsts, one.counts().in_flight) == (5, 5)
    assert [one.take(0), other.take(0), one.take(0)] == [5, 6, None]
    assert Ledger(replace(load, warmup_ns=2, ramp_ns=1)).firsts == 0
    assert Ledger(replace(load, requests=3)).firsts == 3


def test_a_load_by_number_has_ended_when_the_last_request_of_any_process_has() -> None:
    """Also of one that has not begun its share yet."""
    one, other = pair(asked("http://h", requests=2, concurrency=2))
    one.ended(good=True, failed=False)
    assert (one.all_ended(), one.take(0)) == (False, None)
    other.ended(good=False, failed=True)
    assert one.all_ended()
    assert (one.counts().ok, one.counts().failed) == (1, 1)


def test_who_ends_a_load_first_says_how() -> None:
    """Nothing begins after it; its window is the one of the load, or ends then."""
    one, other = pair(asked("http://h", requests=9, concurrency=2))
    assert one.how == RUNNING
    other.end(DONE, at(5))
    one.end(INTERRUPTED, at(9))
    assert (one.how, one.end_ns, one.take(0), one.arrive()) == (DONE, 5, None, False)
    window = one.window()
    assert window is not None
    assert (window.start_ns, window.end_ns) == (0, 5)


def test_a_shared_ledger_is_the_same_book() -> None:
    """What one process writes the other reads."""
    with shared_ledger(asked("http://h", requests=None, concurrency=3, window_ns=5), 2) as one:
        other = one.of(Share(1, 2))
        assert [one.take(0), other.take(0), one.next_id()] == [3, 4, None]
        other.settle()
        assert not one.all_settled()
        one.settle()
        other.note_pieces(7)
        assert (one.all_settled(), one.counts().pieces, one.counts().in_flight) == (True, 7, 5)


def test_arrivals_are_shared_out_by_their_number() -> None:
    """A load by number counts those after the warm-up, whoever sends them."""
    load = asked("http://h", requests=3, loop=Loop("open", None, "constant", 1000), warmup_ns=2)
    shares = [list(due_requests(load, iter(range(9)), Share(number, 2))) for number in (0, 1)]
    assert shares == [[(0, 0), (2, 2), (4, 4)], [(1, 1), (3, 3)]]
