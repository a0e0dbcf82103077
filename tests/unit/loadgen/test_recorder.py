"""From a spool to records: in the order of ids, the same on one core as on several, nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Exchange, FailureReason, Failures, Metrics, PlannedRequest, Record, Slo, Window
from kit.loadgen import recorder
from kit.loadgen.loadrun import LoadRun
from kit.loadgen.recorder import keep, record_line
from kit.loadgen.spool import Spool, Spools
from kit.metrics.aggregate import cell_metrics
from kit.storage.cell_folder import read_records
from kit.strict import plain, read_json, read_jsonl, record_from, typed, write_jsonl_line
from tests.support.documents import LOAD as EVERYTHING
from tests.support.records import MS, make_record

LOAD = replace(EVERYTHING, slo=None, validate=None)
ANSWER = (
    b'data: {"choices":[{"delta":{"content":"one"}}]}\n\n'
    b'data: {"choices":[{"delta":{"content":" two"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


def exchange(id_: int, body: bytes = ANSWER) -> Exchange:
    return Exchange(
        id=id_,
        worker=id_ % 4,
        intended_ns=id_ * MS,
        connect_ns=None,
        sent_ns=id_ * MS,
        headers_ns=id_ * MS + 1,
        done_ns=id_ * MS + 9,
        status=200,
        pieces=((id_ * MS + 2, body[:60]), (id_ * MS + 3, body[60:])),
        complete=True,
    )


def planned(id_: int) -> PlannedRequest:
    return PlannedRequest(id_, 0, "0" * 16, 2)


def run_of(spool: Spool) -> LoadRun:
    return LoadRun(
        exchanges=spool,
        origin_ns=5,
        window=Window(0, 1000 * MS),
        interrupted=False,
        aborted=False,
        stamp_source="kernel",
        origin_utc_ns=10**18,
        ended_utc_ns=10**18 + 1,
        duration_ns=1,
        cpu_ns=1,
        stale_retries=0,
    )


@pytest.fixture(params=["memory", "disk"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "spool.bin" if request.param == "disk" else None)
    yield made
    made.close()


def test_a_spool_gives_back_what_it_took_in_the_order_of_ids(spool: Spool) -> None:
    """Whatever the order in which answers ended."""
    taken = [exchange(id_) for id_ in (3, 0, 2, 1)]
    for each in taken:
        spool.add(each)
    assert list(spool) == sorted(taken, key=lambda each: each.id)
    assert list(spool.read([2, 0])) == [exchange(2), exchange(0)]
    assert len(spool) == 4
    assert spool.size_bytes > 4 * len(ANSWER)


def test_several_spools_are_read_as_one(tmp_path: Path) -> None:
    """By their ids, with what another process has added to the file of each."""
    taken = [[exchange(id_) for id_ in ids] for ids in ((3, 0), (2, 1), ())]
    found = []
    for number, each in enumerate(taken):
        path = tmp_path / f"{number}.bin"
        found.append(Spool(path))
        with closing(Spool(path)) as other:
            for one in each:
                other.add(one)
            other.flush()
            found[-1].adopt(other.index())
    both = Spools(found)
    assert [each.id for each in both] == both.ids() == [0, 1, 2, 3]
    assert list(both.read([2, 0])) == [exchange(2), exchange(0)]
    assert (len(both), both.size_bytes) == (4, sum(each.size_bytes for each in found))
    both.close()


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_any_bytes_survive_the_spool(bodies: list[bytes]) -> None:
    """Bytes, None, texts and flags alike."""
    spool = Spool()
    taken = [exchange(id_, body) for id_, body in enumerate(bodies)]
    for each in taken:
        spool.add(each)
    assert list(spool) == taken
    spool.close()


def test_records_and_texts_are_written_with_facts_that_name_them(tmp_path: Path, spool: Spool) -> None:
    """One line a request in both files; count, origin and hashes in the facts."""
    for id_ in (1, 0, 2):
        spool.add(exchange(id_))
    facts = keep(tmp_path, run_of(spool), planned)
    records = [record_from(value, "r") for _, value in read_jsonl((tmp_path / "records.jsonl").read_bytes(), "r")]
    texts = [value for _, value in read_jsonl((tmp_path / "texts.jsonl").read_bytes(), "t")]
    assert [record.id for record in records] == [0, 1, 2]
    assert texts == [{"id": id_, "text": "one two"} for id_ in (0, 1, 2)]
    assert all(record.outcome == "ok" for record in records)
    assert (facts.requests, facts.origin_ns) == (3, 5)


def test_several_processes_write_the_same_files_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte, and no part is left over."""
    one, many = tmp_path / "one", tmp_path / "many"
    written = []
    for folder, limit in ((one, 1 << 60), (many, 0)):
        folder.mkdir()
        monkeypatch.setattr(recorder, "PARALLEL_FROM_BYTES", limit)
        monkeypatch.setattr(recorder, "usable_cpus", lambda: 3)
        spool = Spool(folder / "spool.bin")
        for id_ in range(10):
            spool.add(exchange(id_))
        for id_ in range(10, 19):
            busy = exchange(id_, b'{"error":{"message":"busy: slot %d"}}' % id_)
            spool.add(replace(busy, status=503 if id_ % 3 else 429))
        written.append(keep(folder, run_of(spool), planned, LOAD))
        spool.close()
        (folder / "spool.bin").unlink()
    assert written[0] == written[1]
    assert written[0].failures == Failures(
        9,
        (
            FailureReason("http_status", 503, "busy: slot 10", 6),
            FailureReason("http_status", 429, "busy: slot 12", 3),
        ),
    )
    names = ["facts.json", "metrics.json", "records.jsonl", "texts.jsonl"]
    assert sorted(path.name for path in many.iterdir()) == names
    for name in names:
        assert (one / name).read_bytes() == (many / name).read_bytes()


