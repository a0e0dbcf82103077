"""What verification costs is bounded: hostile bundles and folders are refused before they are read to the end."""

from __future__ import annotations

import os
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.assets import asset
from kit.documents import CellPlan, Record, Window
from kit.metrics.limits import STEADY_PARTS
from kit.metrics.results import make_result
from kit.metrics.steadiness import slowest_part
from kit.plan import correctness
from kit.plan.correctness import MAX_JUDGED_CHARS, judge, load_suite, parse_suite
from kit.plan.prompts import SUITES
from kit.storage import archive, run_folder
from kit.storage.archive import ArchiveError, pack, unpack
from kit.storage.names import CORRECT, HOST, RECORDS
from kit.storage.run_folder import read_folder
from kit.strict import json_reader, write_json
from kit.strict.json_reader import MAX_CONTAINERS, MAX_DEPTH, MAX_VALUES, StrictError, read_json
from kit.verify import evidence
from kit.verify.evidence import MAX_ANSWERS, Evidence, open_run
from kit.verify.rule import Issue, Rule
from kit.verify.rules_load import load_schedule
from kit.verify.rules_time import time_monotonic
from kit.verify.views import eps_ns, loaded_cells
from tests.support.forge import BATCHED, changed_files, in_record, in_records, path
from tests.support.good_bundle import good_files, good_plan
from tests.support.records import make_record

MIB = 1 << 20


@contextmanager
def at_most(bytes_: int) -> Iterator[None]:
    """Python may have so many bytes more than before while the block runs."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= bytes_


def problems_of(name: str, data: bytes) -> list[tuple[str, str, str]]:
    found = open_run({**good_files(), name: data})
    return [(each.rule, each.where, each.message) for each in found.problems]


# --- reading ----------------------------------------------------------------------------------------------


def test_a_line_is_typed_before_the_next_is_parsed() -> None:
    """60 MB of lists would be 800 MB of Python; the first line is no record, and no other is made."""
    data = (b"[" + b"[]," * 10_000 + b"[]]\n") * 2_000
    with at_most(8 * MIB):
        ((rule, where, message),) = problems_of(path(BATCHED, RECORDS), data)
    assert (rule, where, message) == (
        "schema.valid",
        f"{path(BATCHED, RECORDS)}:1",
        "expected an object, found a list",
    )


def test_chunks_take_little_more_memory_than_their_bytes() -> None:
    """Two hundred thousand of eight bytes each: as tuples they were 14 MB and more."""
    line = good_files()[path(BATCHED, RECORDS)].splitlines()[0]
    start, end = line.index(b"[[") + 1, line.index(b"]]") + 1
    data = line[:start] + b"[0,1,0]," * 199_999 + b"[0,1,0]" + line[end:] + b"\n"
    tracemalloc.start()
    found = open_run({path(BATCHED, RECORDS): data}).cells[BATCHED].records
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found is not None
    assert len(found[0].chunks) == 200_000
    assert kept < 2.4 * MIB


@pytest.mark.parametrize(
    ("piece", "most", "words"),
    [
        (b"[]", 200_000 - 1, "lists and objects"),
        (b"{}", 200_000 - 1, "lists"),
        (b"1", 400_000 + 1, "values"),
    ],
)
def test_a_document_has_so_many_values_and_no_more(
    piece: bytes, most: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is one too many is refused before anything is made of it; tried at a tenth of the real limits."""
    assert (MAX_CONTAINERS, MAX_VALUES) == (2_000_000, 4_000_000)
    monkeypatch.setattr(json_reader, "MAX_CONTAINERS", 200_000)
    monkeypatch.setattr(json_reader, "MAX_VALUES", 400_000)
    assert len(read_json(b"[" + (piece + b",") * (most - 1) + piece + b"]", "f")) == most  # type: ignore[arg-type]
    with at_most(16 * most), pytest.raises(StrictError, match=f"more than [0-9]+ .*{words}"):
        read_json(b"[" + (piece + b",") * most + piece + b"]", "f")


def test_a_document_of_the_wrong_size_is_refused_before_it_is_parsed() -> None:
    """A million packages take the schema eleven seconds."""
    packages = {str(at): "x" for at in range(100_000)}
    data = write_json({"packages": packages})
    ((rule, where, message),) = problems_of(HOST, data)
    assert (rule, where) == ("json.strict", HOST)
    assert message == f"{len(data)} bytes are more than the {MIB} allowed"


