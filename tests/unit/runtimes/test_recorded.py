"""What the kit makes of answers, streams and logs that real servers of named versions wrote."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

import tests.support
from kit.runtimes import ollama, realizar
from kit.runtimes.protocol import DeviceEvidence, Json
from kit.stream.record import parse

RECORDED = Path(tests.support.__file__).parent / "recorded"
OLLAMA, REALIZAR, WGPU = "ollama-0.18.3", "realizar-0.72.3", "realizar-0.72.3-wgpu"


def text(folder: str, name: str) -> str:
    return (RECORDED / folder / name).read_text(encoding="utf-8")


def document(folder: str, name: str) -> Json:
    found: Json = json.loads(text(folder, f"{name}.json"))
    return found


@pytest.mark.parametrize(
    ("runtime", "folder", "name", "version"),
    [
        (ollama, OLLAMA, "version", "0.18.3"),
        (realizar, REALIZAR, "health", "0.72.3"),
        (realizar, WGPU, "health", "0.72.3"),
    ],
)
def test_the_version_is_the_servers_own_word(runtime: ModuleType, folder: str, name: str, version: str) -> None:
    assert runtime.version(document(folder, name)) == version


@pytest.mark.parametrize(
    ("runtime", "folder", "name"), [(ollama, OLLAMA, "ps"), (realizar, REALIZAR, "effective-config")]
)
def test_the_context_is_read_where_it_is_told(runtime: ModuleType, folder: str, name: str) -> None:
    reported = runtime.reported(document(folder, name))
    assert reported == {"context_tokens": 640}
    assert not runtime.disagreements({"context_tokens": 640}, reported)
    assert "640 tokens of context" in runtime.disagreements({"context_tokens": 4096}, reported)[0]


@pytest.mark.parametrize(
    ("runtime", "folder", "variant", "name", "listing", "device"),
    [
        (ollama, OLLAMA, "cpu", "ps", "", "cpu"),
        (realizar, REALIZAR, "cpu", "health", "", "cpu"),
        (realizar, WGPU, "lavapipe", "health", "devices.txt", "llvmpipe (LLVM 21.1.8, 256 bits)"),
    ],
)
def test_the_device_is_found(
    runtime: ModuleType, folder: str, variant: str, name: str, listing: str, device: str
) -> None:
    evidence = DeviceEvidence(
        text(folder, "server.log.txt"), text(folder, listing) if listing else "", document(folder, name)
    )
    found = runtime.device(variant, evidence)
    assert found.ok, found.reason
    assert found.device.startswith(device)


@pytest.mark.parametrize(
    ("runtime", "folder", "variant", "name", "listing", "words"),
    [
        (ollama, OLLAMA, "cuda", "ps", "", "computes with cpu"),
        (realizar, REALIZAR, "cuda", "health", "", "compute_mode cpu"),
        (realizar, REALIZAR, "lavapipe", "health", "devices.txt", "compute_mode cpu"),
        (realizar, WGPU, "vulkan", "health", "devices.txt", "that is software Vulkan, the variant is vulkan"),
    ],
)
def test_the_same_evidence_is_refused_for_another_variant(
    runtime: ModuleType, folder: str, variant: str, name: str, listing: str, words: str
) -> None:
    shown = text(WGPU, listing) if listing else ""
    evidence = DeviceEvidence(text(folder, "server.log.txt"), shown, document(folder, name))
    found = runtime.device(variant, evidence)
    assert not found.ok
    assert words in found.reason


@pytest.mark.parametrize(
    ("folder", "finish", "prompt_tokens", "model", "said"),
    [
        (OLLAMA, "length", 12, "smollm2-135m-instruct-q8_0", "I'm ready to assist you"),
        (REALIZAR, "length", 39, "default", "You are a helpful AI assistant"),
        (WGPU, "stop", 23, "qwen-wgpu", " palette" * 6),
    ],
)
def test_a_stream_of_six_tokens_is_six_chunks(
    folder: str, finish: str, prompt_tokens: int, model: str, said: str
) -> None:
    answer = parse([(1, (RECORDED / folder / "stream.txt").read_bytes())])
    assert (answer.error, answer.finish_reason, answer.done_seen) == (None, finish, True)
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (prompt_tokens, 6)
    assert (len(answer.chunks), answer.text, answer.model) == (6, said, model)
