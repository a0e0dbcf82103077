"""The members of a request that a user sets, leaves out or calls by another name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents import Load, PlannedRequest
from kit.errors import InputError
from kit.plan.chat_body import NEEDED_KEYS, RESERVED_KEYS, Message, PromptTexts, body, check_members
from kit.strict import plain, read_json, typed, write_json
from tests.support.documents import LOAD

REQUEST = PlannedRequest(0, 1, "00ff00ff00ff00ff", 16)
PLAIN = replace(LOAD, extra_body={}, seed=7)
USUAL = {"model", "messages", "max_tokens", "temperature", "top_p", "seed", "stream", "stream_options"}


def body_of(load: Load) -> dict[str, object]:
    return body(load, ["a", "b"], REQUEST)


@pytest.mark.parametrize("key", ["temperature", "top_p", "seed", "stream_options", "max_tokens"])
def test_a_member_can_be_left_out(key: str) -> None:
    """For servers that refuse it; all others stay."""
    assert body_of(replace(PLAIN, without=(key,))).keys() == USUAL - {key}


def test_a_member_that_is_not_there_can_be_left_out_too() -> None:
    """Nothing happens."""
    assert body_of(replace(PLAIN, without=("logprobs",))).keys() == USUAL


@pytest.mark.parametrize(
    "value", [0.7, None, "low", [1, "a"], {"type": "json_object", "more": {"deep": [None, 1.5]}}, True]
)
def test_a_member_can_be_any_json(value: object) -> None:
    """And stands in the record as it was sent."""
    load = replace(PLAIN, extra_body={"some_member": value, "temperature": 0.7})
    assert body_of(load)["some_member"] == value
    assert body_of(load)["temperature"] == 0.7
    assert typed(Load, read_json(write_json(plain(load)), "load"), "load") == load


def test_the_limit_can_have_its_newer_name() -> None:
    """With the length that the schedule gives."""
    found = body_of(replace(PLAIN, limit_key="max_completion_tokens"))
    assert found.keys() == USUAL - {"max_tokens"} | {"max_completion_tokens"}
    assert found["max_completion_tokens"] == 16


@pytest.mark.parametrize("key", sorted(RESERVED_KEYS))
def test_what_decides_the_measurement_cannot_be_set(key: str) -> None:
    """It is named, with the option."""
    with pytest.raises(InputError, match=key) as caught:
        check_members({key: 1}, ())
    assert "--body" in caught.value.remedy


@pytest.mark.parametrize("key", sorted(NEEDED_KEYS))
def test_what_every_request_needs_cannot_be_left_out(key: str) -> None:
    """A load without it measures nothing."""
    with pytest.raises(InputError, match=key):
        body_of(replace(PLAIN, without=(key,)))


def test_prompts_of_a_user_get_no_instruction_of_ours() -> None:
    """The kit's own prompts keep theirs."""
    own, theirs = body_of(PLAIN), body_of(replace(PLAIN, prompts_from="file"))
    assert "careful programmer" in str(own["messages"])
    assert "programmer" not in str(theirs["messages"])


def test_the_file_of_prompts_holds_texts_or_chats() -> None:
    """Without chats it is, byte for byte, what it was before there were any."""
    texts = PromptTexts("0" * 64, ("a",))
    assert plain(texts) == {"sha256": "0" * 64, "texts": ["a"]}
    assert texts.prompts == ("a",)
    chats = PromptTexts("0" * 64, (), ((Message("user", "a"),),))
    assert typed(PromptTexts, read_json(write_json(plain(chats)), "p"), "p") == chats
    assert chats.prompts == ((Message("user", "a"),),)


def test_a_load_without_the_new_fields_is_what_it_was() -> None:
    """Old loads are written as they were read."""
    old = plain(PLAIN)
    assert isinstance(old, dict)
    assert not {"prompts_from", "without", "limit_key", "headers", "insecure"} & old.keys()
