"""kit.metrics.failures: each reason once, with its count, the same in parts as in one."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kit.documents import ErrorKind, FailureReason, Failures, Record, Window
from kit.metrics.failures import MAX_REASONS, MAX_WORDINGS, FailureTally, failures, reason_text
from tests.support.records import MS, make_record

WINDOW = Window(0, 100 * MS)
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def failed(words: str, *, status: int | None = 503, kind: ErrorKind = "http_status", sent_ms: float = 1) -> Record:
    made = make_record(sent_ms=sent_ms, chunks_ms=(), outcome="failed", error=kind)
    return replace(made, status=status, error_detail=words)


def word(number: int) -> str:
    """A different word for each number, without a digit."""
    return "".join(LETTERS[int(digit)] for digit in str(number))


def test_a_reason_is_told_once_with_its_count_the_most_frequent_first() -> None:
    found = failures([failed("no"), failed("busy"), failed("busy"), failed("busy", status=429)], WINDOW)
    assert found == Failures(
        4,
        (
            FailureReason("http_status", 503, "busy", 2),
            FailureReason("http_status", 503, "no", 1),
            FailureReason("http_status", 429, "busy", 1),
        ),
    )


def test_words_that_differ_in_numbers_and_names_are_one_reason() -> None:
    """Told as they came first."""
    wordings = [f"request req-{n}a{n} ({4096 + n} tokens) exceeds 2048" for n in range(30)]
    found = failures(map(failed, wordings), WINDOW)
    assert found == Failures(30, (FailureReason("http_status", 503, wordings[0], 30),))


def test_good_and_unfinished_requests_are_no_failures() -> None:
    assert failures([make_record(), make_record(outcome="unfinished")], WINDOW) is None
    assert failures([], None) is None


def test_only_failures_of_the_window_count_where_there_is_one() -> None:
    """A load that was given up has none: then all count, so that somebody can say why."""
    records = [failed("early", sent_ms=-5), failed("in time"), failed("late", sent_ms=200)]
    inside, everything = failures(records, WINDOW), failures(records, None)
    assert inside is not None
    assert everything is not None
    assert ([reason.words for reason in inside.reasons], everything.requests) == (["in time"], 3)


def test_ten_reasons_are_told_and_the_rest_is_counted() -> None:
    found = failures([failed(word(n)) for n in range(30)], WINDOW)
    assert found is not None
    assert (found.requests, len(found.reasons)) == (30, MAX_REASONS)


def test_a_server_that_words_each_failure_anew_is_one_reason() -> None:
    """Memory is bounded by kinds and statuses, whatever a server says."""
    tally = FailureTally(WINDOW)
    for number in range(5000):
        tally.add(failed(word(number)))
    tally.add(failed("b", status=500))
    found = tally.found()
    assert found is not None
    assert found.reasons == (
        FailureReason("http_status", 503, "a", 5000),
        FailureReason("http_status", 500, "b", 1),
    )


KINDS: tuple[tuple[ErrorKind, int | None], ...] = (("http_status", 503), ("http_status", 400), ("connect", None))
ANY = st.builds(
    lambda number, kind: failed(word(number), kind=kind[0], status=kind[1]),
    st.integers(0, MAX_WORDINGS + 10),
    st.sampled_from(KINDS),
)


@given(st.lists(ANY, max_size=200), st.data())
def test_parts_in_their_order_add_up_to_the_whole(records: list[Record], data: st.DataObject) -> None:
    """Also where one part has more wordings than are kept."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(records)), max_size=3)))
    merged = FailureTally(WINDOW)
    for low, high in pairwise([0, *cuts, len(records)]):
        part = FailureTally(WINDOW)
        for each in records[low:high]:
            part.add(each)
        merged.merge(part)
    assert merged.found() == failures(records, WINDOW)


def test_a_part_with_too_many_wordings_makes_the_whole_too_many() -> None:
    """And the whole is told in the words of its own first failure."""
    records = [failed("z"), *(failed(word(number)) for number in range(200))]
    first, second = FailureTally(WINDOW), FailureTally(WINDOW)
    first.add(records[0])
    for each in records[1:]:
        second.add(each)
    first.merge(second)
    assert first.found() == failures(records, WINDOW) == Failures(
        201, (FailureReason("http_status", 503, "z", 201),)
    )  # fmt: skip


def test_a_reason_in_a_sentence() -> None:
    assert reason_text(FailureReason("http_status", 503, "busy", 2)) == "HTTP 503: busy"
    assert reason_text(FailureReason("timeout_first", None, "", 2)) == "timeout first"
