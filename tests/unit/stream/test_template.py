"""The short cut for text events never says anything else than the full reading."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Answer
from kit.stream.answer import parse
from kit.stream.sse import Events
from kit.stream.template import Template, template_of
from kit.stream.values import event_object
from tests.support.streams import DONE, SHAPES, chunk, event, usage

PLAIN = event(chunk({"content": " one"}))[6:-2]
words = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=12)
# Everything that may stand in one event, plain and odd; `text` is drawn so that quotes and escapes turn up.
odd_text = st.one_of(st.text(max_size=8), st.sampled_from(['"', "\\", '"content":"', "a\nb", "é", "\u2028", ""]))
deltas = st.fixed_dictionaries(
    {"content": st.one_of(odd_text, st.none())},
    optional={"role": st.just("assistant"), "reasoning": odd_text, "content_type": odd_text},
)
odd_events = st.builds(
    chunk,
    deltas,
    st.sampled_from([None, None, None, "stop", "length"]),
    usage=st.one_of(st.none(), st.builds(usage, st.integers(0, 99))),
    model=st.sampled_from(["m", "m", "other", None]),
    created=st.integers(0, 3),
)


def both(body: bytes, cuts: Iterable[int] = ()) -> tuple[Answer, Answer]:
    """The answer read with the short cuts and without them; cut into pieces, each with a stamp of its own."""
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    pieces = [(10 * start, body[start:end]) for start, end in pairwise(places)]
    quick = parse(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "text", lambda *_: None)
        patch.setattr(Events, "alike", lambda *_: ([], []))
        return quick, parse(pieces)


@pytest.mark.parametrize("shape", SHAPES)
@given(words)
def test_every_shape_reads_the_same_with_and_without(shape: str, said: list[str]) -> None:
    """All runtimes, any words."""
    quick, full = both(SHAPES[shape](said))
    assert quick == full
    assert quick.text == "".join(said)


@given(st.lists(odd_events, max_size=12), st.booleans(), st.booleans())
def test_any_mixture_of_events_reads_the_same_with_and_without(
    events: list[dict[str, object]], spaced: bool, done: bool
) -> None:
    """Quotes, escapes, other channels, usage, finish reasons, changing models and ids between plain events."""
    separators = (", ", ": ") if spaced else (",", ":")
    plain = json.dumps(chunk({"content": "word"}), separators=separators)
    body = b"".join(
        event(plain) + event(json.dumps(value, separators=separators, ensure_ascii=spaced)) for value in events
    )
    quick, full = both(body + (DONE if done else b""))
    assert quick == full


@given(st.binary(max_size=30))
def test_any_bytes_in_place_of_the_text_read_the_same(raw: bytes) -> None:
    """What is put between the quotes may break the JSON; both readings then say so."""
    head, _, tail = event(chunk({"content": "TEXT"})).partition(b"TEXT")
    body = event(chunk({"content": "a"})) + head + raw + tail + DONE
    quick, full = both(body)
    assert quick == full


def test_the_short_cut_is_really_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred text events only the first, its probe and the last three are read as JSON."""
    read: list[bytes] = []

    def counted(data: bytes) -> dict[str, object] | None:
        read.append(data)
        return event_object(data)

    monkeypatch.setattr("kit.stream.answer.event_object", counted)
    found = parse([(1, SHAPES["llamacpp"]([" one"] * 100))])
    assert found.text == " one" * 100
    assert len(read) == 5


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (PLAIN, " two"),
        (PLAIN.replace(b" one", b'a\\"b'), 'a"b'),
        (PLAIN.replace(b" one", "é".encode()), "é"),
        (PLAIN.replace(b" one", b""), ""),
        (PLAIN.replace(b'"m"', b'"content"'), " one"),
        (b'{"choices":[{"words":" one"}]}', " one"),
    ],
)
def test_no_template_where_the_text_does_not_stand_plainly(data: bytes, text: str) -> None:
    """Another text, an escape, beyond ASCII, nothing, the word twice, another field."""
    assert template_of(data, text) is None


@pytest.mark.parametrize("inner", [b"", b'a"', b"a\\n", b"\xc3\xa9", b"a\nb", b"\x7f", b'","x":"'])
def test_a_template_refuses_what_is_not_plain(inner: bytes) -> None:
    """Then the event is read in full."""
    template = template_of(PLAIN, " one")
    assert template is not None
    assert template.text(template.before + b" fine" + template.after) == " fine"
    assert template.text(template.before + inner + template.after) is None
    assert template.text(template.before[:-1]) is None


texts = st.one_of(st.text("ab ", min_size=1, max_size=5), odd_text)


@given(
    st.lists(texts, max_size=60),
    st.lists(st.integers(0, 50_000), max_size=80),
    st.sampled_from(["", "\r\n", ": ping\n\n", "data: [DONE]\n\n"]),
    st.booleans(),
)
def test_a_stretch_of_events_has_the_stamps_of_its_pieces(
    said: list[str], cuts: list[int], between: str, each_its_piece: bool
) -> None:
    """Wherever the pieces are cut; between plain events stand odd ones, pings, line ends, an early end mark."""
    parts = [event(chunk({"content": text})) for text in said]
    parts.insert(len(parts) // 2, between.encode())
    if each_its_piece:
        cuts = [sum(map(len, parts[:index])) for index in range(len(parts))]
    quick, full = both(b"".join(parts) + DONE, cuts)
    assert quick == full


def test_a_long_stretch_of_events_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the short cut would have gone unused, and nobody would notice."""
    taken: list[int] = []
    whole = Events.alike

    def counting(self: Events, before: bytes, after: bytes) -> tuple[list[int], list[bytes]]:
        found = whole(self, before, after)
        taken.append(len(found[1]))
        return found

    monkeypatch.setattr(Events, "alike", counting)
    pieces = [(stamp, event(chunk({"content": f" word{stamp}"}))) for stamp in range(100)]
    answer = parse([*pieces, (100, DONE)])
    assert taken == [99]
    assert [stamp for stamp, _, _ in answer.chunks] == list(range(100))


def test_more_text_than_is_kept_ends_a_stretch_where_it_ends_single_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same chunk is the last one either way."""
    monkeypatch.setattr("kit.stream.answer.MAX_TEXT_CHARS", 50)
    quick, full = both(b"".join(event(chunk({"content": " word"})) for _ in range(40)))
    assert quick == full
    assert len(quick.chunks) == 10
    assert quick.error == "protocol"


def test_more_events_than_are_read_end_a_stretch_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stretch may not run past the limit of events."""
    monkeypatch.setattr("kit.stream.sse.MAX_EVENTS", 20)
    quick, full = both(b"".join(event(chunk({"content": " word"})) for _ in range(40)))
    assert quick == full
    assert len(quick.chunks) == 20
