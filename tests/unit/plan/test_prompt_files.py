"""Prompts of a user's file, and prompts made up to a length."""

from __future__ import annotations

import json
from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import PlannedRequest
from kit.errors import InputError
from kit.plan import prompt_files
from kit.plan.chat_body import Message, messages
from kit.plan.prompt_files import MAX_FILE_BYTES, read_prompt_file, synthetic_prompts
from kit.plan.workloads.lengths import AROUND_TOKENS

CHAT = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why?"}]
PARTS = [{"role": "user", "content": [{"type": "text", "text": "wh"}, {"type": "text", "text": "y?"}]}]
SHARED = {
    "id": "x_0",
    "conversations": [
        {"from": "system", "value": "s"},
        {"from": "human", "value": "first"},
        {"from": "gpt", "value": "no"},
        {"from": "human", "value": "second"},
    ],
}
UNASKED = {"id": "x_1", "conversations": [{"from": "gpt", "value": "only an answer"}]}


def lines(*documents: object) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"one\ntwo\n", ("one", "two")),
        (b"one\r\n\r\n  two  ", ("one", "two")),
        (b"\xef\xbb\xbfone\n", ("one",)),
        ("ein\u2028Satz\n".encode(), ("ein\u2028Satz",)),
        (b"[x] tick this\n[y] and this\n", ("[x] tick this", "[y] and this")),
        (lines({"prompt": "one"}, {"prompt": "two", "id": 7}), ("one", "two")),
        (lines("one", "two"), ("one", "two")),
        (lines({"text": "one"}), ("one",)),
        (b"\xef\xbb\xbf" + lines({"prompt": "one"}), ("one",)),
        (json.dumps(["one", {"prompt": "two"}]).encode(), ("one", "two")),
        (json.dumps([SHARED], indent=2).encode(), ("first",)),
        (lines(SHARED), ("first",)),
        (lines({"custom_id": "a", "body": {"prompt": "one"}}), ("one",)),
    ],
)
def test_each_form_of_a_file_is_read(data: bytes, texts: tuple[str, ...]) -> None:
    """Plain lines, JSON lines, a list; of ShareGPT the first question."""
    found = read_prompt_file(data, "My Prompts.v1.jsonl")
    assert (found.texts, found.chats, found.count) == (texts, (), len(texts))
    assert (found.name, found.origin, found.source) == ("my-prompts.v1", "file", data)
    assert found.sha256 == sha256(data).hexdigest()


def test_whole_chats_are_kept_whole() -> None:
    """A text among them is a chat of one message; parts of text are joined."""
    found = read_prompt_file(lines({"messages": CHAT}, {"messages": PARTS}, {"prompt": "plain"}), "c.jsonl")
    assert found.texts == ()
    assert found.chats == (
        (Message("system", "be brief"), Message("user", "why?")),
        (Message("user", "why?"),),
        (Message("user", "plain"),),
    )


