"""Tokens that were counted and never streamed: what belongs to no chunk, and where nobody can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import CONTENT, REASONING, TOOL, Exchange, PlannedRequest, Record
from kit.stream.counts import MAX_TOKEN_BYTES, MIN_BYTES_PER_TOKEN, SPARE_TOKENS, least_tokens, untimed_tokens
from kit.stream.record import record
from tests.support.streams import DONE, chunk, event, usage

MS = 1_000_000
# One token each, as vocabularies of 150,000 words have them; 4.3 bytes on average, which is usual for prose.
PROSE = (
    "The", " server", " keeps", " a", " queue", " of", " requests", ",", " and", " each", " one", " waits",
    " until", " a", " slot", " is", " free", ".", "\n\n", "It", "'s", " then", " put", " into", " the",
    " batch", ";", " its", " tokens", " come", " at", " the", " pace", " of", " the", " others", " (", "which",
    " may", " be", " slow", ").", "\n", "With", " more", " users", " the", " gaps", " grow", ",", " but",
    " none", " of", " them", " is", " lost", ":", " they", " are", " read",
)  # fmt: skip
CODE = (
    "def", " mean", "(", "values", ":", " list", "[", "float", "])", " ->", " float", ":", "\n   ", " total",
    " =", " ", "0", "\n   ", " for", " value", " in", " values", ":", "\n       ", " total", " +=", " value",
    "\n   ", " return", " total", " /", " len", "(", "values", ")", "\n",
)  # fmt: skip
GERMAN = (
    "Die", " Gesch", "wind", "igkeits", "begrenz", "ung", " auf", " der", " Auto", "bahn", " ist", " eine",
    " poli", "tische", " Streit", "frage", ",", " über", " die", " seit", " Jahr", "zehn", "ten", " gestritten",
    " wird", ".",
)  # fmt: skip
CHINESE = ("服务器", "有", "一个", "请求", "队列", ",", "每个", "请求", "等待", "空闲", "的", "槽位", "。")
VOCABULARIES = {"prose": PROSE, "code": CODE, "german": GERMAN, "chinese": CHINESE}


def streamed(
    tokens: Sequence[str], together: int = 1, channel: int = CONTENT
) -> tuple[list[tuple[int, int, int]], str]:
    """Chunks of so many tokens, and their text."""
    parts = ["".join(tokens[at : at + together]) for at in range(0, len(tokens), together)]
    return [(at, len(part), channel) for at, part in enumerate(parts)], "".join(parts)


def untimed(count: int, tokens: Sequence[str], together: int = 1, told: int | None = None) -> int | None:
    return untimed_tokens(count, *streamed(tokens, together), told)


# --- the rules, one by one ------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [-1, 0, 1, SPARE_TOKENS])
def test_a_token_more_or_less_than_chunks_is_no_hidden_one(more: int) -> None:
    """The end is a token without text, and may flush a piece of text that is no token."""
    assert untimed(len(PROSE) + more, PROSE) == 0


@pytest.mark.parametrize("hidden", [3, 6, 20, 40, 400])
@pytest.mark.parametrize("words", VOCABULARIES.values(), ids=VOCABULARIES)
def test_more_tokens_than_chunks_of_one_token_cannot_be_told_from_hidden_ones(
    words: tuple[str, ...], hidden: int
) -> None:
    """However few they are: nothing in such a stream shows that a chunk has several."""
    assert untimed(len(words) + hidden, words) is None


@pytest.mark.parametrize("together", [2, 3, 4, 8])
@pytest.mark.parametrize("words", [PROSE, CODE], ids=["prose", "code"])
def test_chunks_of_several_words_hide_nothing(words: tuple[str, ...], together: int) -> None:
    """Speculative decoding, a busy server, a gateway that gathers: all tokens are in the text."""
    assert untimed(len(words), words, together) == 0


@pytest.mark.parametrize("together", [2, 4, 8])
@pytest.mark.parametrize("words", VOCABULARIES.values(), ids=VOCABULARIES)
def test_as_many_hidden_tokens_as_seen_ones_are_never_taken_for_seen(
    words: tuple[str, ...], together: int
) -> None:
    """The text is too short for them, however it is cut."""
    assert untimed(2 * len(words), words, together) is None


@pytest.mark.parametrize("words", VOCABULARIES.values(), ids=VOCABULARIES)
def test_reasoning_that_is_told_of_and_never_came_is_untimed(words: tuple[str, ...]) -> None:
    """All of it, and nothing else."""
    assert untimed(len(words) + 40, words, told=40) == 40
    assert untimed(len(words) + 41, words, told=40) == 40
    assert untimed(len(words) + 60, words, told=40) is None


def test_reasoning_that_came_is_not_untimed() -> None:
    """One reasoning chunk shows that the server streams it; what is missing then cannot be told."""
    thoughts, thought = streamed(PROSE[:20], channel=REASONING)
    answer, text = streamed(PROSE[20:])
    chunks = [*thoughts, *answer]
    assert untimed_tokens(len(PROSE), chunks, thought + text, 20) == 0
    assert untimed_tokens(len(PROSE) + 40, chunks, thought + text, 60) is None  # a summary of it came


def test_reasoning_that_is_counted_beside_the_others_is_not_taken_off() -> None:
    """60 of 20 tokens cannot be among them."""
    assert untimed(20, PROSE[:20], told=60) == 0
    assert untimed(30, PROSE[:20], told=15) is None


def test_an_answer_in_one_chunk_holds_all_its_tokens() -> None:
    """A server that does not stream hides nothing by it."""
    assert untimed(len(PROSE), PROSE, len(PROSE)) == 0


@pytest.mark.parametrize(
    ("chunks", "tokens", "expected"),
    [
        (["🐻"] * 5, 15, 0),
        (["🐻"] * 5, 40, None),
        ([*PROSE, " 🎉", " 🎉"], len(PROSE) + 6, 0),
        ([*PROSE, " 🎉"], len(PROSE) + 12, None),
        (["x" * 40] * 10, 30, 0),
        (['{"x": 1}'], 30, None),
    ],
)
def test_pictures_and_long_chunks_may_be_several_tokens(
    chunks: list[str], tokens: int, expected: int | None
) -> None:
    """A picture is shown with the last of its up to four tokens, and no token has 40 letters."""
    assert untimed(tokens, chunks) == expected


def test_the_limits_are_those_of_the_documentation() -> None:
    """docs/method.md names them."""
    assert (SPARE_TOKENS, MIN_BYTES_PER_TOKEN, MAX_TOKEN_BYTES) == (2, 3, 16)
    assert (least_tokens(1), least_tokens(2), least_tokens(20)) == (1, 1, 19)


# --- any stream -----------------------------------------------------------------------------------------

words = st.lists(st.sampled_from(PROSE + CODE), min_size=2, max_size=60)


@given(words, st.integers(0, 200), st.integers(1, 6))
def test_what_is_said_to_be_seen_fits_the_text(tokens: list[str], hidden: int, together: int) -> None:
    """A number for the untimed never leaves more tokens than two and the chunks, or than the text has room for."""
    chunks, text = streamed(tokens, together)
    count = len(tokens) + hidden
    found = untimed_tokens(count, chunks, text, None)
    if found is not None:
        assert found == 0
        assert count <= max(len(chunks) + SPARE_TOKENS, len(text.encode()) // MIN_BYTES_PER_TOKEN)


@given(words, st.integers(1, 100))
def test_one_token_a_chunk_and_told_reasoning_are_always_told_apart(tokens: list[str], hidden: int) -> None:
    """Whatever the text is."""
    assert untimed(len(tokens) + hidden, tokens, told=hidden) == hidden


@given(
    st.lists(st.text(min_size=1, max_size=9), max_size=20), st.integers(1, 300), st.none() | st.integers(0, 300)
)
def test_any_text_and_count_give_a_number_that_can_be(parts: list[str], tokens: int, told: int | None) -> None:
    """None, 0 or what was told; at least one token is left for the text."""
    chunks = [(at, len(part), TOOL) for at, part in enumerate(parts)]
    found = untimed_tokens(tokens, chunks, "".join(parts), told)
    assert found in {None, 0, told}
    assert found is None or tokens - found >= 1


# --- whole answers --------------------------------------------------------------------------------------


def recorded(*events: bytes, step_ms: int = 50) -> Record:
    """The record of these events, one every 50 ms: 20 tokens a second where each is one."""
    pieces = tuple((100 * MS + at * step_ms * MS, data) for at, data in enumerate((*events, DONE)))
    seen = Exchange(0, 0, 0, None, 0, 1, pieces[-1][0], 200, pieces, complete=True)
    return record(seen, PlannedRequest(0, 0, "0" * 16, 1000))[0]


def said(tokens: Sequence[str], *ends: object, running: int | None = None) -> list[bytes]:
    texts = [
        event(chunk({"content": token}, usage=None if running is None else usage(running + at)))
        for at, token in enumerate(tokens, 1)
    ]
    return [*texts, event(chunk({}, "stop")), *map(event, ends)]


REASONED = {"completion_tokens_details": {"reasoning_tokens": 40}}


@pytest.mark.parametrize(
    ("more", "reasoning"),
    [
        (REASONED, 40),
        ({"output_tokens_details": {"reasoning_tokens": 40}}, 40),
        ({"reasoning_tokens": 40}, 40),
        ({"reasoning_tokens": 0, **REASONED}, 40),
        ({"completion_tokens_details": {"reasoning_tokens": None}, "reasoning_tokens": 40}, 40),
    ],
)
def test_reasoning_is_told_in_several_places(more: dict[str, object], reasoning: int) -> None:
    """As OpenAI, as its newer interface, as SGLang."""
    kept = recorded(*said(PROSE[:20], {"usage": {**usage(60), **more}}))
    assert (kept.reasoning_tokens, kept.untimed_tokens, kept.completion_tokens) == (reasoning, 40, 60)


@pytest.mark.parametrize("bad", [-1, 1.5, "40", True, [], {}])
def test_reasoning_that_is_no_count_is_not_told(bad: object) -> None:
    """Then nobody can tell."""
    kept = recorded(
        *said(PROSE[:20], {"usage": {**usage(60), "completion_tokens_details": {"reasoning_tokens": bad}}})
    )
    assert (kept.reasoning_tokens, kept.untimed_tokens, kept.outcome) == (None, None, "ok")


def test_a_running_count_tells_hidden_tokens_from_seen_ones() -> None:
    """Events without text bear the reasoning; every chunk has its own step."""
    silent = [event(chunk({"content": ""}, usage=usage(n))) for n in range(1, 41)]
    kept = recorded(*silent, *said(PROSE[:20], {"usage": usage(60)}, running=40))
    assert (kept.chunk_tokens, kept.untimed_tokens, kept.completion_tokens) == ((1,) * 20, 40, 60)


def test_a_running_count_that_jumps_at_the_first_word_tells_nothing() -> None:
    """The chunk cannot be the 41 tokens that it brings; where the server tells of 40, they are told apart."""
    kept = recorded(*said(PROSE[:20], {"usage": usage(60)}, running=40))
    assert (kept.chunk_tokens, kept.untimed_tokens) == (None, None)
    kept = recorded(*said(PROSE[:20], {"usage": {**usage(60), **REASONED}}, running=40))
    assert (kept.chunk_tokens, kept.untimed_tokens) == (None, 40)


def test_a_count_by_chunks_has_nothing_untimed() -> None:
    """Nothing else is known of the answer."""
    kept = recorded(*said(PROSE[:20], {"usage": {"completion_tokens": -1, **REASONED}}))
    assert (kept.token_source, kept.completion_tokens, kept.untimed_tokens) == ("chunks", 20, 0)
    assert kept.reasoning_tokens == 40
    assert replace(kept, reasoning_tokens=None) == recorded(
        *said(PROSE[:20], {"usage": {"completion_tokens": -1}})
    )
