"""Why requests failed: each reason once, in the server's own words, with its count. Pure.

The load generator adds reasons up while it writes records, in parts and in bounded memory; `kit verify` does it
again. Words that differ in nothing but numbers and names (a request's id, a count of tokens) are one reason, told
in the words that came first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

from kit.documents import ErrorKind, FailureReason, Failures, Record, Window
from kit.metrics.timing import sent_in

MAX_REASONS = 10  # told; the requests of the rest are counted
# Of one kind and status; a server that words each failure anew is one reason, whatever it says.
MAX_WORDINGS = 50
_WORD = re.compile(r"[\w-]+")

_Group: TypeAlias = tuple[ErrorKind, int | None]


class FailureTally:
    """The failed requests sent in the window, or of the whole load where no window closed."""

    def __init__(self, window: Window | None) -> None:
        self.window = window
        self.requests = 0
        # By the wording without its numbers: the words that came first, and how many requests failed so.
        self._groups: dict[_Group, dict[str, tuple[str, int]]] = {}

    def add(self, record: Record) -> None:
        if record.outcome != "failed" or record.error is None:
            return
        if self.window is None or sent_in(record, self.window):
            self._count((record.error, record.status), _wording(record.error_detail), record.error_detail, 1)

    def merge(self, other: FailureTally) -> None:
        """Add the tally of the requests that come after these."""
        for group, wordings in other._groups.items():
            for wording, (words, count) in wordings.items():
                self._count(group, wording, words, count)

    def _count(self, group: _Group, wording: str, words: str, count: int) -> None:
        self.requests += count
        wordings = self._groups.setdefault(group, {})
        if "" in wordings:
            wording = ""
        first, before = wordings.get(wording, (words, 0))
        wordings[wording] = first, before + count
        if not wording or len(wordings) > MAX_WORDINGS:
            # The same whatever the parts: one that has too many wordings has made the whole too many.
            first = next(iter(wordings.values()))[0]
            self._groups[group] = {"": (first, sum(each for _, each in wordings.values()))}

    def found(self) -> Failures | None:
        """The reasons, most frequent first; None where nothing failed."""
        reasons = [
            FailureReason(kind, status, words, count)
            for (kind, status), wordings in self._groups.items()
            for words, count in wordings.values()
        ]
        reasons.sort(key=lambda reason: -reason.count)
        return Failures(self.requests, tuple(reasons[:MAX_REASONS])) if reasons else None


def failures(records: Iterable[Record], window: Window | None) -> Failures | None:
    """Why requests of a load failed; None where none did."""
    tally = FailureTally(window)
    for record in records:
        tally.add(record)
    return tally.found()


def _wording(words: str) -> str:
    """What two failures have in common that differ in numbers and names alone; never empty."""
    return _WORD.sub(lambda word: "#" if any(map(str.isdigit, word[0])) else word[0], words) or "-"


def kind_text(kind: str, status: int | None) -> str:
    """The kind of a failure in words; a status that is not the failure itself says nothing."""
    return f"HTTP {status}" if kind == "http_status" else kind.replace("_", " ")


def reason_text(reason: FailureReason) -> str:
    """One reason inside a sentence."""
    return f"{kind_text(reason.kind, reason.status)}{': ' if reason.words else ''}{reason.words}"