def test_what_asks_nothing_is_left_out_and_counted() -> None:
    """Of shared conversations many begin with an answer."""
    found = read_prompt_file(lines(SHARED, UNASKED, {"prompt": " "}), "s.jsonl")
    assert (found.texts, found.skipped) == (("first",), 2)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no prompt"),
        (b"\n \n", "no prompt"),
        (lines(UNASKED), "no prompt"),
        (b"one\n\xff\n", "line 2: these bytes are not UTF-8"),
        (b'{"prompt": "a"}\n{"prompt": \n', "line 2 cannot be read as JSON"),
        (lines({"prompt": "a"}, {"question": "b"}), "line 2 is no prompt"),
        (lines({"prompt": "a"}, 5), "line 2 is no prompt"),
        (lines({"prompt": ["a"]}), "line 1: the prompt is no text"),
        (lines({"messages": []}), "line 1: messages is not a list of messages"),
        (lines({"messages": [{"role": "user"}]}), "a message needs a role"),
        (lines({"messages": [{"role": "tool", "content": "x"}]}), "a message needs a role"),
        (lines({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}), "a message needs a role"),
        (lines({"conversations": "x"}), "conversations is not a list"),
        (b'["a", {"question": "b"}]', "entry 2 is no prompt"),
        (b'["a", ', "cannot be read as JSON"),
        (b'{"prompt": "\\ud800"}\n', "half of a surrogate pair"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(data: bytes, words: str) -> None:
    """And with the forms that would do."""
    with pytest.raises(InputError) as caught:
        read_prompt_file(data, "p.jsonl")
    assert "p.jsonl" in caught.value.what
    assert words in caught.value.what
    assert caught.value.remedy


def test_a_file_has_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes and in prompts."""
    with pytest.raises(InputError, match="64 MiB"):
        read_prompt_file(bytes(MAX_FILE_BYTES + 1), "p.txt")
    monkeypatch.setattr(prompt_files, "MAX_PROMPTS", 2)
    with pytest.raises(InputError, match="3 prompts"):
        read_prompt_file(b"a\nb\nc\n", "p.txt")


@given(st.binary(max_size=60) | st.text(st.sampled_from('[]{}",:a \nprompt'), max_size=60).map(str.encode))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    """A set that can be sent, or an InputError."""
    with suppress(InputError):
        found = read_prompt_file(data, "p")
        assert found.count > 0
        assert "".join(found.texts).encode() or found.chats


# --- made up --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tokens", [1, 8, 128, 4000, 200_000])
def test_made_up_prompts_have_about_so_many_words(tokens: int) -> None:
    """With what stands before them; all different, all of common words, at least four."""
    found = synthetic_prompts(tokens, seed=0)
    assert found.count >= 4
    assert len(set(found.texts)) == found.count or tokens < 128
    said = [text.split(": ", 1)[1].replace(".", " .").replace(",", " ,").split() for text in found.texts]
    assert {len(words) for words in said} == {max(1, tokens - AROUND_TOKENS)}
    assert (found.name, found.origin) == (f"synthetic-{tokens}", "synthetic")


def test_made_up_prompts_come_from_the_seed_and_can_be_played_again() -> None:
    """The same seed gives the same bytes; what is kept of them is a file of prompts."""
    first = synthetic_prompts(100, seed=7)
    assert first == synthetic_prompts(100, seed=7)
    assert first.sha256 != synthetic_prompts(100, seed=8).sha256
    assert first.source is not None
    again = read_prompt_file(first.source, "prompts.source")
    assert (again.texts, again.sha256) == (first.texts, first.sha256)


# --- how they are asked ---------------------------------------------------------------------------------

REQUEST = PlannedRequest(3, 0, "00ff00ff00ff00ff", 16)
SALT = "00ff00ff00ff00ff is the number of this request."


@pytest.mark.parametrize(
    ("prompt", "system", "expected"),
    [
        ("q", True, [("system", SALT), ("user", "q")]),
        ("q", False, [("user", f"{SALT}\n\nq")]),
        ((Message("user", "q"),), True, [("system", SALT), ("user", "q")]),
        ((Message("user", "q"),), False, [("user", f"{SALT}\n\nq")]),
        (
            (Message("system", "s"), Message("user", "q")),
            True,
            [("system", f"{SALT}\n\ns"), ("user", "q")],
        ),
        (
            (Message("developer", "s"), Message("user", "q"), Message("assistant", "a"), Message("user", "r")),
            False,
            [("developer", f"{SALT}\n\ns"), ("user", "q"), ("assistant", "a"), ("user", "r")],
        ),
    ],
)
def test_a_prompt_of_a_user_gets_the_salt_first_and_no_words_of_ours(
    prompt: str | tuple[Message, ...], system: bool, expected: list[tuple[str, str]]
) -> None:
    """No two requests share a prefix, whatever the form of the prompt."""
    found = messages([prompt], REQUEST, system=system, own=False)
    assert [(message["role"], message["content"]) for message in found] == expected
