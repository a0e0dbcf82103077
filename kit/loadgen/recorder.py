"""From exchanges to files: parses every answer after the load and writes the records a cell keeps.

The numbers come along, from the records as they are written: to read ten million chunks again would take longer
than to parse them.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import MISSING, dataclass, fields
from hashlib import file_digest
from pathlib import Path

from kit.cpus import usable_cpus
from kit.documents import Exchange, Load, LoadFacts, PlannedRequest, Record, Window
from kit.loadgen.clock import clock_resolution_ns
from kit.loadgen.loadrun import LoadRun
from kit.loadgen.spool import Exchanges
from kit.metrics.aggregate import Tally, metrics_of
from kit.metrics.failures import FailureTally
from kit.storage.names import FACTS, METRICS, RECORDS, TEXTS
from kit.stream.record import record
from kit.strict.decode import plain
from kit.strict.json_reader import write_json, write_jsonl_line
from kit.timestamps import utc_text

# About a second of parsing: from here on it is worth the start of processes, and done on all cores.
PARALLEL_FROM_BYTES = 128 << 20
COPY_BYTES = 1 << 20

RequestOf = Callable[[int], PlannedRequest]
_Judge = Callable[[Exchange], tuple[Record, str]]

_ALWAYS = tuple(field.name for field in fields(Record) if field.default is MISSING)
_SPARSE = tuple((field.name, field.default) for field in fields(Record) if field.default is not MISSING)


def record_line(parsed: Record) -> bytes:
    """One line of records.jsonl: `write_jsonl_line(plain(parsed))` without a copy of every chunk."""
    line = {name: getattr(parsed, name) for name in _ALWAYS}
    for name, default in _SPARSE:
        value = getattr(parsed, name)
        if value != default:
            line[name] = value
    return write_jsonl_line(line)


@dataclass(slots=True)
class _Sums:
    """What records add up to while they are written: numbers, if any are wanted, and reasons of failures."""

    tally: Tally | None
    failed: FailureTally

    def add(self, parsed: Record) -> None:
        if self.tally is not None:
            self.tally.add(parsed)
        self.failed.add(parsed)

    def merge(self, other: _Sums) -> None:
        """Add those of the records that come after these."""
        if self.tally is not None and other.tally is not None:
            self.tally.merge(other.tally)
        self.failed.merge(other.failed)


def _write(records: Path, texts: Path, spool: Exchanges, ids: Sequence[int], judge: _Judge, sums: _Sums) -> _Sums:
    """Write the records and texts of these exchanges; returns the sums with all of them added."""
    with records.open("wb") as record_file, texts.open("wb") as text_file:
        for exchange in spool.read(ids):
            parsed, text = judge(exchange)
            sums.add(parsed)
            record_file.write(record_line(parsed))
            text_file.write(write_jsonl_line({"id": parsed.id, "text": text}))
    return sums


def _shares(ids: Sequence[int], parts: int) -> Iterator[Sequence[int]]:
    """The ids in runs of about equal length, in order."""
    step = -(-len(ids) // parts)
    return (ids[start : start + step] for start in range(0, len(ids), step))


class _Part:
    """One share of the parse, for a forked child: it inherits the spool and the schedule, nothing is pickled."""

    current: tuple[Exchanges, _Judge, _Sums] | None = None

    @staticmethod
    def write(records: Path, texts: Path, ids: Sequence[int]) -> _Sums:
        assert _Part.current is not None
        spool, judge, empty = _Part.current
        return _write(records, texts, spool, ids, judge, deepcopy(empty))  # one child may get several shares


def _write_in_parallel(folder: Path, spool: Exchanges, judge: _Judge, processes: int, sums: _Sums) -> _Sums:
    # Only here: a small load is written before these are imported.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    shares = list(_shares(spool.ids(), processes))
    names = [(folder / f"part{i}.records", folder / f"part{i}.texts") for i in range(len(shares))]
    spool.flush()
    _Part.current = (spool, judge, sums)
    try:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            jobs = [pool.submit(_Part.write, *pair, ids) for pair, ids in zip(names, shares, strict=True)]
            parts = [job.result() for job in jobs]
    finally:
        _Part.current = None
    for target, files in ((folder / RECORDS, [a for a, _ in names]), (folder / TEXTS, [b for _, b in names])):
        _join(target, files)
    for part in parts:
        sums.merge(part)
    return sums


def _join(target: Path, parts: Sequence[Path]) -> None:
    with target.open("wb") as out:
        for part in parts:
            with part.open("rb") as data:
                shutil.copyfileobj(data, out, COPY_BYTES)
            part.unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def new_tally(load: Load | None, window: Window | None) -> Tally | None:
    """What adds up the numbers of a load; None where they need more than the records (or there are none)."""
    if load is None or window is None or load.validate is not None:
        return None
    return Tally(window, load.slo, open_loop=load.loop.kind == "open", method=load.method, prefill=load.prefill)


def keep(folder: Path, run: LoadRun, request_of: RequestOf, load: Load | None = None) -> LoadFacts:
    """Write records.jsonl, texts.jsonl, facts.json and, for a known load, metrics.json; returns the facts."""
    spool, cpus = run.exchanges, usable_cpus()
    sums = _Sums(new_tally(load, run.window), FailureTally(run.window))
    # A server that was not told of the limit may go beyond it.
    limited = load is None or load.limit_key not in load.without

    def judge(exchange: Exchange) -> tuple[Record, str]:
        if load is not None and load.sessions is not None:
            from kit.plan.workloads.session_records import turn_record  # only here: it brings what reads YAML

            return turn_record(load, load.sessions, exchange, limited=limited)
        return record(exchange, request_of(exchange.id), limited=limited)

    if spool.size_bytes >= PARALLEL_FROM_BYTES and cpus > 1 and sys.platform == "linux":
        sums = _write_in_parallel(folder, spool, judge, cpus, sums)
    else:
        sums = _write(folder / RECORDS, folder / TEXTS, spool, spool.ids(), judge, sums)
    if sums.tally is not None:
        (folder / METRICS).write_bytes(write_json(plain(metrics_of(sums.tally))))
    facts = LoadFacts(
        origin_utc=utc_text(run.origin_utc_ns),
        ended_utc=utc_text(run.ended_utc_ns),
        origin_ns=run.origin_ns,
        duration_ns=run.duration_ns,
        window=run.window,
        stamp_source=run.stamp_source,
        clock="CLOCK_MONOTONIC",
        clock_resolution_ns=clock_resolution_ns(),
        cpu_ns=run.cpu_ns,
        interrupted=run.interrupted,
        stale_retries=run.stale_retries,
        requests=len(spool),
        records_sha256=_sha256(folder / RECORDS),
        texts_sha256=_sha256(folder / TEXTS),
        aborted=run.aborted,
        processes=run.processes,
        failures=sums.failed.found(),
        longest_stall_ns=run.longest_stall_ns,
    )
    (folder / FACTS).write_bytes(write_json(plain(facts)))
    return facts
