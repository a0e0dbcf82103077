"""The truth log: what really left the reference endpoint, and when. One JSON line for each request."""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from kit.documents.pins import Sparse
from kit.errors import InputError, StorageError
from kit.reference.faults import Fault
from kit.reference.response_plan import ResponsePlan
from kit.strict import read_jsonl, typed, write_jsonl_line

MAX_LINE_BYTES = 8 << 20  # 100,000 chunks at 40 bytes, twice
# Lines are written when no answer is under way. An endpoint that is never idle writes at this many stamps:
# 64 MiB of them.
MAX_STAMPS_HELD = 8 << 20


@dataclass(frozen=True, slots=True)
class Truth(Sparse):
    """What happened to one request. All stamps are absolute readings of CLOCK_MONOTONIC in ns.

    `received_ns` is the read that completed the request, `due_ns` when the first text was to leave (None if
    none was, or the peer left before), `sent` (right before the send call, tokens) of each text chunk,
    `finished_ns` the return of the last send (None: the peer left before, or was left waiting). `salt` is the
    16 hex digits the first message starts with, `id` the number in the answer's X-Request header. Of its prompt
    `cached_tokens` came from the cache; both are None, and left out, where the endpoint has none.
    """

    id: int
    salt: str | None
    received_ns: int
    fault: Fault | None
    due_ns: int | None
    sent: tuple[tuple[int, int], ...]
    finished_ns: int | None
    tokens: int
    prompt_tokens: int | None = None
    cached_tokens: int | None = None


def truth_line(truth: Truth) -> bytes:
    """One line of the log; `write_jsonl_line(plain(truth))`, but at a cost per stamp of the C encoder alone."""
    return write_jsonl_line(dict(truth.written()))


def read_truth(data: bytes, where: str) -> Iterator[Truth]:
    """The lines of a truth log, in the order of their ends; `StrictError` names what is wrong."""
    for line, value in read_jsonl(data, where, max_line_bytes=MAX_LINE_BYTES):
        yield typed(Truth, value, f"{where}: line {line}")


@dataclass(frozen=True, slots=True)
class _Held:
    """A truth without its stamps, and the stamps at 8 bytes each."""

    truth: Truth
    stamps: array[int] | None
    plan: ResponsePlan | None

    def whole(self) -> Truth:
        if not self.stamps or self.plan is None:
            return self.truth
        full, size = self.plan.full, self.plan.tokens_per_chunk
        sent = [
            (stamp, size if place < full else self.plan.last_tokens) for place, stamp in enumerate(self.stamps)
        ]
        return replace(self.truth, sent=tuple(sent), tokens=sum(tokens for _, tokens in sent))


class TruthLog:
    """Holds truths until there is time to write them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file: BinaryIO = path.open("wb")
        except OSError as error:
            raise InputError(
                f"{path} cannot be written: {error.strerror}.", "Give another file with --truth."
            ) from None
        self._held: list[_Held] = []
        self._stamps = 0

    def add(self, truth: Truth, stamps: array[int] | None, plan: ResponsePlan | None) -> None:
        """Keep a truth whose `sent` and `tokens` follow from the stamps of an answer and its plan."""
        self._held.append(_Held(truth, stamps, plan))
        self._stamps += len(stamps or ())

    @property
    def full(self) -> bool:
        """Whether too much is held to wait for a quiet moment."""
        return self._stamps > MAX_STAMPS_HELD

    def flush(self) -> None:
        """Write what is held; `StorageError` if the disk refuses."""
        held, self._held, self._stamps = self._held, [], 0
        try:
            self._file.writelines(truth_line(each.whole()) for each in held)
            self._file.flush()
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error.strerror}.", "Free some space.") from None

    def close(self) -> None:
        try:
            self.flush()
        finally:
            # A close that fails is a flush that has failed.
            with contextlib.suppress(OSError):
                self._file.close()