@pytest.mark.parametrize(
    ("load", "kept"),
    [
        ({"slo": Slo(ttft_ns=1)}, True),
        ({"validate": "basic"}, False),
    ],
)
def test_the_numbers_come_along_where_they_need_no_texts(tmp_path: Path, load: dict[str, Any], kept: bool) -> None:
    """Limits of goodput need only the records; rules about texts are judged by who reads both files again."""
    spool = Spool()
    for id_ in range(3):
        spool.add(exchange(id_))
    keep(tmp_path, run_of(spool), planned, replace(LOAD, **load))
    assert (tmp_path / "metrics.json").exists() == kept
    if kept:
        numbers = typed(Metrics, read_json((tmp_path / "metrics.json").read_bytes(), "m"), "m")
        records = read_records(tmp_path / "records.jsonl")
        assert numbers == cell_metrics(records, Window(0, 1000 * MS), open_loop=False, slo=load["slo"])
        assert numbers.goodput_req_s == 0


def test_a_load_without_requests_leaves_empty_files(tmp_path: Path) -> None:
    """Nothing is not an error."""
    facts = keep(tmp_path, run_of(Spool()), planned)
    assert facts.requests == 0
    assert (tmp_path / "records.jsonl").read_bytes() == b""


def test_a_record_line_is_the_strict_form_of_the_record() -> None:
    """The quick way of writing gives the bytes of the careful one."""
    assert record_line(make_record()) == write_jsonl_line(plain(make_record()))


@pytest.mark.parametrize(
    "sparse",
    [
        {"reasoning_tokens": 0, "untimed_tokens": 40},
        {"untimed_tokens": None, "count_fault": "not-a-count"},
        {"dialect": ("no-done", "choices")},
    ],
)
def test_a_record_line_has_what_is_not_as_usual(sparse: dict[str, Any]) -> None:
    """And nothing more than that."""
    record = replace(make_record(), **sparse)
    assert record_line(record) == write_jsonl_line(plain(record))
    assert len(read_line(record)) == len(read_line(make_record())) + len(sparse)
    assert record_from(read_line(record), "r") == record


def read_line(record: Record) -> dict[str, Any]:
    value = read_json(record_line(record), "r")
    assert isinstance(value, dict)
    return value
