"""kit.report.failure_text: each reason in a line, with how often and where."""

from __future__ import annotations

from kit.documents import FailureReason, Failures
from kit.report.failure_text import failure_lines

BUSY = FailureReason("http_status", 503, "busy", 2)
REFUSED = FailureReason("connect", None, "Connection refused", 1)
CUT = FailureReason("truncated", 200, "", 4)


def test_a_load_without_failures_has_no_line() -> None:
    assert failure_lines([("", None)]) == failure_lines([]) == []


def test_the_reasons_of_one_load() -> None:
    """The rest of more than ten reasons is a count."""
    assert failure_lines([("", Failures(5, (BUSY, REFUSED)))]) == [
        "- HTTP 503, 2 requests: busy",
        "- connect, 1 request: Connection refused",
        "- 2 requests for other reasons",
    ]


def test_a_reason_of_several_loads_is_told_once_with_where() -> None:
    """The most frequent first, whichever load it was in."""
    found = [(str(users), Failures(2, (BUSY,))) for users in (1, 2, 4, 8, 16, 32)]
    assert failure_lines([("x", Failures(4, (CUT,))), *found]) == [
        "- HTTP 503, 12 requests (1, 2, 4, 8 and 2 more): busy",
        "- truncated, 4 requests (x)",
    ]


def test_what_a_server_says_is_made_harmless() -> None:
    """For a terminal as plain text, for Markdown by who asks."""
    evil = FailureReason("http_status", 500, "\x1b[2J\u202e<b>", 1)
    found = [("", Failures(1, (evil,)))]
    assert failure_lines(found) == ["- HTTP 500, 1 request: \ufffd[2J\ufffd<b>"]
    assert failure_lines(found, lambda _: "safe") == ["- HTTP 500, 1 request: safe"]
