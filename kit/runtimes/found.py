"""What a server that nobody of the kit started says of itself: recognised by its answers, in its own words. Pure.

Nothing here is proof: a server may say what it likes, and what it does not say stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping

from kit.documents import FoundServer, Setting
from kit.runtimes import llamacpp
from kit.text import plain_text

Json = object
# Asked beside the load, each at the root of the address; a server that has none of them is still measured. Not
# /health: a gateway may ask every model behind it for an answer then.
_LITELLM = ("/health/readiness", "/health/readiness/details")  # older ones tell anybody, newer ones who has a key
_REALIZAR = "/v1/effective-config"
QUESTIONS = ("/props", "/version", "/api/version", *_LITELLM, "/get_server_info", _REALIZAR, "/info")
MAX_WORDS = 200
MAX_MODELS = 100
MAX_MODEL_CHARS = 1000
MAX_SETTING = 10**15
# What vLLM and SGLang say of themselves in lists of models, and SGLang, LiteLLM and TGI beside them.
_VLLM, _SGLANG = "vllm", "sglang"
_SGLANG_SETTINGS = ("tp_size", "dp_size", "context_length", "max_running_requests", "chunked_prefill_size")
_TGI_SETTINGS = ("max_concurrent_requests", "max_input_tokens", "max_total_tokens", "max_batch_prefill_tokens")


def found_server(listed: Json, answers: Mapping[str, Json], *, same_machine: bool) -> FoundServer:
    """What the list of models and the answers to `QUESTIONS` say; a path that gave no JSON is not among them."""
    rows = _rows(listed)
    software, version, settings = _recognised(rows, answers)
    longest = [_number(row.get("max_model_len")) for row in rows]
    known = [each for each in longest if each is not None]
    if known:
        settings = {**settings, "max_model_tokens": known[0]}
    return FoundServer(
        software=software,
        version=version,
        models=_names(rows),
        settings=dict(sorted(settings.items())) or None,
        same_machine=same_machine,
    )


Found = tuple[str | None, str | None, dict[str, Setting]]


def _recognised(rows: list[dict[str, Json]], answers: Mapping[str, Json]) -> Found:
    """Software, version and settings, by what only one kind of server says."""
    at = {path: value if isinstance(value, dict) else {} for path, value in answers.items()}

    def of(path: str, key: str) -> str | None:
        return _words(at.get(path, {}).get(key))

    owners = {row.get("owned_by") for row in rows}
    version = of("/version", "version")
    litellm = next((words for path in _LITELLM if (words := of(path, "litellm_version"))), None)
    if litellm:
        return "LiteLLM", litellm, {}
    if of("/props", "build_info"):
        settings = llamacpp.reported(at["/props"])
        return "llama.cpp", of("/props", "build_info"), _numbers(settings, tuple(settings))
    if _SGLANG in owners or "tp_size" in at.get("/get_server_info", {}):
        info = at.get("/get_server_info", {})
        return "SGLang", of("/get_server_info", "version") or version, _numbers(info, _SGLANG_SETTINGS)
    if _VLLM in owners:
        return "vLLM", version, {}
    if of("/api/version", "version"):
        return "Ollama", of("/api/version", "version"), {}
    if of(_REALIZAR, "compute_class"):
        server = at[_REALIZAR].get("server")
        return "realizar", _words(server.get("version")) if isinstance(server, dict) else None, {}
    if of("/info", "model_id") and of("/info", "version"):
        return "TGI", of("/info", "version"), _numbers(at["/info"], _TGI_SETTINGS)
    return None, version, {}


def _rows(listed: Json) -> list[dict[str, Json]]:
    rows = listed.get("data") if isinstance(listed, dict) else listed
    return [row for row in rows if isinstance(row, dict)][:MAX_MODELS] if isinstance(rows, list) else []


def _names(rows: list[dict[str, Json]]) -> tuple[str, ...]:
    names = (row.get("id") for row in rows)
    return tuple(n for n in names if isinstance(n, str) and n.isprintable() and 0 < len(n) <= MAX_MODEL_CHARS)


def _words(value: Json) -> str | None:
    return (plain_text(value, MAX_WORDS) or None) if isinstance(value, str) else None


def _number(value: Json) -> int | None:
    return value if type(value) is int and 0 <= value <= MAX_SETTING else None


def _numbers(values: Mapping[str, Json], names: tuple[str, ...]) -> dict[str, Setting]:
    found = ((name, _number(values.get(name))) for name in names)
    return {name: value for name, value in found if value is not None}
