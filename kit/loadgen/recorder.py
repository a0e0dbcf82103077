"""From exchanges to files: parses every answer after the load and writes the records a cell keeps."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from kit.instant import utc_text
from kit.loadgen.clock import clock_resolution_ns
from kit.loadgen.session import LoadRun
from kit.model import LoadFacts, PlannedRequest
from kit.stream import record
from kit.strict import plain, write_json, write_jsonl_line

RECORDS, TEXTS, FACTS = "records.jsonl", "texts.jsonl", "facts.json"


def keep(folder: Path, run: LoadRun, request_of: Callable[[int], PlannedRequest]) -> LoadFacts:
    """Write records.jsonl, texts.jsonl and facts.json of a load into `folder`; returns the facts."""
    records_hash, texts_hash = sha256(), sha256()
    with (folder / RECORDS).open("wb") as records, (folder / TEXTS).open("wb") as texts:
        for exchange in run.exchanges:
            parsed, text = record(exchange, request_of(exchange.id))
            record_line = write_jsonl_line(plain(parsed))
            text_line = write_jsonl_line({"id": parsed.id, "text": text})
            records.write(record_line)
            texts.write(text_line)
            records_hash.update(record_line)
            texts_hash.update(text_line)
    facts = LoadFacts(
        origin_utc=utc_text(run.origin_utc_ns),
        ended_utc=utc_text(run.ended_utc_ns),
        duration_ns=run.duration_ns,
        window=run.window,
        stamp_source=run.stamp_source,
        clock="CLOCK_MONOTONIC",
        clock_resolution_ns=clock_resolution_ns(),
        cpu_ns=run.cpu_ns,
        interrupted=run.interrupted,
        stale_retries=run.stale_retries,
        requests=len(run.exchanges),
        records_sha256=records_hash.hexdigest(),
        texts_sha256=texts_hash.hexdigest(),
    )
    (folder / FACTS).write_bytes(write_json(plain(facts)))
    return facts
