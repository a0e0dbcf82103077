"""The short cut for text events never says anything else than the full reading."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import DONE, SHAPES, chunk, event, usage

from kit.answer import parse
from kit.model import Answer
from kit.sse import json_object
from kit.template import Template, template_of

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


def both(body: bytes) -> tuple[Answer, Answer]:
    """The answer read with the short cut and without it."""
    quick = parse([(1, body)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "text", lambda *_: None)
        return quick, parse([(1, body)])


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

    def counted(data: bytes) -> dict[str, object]:
        read.append(data)
        return json_object(data)

    monkeypatch.setattr("kit.answer.json_object", counted)
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
        (b'{"choices":[{"text":" one"}]}', " one"),
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