def test_answers_that_nobody_asked_for_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    line = good_files()[path(BATCHED, CORRECT)].splitlines(keepends=True)[0]
    assert problems_of(path(BATCHED, CORRECT), line * 50) == []
    monkeypatch.setattr(evidence, "MAX_ANSWERS", 50)
    ((rule, where, message),) = problems_of(path(BATCHED, CORRECT), line * 51)
    assert (rule, where, message) == ("json.strict", f"{path(BATCHED, CORRECT)}, line 51", "more than 50 lines")
    assert MAX_ANSWERS > 4096 + 100


def test_a_deep_document_is_refused_as_before() -> None:
    with pytest.raises(StrictError, match="deep"):
        read_json(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "f")


# --- archives and folders ---------------------------------------------------------------------------------

EMPTY_STORED = b"\x00\x00\x00\xff\xff"


def with_empty_blocks(count: int) -> bytes:
    """A good archive with so many deflate blocks of nothing before its content."""
    packed = pack({"a": b"x" * 1000})
    return packed[:10] + EMPTY_STORED * count + packed[10:]


@pytest.mark.parametrize(("spare", "refused"), [(-20, False), (20, True)])
def test_deflate_may_be_longer_than_its_content_by_so_much(spare: int, refused: bool) -> None:
    """Blocks of nothing are no reader's business, but a block of them is."""
    content = 512 + 1024 + 1024
    data = with_empty_blocks((content + archive._BLOCK_BYTES + spare * len(EMPTY_STORED)) // len(EMPTY_STORED))
    if refused:
        with pytest.raises(ArchiveError, match="larger than its content"):
            unpack(data)
    else:
        assert unpack(data) == {"a": b"x" * 1000}


def test_bytes_that_cannot_be_compressed_are_packed_and_read() -> None:
    """Deflate stores them, and adds a few bytes to each block."""
    files = {"a": os.urandom(3 * MIB)}
    packed = pack(files)
    assert len(packed) > 3 * MIB
    assert unpack(packed) == files
    assert zlib.decompress(packed, 31)[512:][: 3 * MIB] == files["a"]


def sparse(file: Path, size_bytes: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as opened:
        opened.truncate(size_bytes)


def test_a_folder_has_a_limit_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve files that take no room on a disk were three gigabytes of memory."""
    monkeypatch.setattr(run_folder, "MAX_FOLDER_BYTES", 3 * MIB)
    for name in "abcd":
        sparse(tmp_path / name, MIB)
    found = read_folder(tmp_path)
    assert [*found.files] == ["a", "b", "c"]
    assert found.refused == {"d": f"is too large: with it the folder exceeds {3 * MIB} bytes"}


def test_a_folder_has_so_many_files_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "MAX_FILES", 3)
    for name in "abcdefgh":
        (tmp_path / name).touch()
    found = read_folder(tmp_path)
    assert [*found.files] == ["a", "b", "c"]
    assert [*found.refused] == ["d", "e", "f"]  # and then it is enough


# --- judging ----------------------------------------------------------------------------------------------


def issues(rule: Rule, opened: Evidence) -> list[str]:
    return [step.message for step in rule.check(opened) if isinstance(step, Issue)]


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def test_rows_take_time_as_there_are_cells() -> None:
    """Not as rows times cells: 10,000 rows of 100,000 cells were 53 s."""
    plan = good_plan()
    entries = tuple(replace(plan.entries[0], name=f"e{at}") for at in range(100))
    levels = tuple(range(1, 101))
    cells = tuple(
        CellPlan(f"r1-c{level}-{entry.name}", at * 100 + level - 1, entry.name, level, 1, f"r1-c{level}")
        for at, entry in enumerate(entries)
        for level in levels
    )
    large = replace(plan, entries=entries, cells=cells, workload=replace(plan.workload, concurrencies=levels))
    assert seconds(lambda: make_result(large, "0" * 64, {}, None)) < 5  # by rows times cells 100 million steps


def test_the_schedule_is_made_only_for_requests_in_their_place() -> None:
    """Each pass of the prompts costs as much as it has prompts, and ids could be of any pass."""
    far = changed_files(in_records(lambda found: [replace(each, id=each.id * 10**9) for each in found]))
    opened = open_run(far)
    assert seconds(lambda: issues(load_schedule, opened)) < 1
    wrong = changed_files(in_record(lambda record: replace(record, salt="0" * 16)))
    assert len(issues(load_schedule, open_run(wrong))) == 1


def evil_answers(test: correctness.Test) -> Iterator[str]:
    """Texts that make patterns go back and forth, as long as answers are kept."""
    heads = [test.prompt, "def fibonacci(", "1", "def f():\n", '{"city": ', "select * from users where ", ""]
    pumps = ["\nwhile ", "for x in ", " ", "\n", "\t", "1 ..", "1\n", "let a: b", "((", "56,", '"a", ', "```\n"]
    return ((head + pump * MAX_JUDGED_CHARS)[: 2 * MAX_JUDGED_CHARS] for head in heads for pump in pumps)


@pytest.mark.parametrize("name", sorted(SUITES))
def test_no_answer_takes_long_to_judge(name: str) -> None:
    """An expression of a suite may be worse than linear, for so many characters and no more."""
    for level in parse_suite(asset("prompts", f"{name}.yaml").read_bytes(), name):
        for test in load_suite(name, level.name).tests:
            for answer in evil_answers(test):
                began = time.process_time()
                judge(test, answer)
                assert time.process_time() - began < 0.5, (test.name, answer[:40])


# --- what is quicker now says the same --------------------------------------------------------------------


STEPS = st.integers(-3, 4).map(lambda step: step * 10_000)


@given(st.lists(STEPS, min_size=1, max_size=8), st.integers(0, 20_000))
def test_stamps_that_ascend_are_looked_at_by_their_ends(steps: list[int], resolution_ns: int) -> None:
    """The faults are those of every pair of neighbours."""
    loaded = loaded_cells(open_run(good_files()))[0]
    record = loaded.records[0]
    stamps = [chunk[0] for chunk in record.chunks]
    for at, step in enumerate(steps):
        stamps[at] += step
    facts = replace(loaded.facts, clock_resolution_ns=max(1, resolution_ns))
    changed = replace(record, chunks=tuple((at, 1, 0) for at in stamps))
    every = (record.intended_ns, record.sent_ns, record.headers_ns, record.first_event_ns, *stamps, record.done_ns)
    known = [at for at in (*every, facts.duration_ns) if at is not None]
    one = replace(loaded, facts=facts, records=(changed,))
    bad = any(later + eps_ns(one) < earlier for earlier, later in pairwise(known))
    cell = replace(loaded.cell, facts=facts)
    files = replace(loaded.found.files, cell=cell, records=(changed,))
    opened = replace(open_run(good_files()), cells={loaded.found.planned.id: files})
    found = [each for each in issues(time_monotonic, opened) if "backwards" in each]
    assert bool(found) == bad


def naive_slowest(records: list[Record], window: Window, parts: int) -> float:
    length_ns = window.end_ns - window.start_ns
    counts = [0] * parts
    for record in records:
        for at, _, _ in record.chunks:
            if window.start_ns <= at < window.end_ns:
                counts[(at - window.start_ns) * parts // length_ns] += 1
    ordered = sorted(counts)
    half = parts // 2
    usual = ordered[half] if parts % 2 else (ordered[half - 1] + ordered[half]) / 2
    return min(counts) / usual


@given(st.lists(st.integers(0, 10_000), min_size=400, max_size=500), st.integers(9_000, 10_007), st.booleans())
def test_parts_of_a_window_are_counted_as_one_by_one(stamps: list[int], end: int, ordered: bool) -> None:
    """Also where stamps stand in any order, and where parts are of no whole number of ns."""
    window = Window(7, end)
    quick = make_record(0, sent_ms=0, chunks_ms=(0.0,), done_ms=1)
    record = replace(quick, sent_ns=0, chunks=tuple((at, 1, 0) for at in (sorted(stamps) if ordered else stamps)))
    first = replace(quick, sent_ns=0, chunks=((0, 1, 0),))  # the median wait is next to nothing: all the parts
    found = slowest_part([record, *[first] * 3], window)
    assert found is None or found == naive_slowest([record], window, STEADY_PARTS)
