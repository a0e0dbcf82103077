"""Runs of one plan that differ as honest runs do: in when each chunk came, and in the machine."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

from kit.documents import Host, Record
from kit.timestamps import utc_ns, utc_text
from tests.support.forge import CELL_NAMES, Change, archive_of, changed_files, in_records, value_of
from tests.support.good_bundle import Files

_UTC = re.compile(rb'"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{15}Z)"')
JITTER_NS = 400_000  # of steps of 2 ms


def jittered(seed: int) -> Change:
    """A run of its own: measured so many hours earlier, and each chunk came when chance would have it."""

    def apply(files: Files) -> None:
        earlier(seed)(files)
        rhythm(seed)(files)

    return apply


def earlier(hours: int) -> Change:
    """Move every time in UTC."""

    def moved(found: re.Match[bytes]) -> bytes:
        return b'"' + utc_text(utc_ns(found[1].decode()) - hours * 3600 * 10**9).encode() + b'"'

    def apply(files: Files) -> None:
        for name in files:
            if name.endswith(("/cell.json", "calibration.json")):
                files[name] = _UTC.sub(moved, files[name])

    return apply


def rhythm(seed: int) -> Change:
    """Let each chunk but the first and the last of an answer come a little later."""

    def apply(files: Files) -> None:
        chance = random.Random(seed)
        for cell in CELL_NAMES:
            in_records(lambda records: [_later(record, chance) for record in records], cell)(files)

    return apply


def _later(record: Record, chance: random.Random) -> Record:
    stamps = [stamp for stamp, *_ in record.chunks]
    later = [min(stamp + chance.randrange(JITTER_NS), after) for stamp, after in pairwise(stamps)][1:]
    moved = [*stamps[:1], *later, *stamps[max(1, len(later) + 1) :]]
    chunks = [(stamp, chars, channel) for stamp, (_, chars, channel) in zip(moved, record.chunks, strict=True)]
    return replace(record, chunks=tuple(chunks))


def nudged(record: Record) -> Record:
    """The record with its second chunk a nanosecond later: another line, and still a valid one."""
    first, (stamp, *rest), *others = record.chunks
    return replace(record, chunks=(first, (stamp + 1, *rest), *others))  # type: ignore[arg-type]


def on_host(**values: Any) -> Change:
    """Say that it was another machine."""
    return value_of("host.json", Host, lambda host: replace(host, **values))


@cache
def variant_files(seed: int, *changes: Change) -> Files:
    """The files of a run with chances of its own; not to be changed."""
    return changed_files(jittered(seed), *changes)


@cache
def variant(seed: int, *changes: Change) -> bytes:
    """The archive of such a run."""
    return archive_of(variant_files(seed, *changes))
