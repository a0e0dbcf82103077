"""What an edited copy of a bundle keeps of the original: files, times, the rhythm of its answers. Pure.

A request whose answer came in at least 16 chunks has the times between them, in nanoseconds, as its rhythm. It is
looked at as it is, and in stretches of 15, each divided by its own mean and rounded to thousandths: so stamps that
were scaled, shifted or cut off still match. Two measurements never have a stretch in common, not even of one plan
on one machine (docs/receiving.md has the figures), so very few are enough to tell a copy.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from itertools import pairwise

from kit.documents import Record
from kit.documents.chunks import stamps_of
from kit.storage.names import RECORDS
from kit.verify.evidence import CellFiles, Evidence

MIN_CHUNKS = 16
STRETCH = MIN_CHUNKS - 1  # times between 16 chunks
MAX_STRETCHES = 4  # of a request: more cost memory and say nothing new
UNITS = 1000  # a stretch is rounded to thousandths of its mean
# A server of exact pace (the reference endpoint) repeats itself: fewer different values say nothing.
MIN_DISTINCT = 8
# A copy is told by so many matching requests, and such a share of all of the smaller run. Of twelve honest runs,
# several of one plan on one machine, no request has a mark of another run (66,044 times a request against a run):
# below 0.01 %. One percent is far above that, and below a single cell of a run.
MIN_MATCHES = 2
# Loads that began in the same microsecond. In a thousand bundles of fifty loads each, made in one year, the chance
# that one pair has one in common is 1 in 25,000, and two are out of the question even of clocks that tick in
# milliseconds.
MIN_STARTS = 2
MAX_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Of a bundle: the sha256 of each file of records, when each load began, and the marks of its requests."""

    records: frozenset[str]
    starts: frozenset[str]
    requests: tuple[tuple[int, ...], ...]

    def marks(self) -> frozenset[int]:
        """All marks of all requests."""
        return frozenset(mark for marks in self.requests for mark in marks)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much of one bundle is in another: files of records, starts, and `matches` of its `requests`.

    `others` are the requests of the other one: a small run within a large one is a copy as well.
    """

    files: int
    starts: int
    matches: int
    requests: int
    others: int

    @property
    def is_copy(self) -> bool:
        """Whether one was made from the other."""
        least = min(self.requests, self.others)
        share = self.matches / least if least else 0.0
        return bool(self.files) or self.starts >= MIN_STARTS or (self.matches >= MIN_MATCHES and share > MAX_SHARE)


def fingerprints_of(evidence: Evidence) -> Fingerprints:
    """The fingerprints of a bundle: of its cells, and of the attempts that they superseded."""
    attempts = (files for numbered in evidence.attempts.values() for files in numbered.values())
    cells: list[CellFiles] = [*evidence.cells.values(), *attempts]
    held = [data for files in cells if (data := evidence.files.get(f"{files.folder}/{RECORDS}"))]
    records = (record for files in cells for record in files.records or ())
    starts = (
        files.cell.facts.origin_utc for files in cells if files.cell is not None and files.cell.facts is not None
    )
    return Fingerprints(
        frozenset(sha256(data).hexdigest() for data in held), frozenset(starts), tuple(_marked(records))
    )


def likeness(new: Fingerprints, other: Fingerprints) -> Likeness:
    """How much of the one is in the other; the requests are those of the first."""
    known = other.marks()
    matches = sum(not known.isdisjoint(marks) for marks in new.requests)
    files, starts = len(new.records & other.records), len(new.starts & other.starts)
    return Likeness(files, starts, matches, len(new.requests), len(other.requests))


def _marked(records: Iterable[Record]) -> Iterator[tuple[int, ...]]:
    for record in records:
        if len(record.chunks) >= MIN_CHUNKS and (marks := request_marks(stamps_of(record.chunks))):
            yield marks


def request_marks(stamps_ns: Sequence[int]) -> tuple[int, ...]:
    """The marks of one answer by the stamps of its chunks; none where it has no rhythm of its own."""
    gaps = [after - before for before, after in pairwise(stamps_ns)]
    starts = range(0, min(len(gaps), MAX_STRETCHES * STRETCH) - STRETCH + 1, STRETCH)
    shapes = [shape for start in starts if (shape := _shape(gaps[start : start + STRETCH]))]
    if not shapes:
        return ()
    return (_mark(gaps, b"exact"), *(_mark(shape, b"shape") for shape in shapes))


def _shape(gaps: Sequence[int]) -> list[int] | None:
    """The gaps in thousandths of their mean, rounded; None if they say nothing."""
    total = sum(gaps)
    if total <= 0:
        return None
    shape = [(2 * gap * len(gaps) * UNITS + total) // (2 * total) for gap in gaps]
    return shape if len(set(shape)) >= MIN_DISTINCT else None


def _mark(values: Sequence[int], name: bytes) -> int:
    return int.from_bytes(blake2b(array("q", values).tobytes(), digest_size=8, person=name).digest())
