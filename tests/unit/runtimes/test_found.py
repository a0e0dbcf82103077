"""Servers that nobody of the kit started are known by their own words, and only by these."""

from __future__ import annotations

import pytest

from kit.documents import FoundServer
from kit.runtimes.found import MAX_MODELS, QUESTIONS, found_server

LISTED = {"object": "list", "data": [{"id": "m"}]}


def found(listed: object = LISTED, **answers: object) -> FoundServer:
    """What such answers say; a path is written with _ for each /."""
    return found_server(
        listed, {name.replace("_", "/"): value for name, value in answers.items()}, same_machine=False
    )


@pytest.mark.parametrize(
    ("path", "answer", "owner", "expected"),
    [
        (
            "/props",
            {"build_info": "b11549-abc", "total_slots": 4, "default_generation_settings": {"n_ctx": 640}},
            "llamacpp",
            ("llama.cpp", "b11549-abc", {"slots": 4, "context_tokens_per_slot": 640}),
        ),
        ("/version", {"version": "0.33.0"}, "vllm", ("vLLM", "0.33.0", None)),
        ("/api/version", {"version": "0.18.3"}, "library", ("Ollama", "0.18.3", None)),
        (
            "/health/readiness",
            {"status": "healthy", "litellm_version": "1.108.7"},
            "openai",
            ("LiteLLM", "1.108.7", None),
        ),
        (
            "/health/readiness/details",
            {"status": "healthy", "litellm_version": "1.108.7"},
            "openai",
            ("LiteLLM", "1.108.7", None),
        ),
        (
            "/get_server_info",
            {"version": "0.5.1", "tp_size": 2, "context_length": None, "max_running_requests": 64},
            "sglang",
            ("SGLang", "0.5.1", {"tp_size": 2, "max_running_requests": 64}),
        ),
        (
            "/v1/effective-config",
            {"schema_version": 1, "compute_class": "cpu", "server": {"version": "0.72.3"}},
            "aprender",
            ("realizar", "0.72.3", None),
        ),
        (
            "/info",
            {"model_id": "m", "version": "3.3.0", "max_total_tokens": 2048},
            "m",
            ("TGI", "3.3.0", {"max_total_tokens": 2048}),
        ),
        ("/version", {"version": "7"}, "somebody", (None, "7", None)),
        ("/version", ["7"], "somebody", (None, None, None)),
    ],
)
def test_a_server_is_known_by_what_only_it_says(
    path: str, answer: object, owner: str, expected: tuple[str | None, str | None, object]
) -> None:
    """Software, version, and the settings that it tells."""
    assert path in QUESTIONS
    listed = {"data": [{"id": "m", "owned_by": owner}]}

    it = found_server(listed, {path: answer}, same_machine=True)

    assert (it.software, it.version, it.settings) == expected
    assert it.models == ("m",)
    assert it.same_machine


def test_nobody_is_asked_for_his_health() -> None:
    """LiteLLM asks every model behind it for an answer at that path, on its owner's bill."""
    assert "/health" not in QUESTIONS


def test_what_a_server_does_not_say_is_unknown() -> None:
    """No list of models, no answer: nothing is made up."""
    assert found_server(None, {}, same_machine=False) == FoundServer()


def test_the_longest_context_of_the_list_is_a_setting() -> None:
    """As vLLM and SGLang tell it."""
    listed = {"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 4096}]}
    assert found(listed).settings == {"max_model_tokens": 4096}


@pytest.mark.parametrize(
    "hostile",
    [
        {"build_info": "b1\x1b[31m\n" + "x" * 10_000, "total_slots": -1},
        {"build_info": "b1", "total_slots": 10**30, "default_generation_settings": {"n_ctx": True}},
        {"build_info": ["b1"]},
    ],
)
def test_hostile_words_are_made_harmless(hostile: object) -> None:
    """No control character, no number that a document cannot hold, no megabytes."""
    it = found_server({"data": [{"id": "\x1b"}, {"id": 5}, 7]}, {"/props": hostile}, same_machine=False)

    assert it.models == ()
    assert it.version is None or (it.version.isprintable() and len(it.version) <= 200)
    assert not it.settings


def test_a_list_of_models_without_end_is_cut() -> None:
    """A gateway may list thousands."""
    assert len(found([{"id": str(number)} for number in range(5000)]).models) == MAX_MODELS
