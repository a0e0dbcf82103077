"""The device gate: a server that does not compute where its variant says is found out, whatever its version."""

from __future__ import annotations

import pytest

from kit.runtimes import llamacpp, ollama, realizar, vllm
from kit.runtimes.protocol import DeviceEvidence, Json
from tests.support.runtimes import ALL

CUDA = "Available devices:\n  CUDA0: NVIDIA GeForce RTX 4060 Laptop GPU (7799 MiB, 7012 MiB free)\n"
RADEON = "Available devices:\n  Vulkan0: AMD Radeon Pro W5700X (RADV NAVI10) (16368 MiB, 16000 MiB free)\n"
LAVAPIPE = "Available devices:\n  Vulkan0: llvmpipe (LLVM 19.1.7, 256 bits) (15990 MiB, 15990 MiB free)\n"
NONE = "Available devices:\n  (none)\n"
NEW_LOG = "0.01.234.567 I load_tensors: offloading 28 repeating layers to GPU\n" \
          "0.01.234.570 I load_tensors: offloaded 29/29 layers to GPU\n"  # fmt: skip
OLD_LOG = (
    "llm_load_tensors: offloaded 29/29 layers to GPU\nllm_load_tensors:      CUDA0 buffer size = 934.70 MiB\n"
)
BUFFER_LOG = "load_tensors:      Vulkan0 model buffer size =    85.30 MiB\n"
NOTHING_LOG = (
    "load_tensors: offloaded 0/29 layers to GPU\nload_tensors:   CPU_Mapped model buffer size = 986 MiB\n"
)
SMI = "GPU 0: NVIDIA GeForce RTX 4060 Laptop GPU (UUID: GPU-00000000-1111-2222-3333-444444444444)\n"
NAME = "NVIDIA GeForce RTX 4060 Laptop GPU"


def evidence(log: str = "", listing: str = "", facts: Json = None) -> DeviceEvidence:
    return DeviceEvidence(log, listing, facts)


# --- llama.cpp ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "listing", "log", "device"),
    [
        ("cuda", CUDA, NEW_LOG, NAME),
        ("cuda", CUDA, OLD_LOG, NAME),
        ("vulkan", RADEON, BUFFER_LOG, "AMD Radeon Pro W5700X (RADV NAVI10)"),
        ("lavapipe", LAVAPIPE, NEW_LOG, "llvmpipe (LLVM 19.1.7, 256 bits)"),
        ("cpu", NONE, "", "cpu"),
        ("cpu", NONE, NOTHING_LOG, "cpu"),
        ("cuda", "  CUDA0: Tesla T4\n", NEW_LOG, "Tesla T4"),
    ],
)
def test_llamacpp_on_its_device_is_named(variant: str, listing: str, log: str, device: str) -> None:
    """Listed, and layers on it, in the words of every version."""
    found = llamacpp.device(variant, evidence(log, listing))
    assert (found.ok, found.device, found.reason) == (True, device, "")


@pytest.mark.parametrize(
    ("variant", "listing", "log", "words"),
    [
        ("cuda", NONE, NEW_LOG, "lists no CUDA device"),
        ("cuda", "", "", "lists no CUDA device"),
        ("cuda", RADEON, NEW_LOG, "lists no CUDA device, only Vulkan0"),
        ("cuda", CUDA, NOTHING_LOG, "does not say that layers of the model were put on NVIDIA"),
        ("cuda", CUDA, "", "does not say that layers of the model were put on NVIDIA"),
        ("vulkan", NONE, "", "lists no Vulkan device"),
        ("vulkan", LAVAPIPE, NEW_LOG, "that is software Vulkan, the variant is vulkan"),
        ("lavapipe", RADEON, NEW_LOG, "that is a real device, the variant is lavapipe"),
        ("lavapipe", NONE, NEW_LOG, "lists no Vulkan device"),
        ("lavapipe", LAVAPIPE, "", "does not say that layers"),
        ("cpu", CUDA, "", "a CPU variant sees a GPU"),
        ("cpu", NONE, NEW_LOG, "a CPU variant sees a GPU or uses one"),
        ("cpu", "", "", "did not list the devices"),
        ("cpu", NONE, BUFFER_LOG, "a CPU variant sees a GPU or uses one"),
    ],
)
def test_llamacpp_elsewhere_is_stopped(variant: str, listing: str, log: str, words: str) -> None:
    """Never the CPU in silence, never a GPU in silence, never software for a card."""
    found = llamacpp.device(variant, evidence(log, listing))
    assert not found.ok
    assert words in found.reason


def test_what_a_server_calls_its_device_is_harmless() -> None:
    """It goes to a terminal and into records."""
    found = llamacpp.device("cuda", evidence(NEW_LOG, "  CUDA0: \x1b[2Jevil" + "x" * 500 + "\n"))
    assert found.device is not None
    assert "\x1b" not in found.device
    assert len(found.device) <= 120


# --- Ollama ---------------------------------------------------------------------------------------------

OLD_OLLAMA = (
    f'level=INFO msg="inference compute" id=GPU-1 library=cuda variant=v12 compute=8.9 name="{NAME}" total=1\n'
)
NEW_OLLAMA = (
    f'INFO msg="inference compute" id=GPU-1 library=CUDA compute=8.9 name=CUDA0 description="{NAME}" total=1\n'
)
CPU_OLLAMA = 'level=INFO msg="inference compute" id=cpu library=cpu compute="" name=cpu description=cpu total=1\n'


def ps(size: object, size_vram: object) -> Json:
    return {"models": [{"name": "m:latest", "size": size, "size_vram": size_vram}]}


@pytest.mark.parametrize(
    ("variant", "log", "listing", "facts", "device"),
    [
        ("cuda", OLD_OLLAMA, "", ps(100, 100), NAME),
        ("cuda", NEW_OLLAMA, "", ps(100, 100), NAME),
        ("cuda", "", SMI, ps(100, 100), NAME),
        ("cuda", "", "", ps(100, 100), "cuda"),
        ("vulkan", NEW_OLLAMA.replace("CUDA", "Vulkan"), "", ps(7, 7), NAME),
        ("cpu", CPU_OLLAMA, "", ps(100, 0), "cpu"),
        ("cpu", "", "", {"models": [{"size": 100}]}, "cpu"),
    ],
)
def test_ollama_on_its_device_is_named(variant: str, log: str, listing: str, facts: Json, device: str) -> None:
    """All of the model in the memory of the GPU, or nothing of it."""
    found = ollama.device(variant, evidence(log, listing, facts))
    assert (found.ok, found.device, found.reason) == (True, device, "")


@pytest.mark.parametrize(
    ("variant", "log", "facts", "words"),
    [
        ("cuda", NEW_OLLAMA, ps(100, 60), "60 of 100 bytes"),
        ("cuda", NEW_OLLAMA, ps(0, 0), "0 of 0 bytes"),
        ("cuda", NEW_OLLAMA, ps("100", "100"), "-1 of -1 bytes"),
        ("cuda", CPU_OLLAMA, ps(100, 100), "computes with cpu"),
        ("vulkan", NEW_OLLAMA, ps(100, 100), "computes with cuda"),
        ("cuda", NEW_OLLAMA, {"models": []}, "lists no loaded model"),
        ("cuda", NEW_OLLAMA, None, "lists no loaded model"),
        ("cpu", CPU_OLLAMA, ps(100, 1), "in the memory of a GPU"),
        ("cpu", CPU_OLLAMA, {"models": {}}, "lists no loaded model"),
    ],
)
def test_ollama_elsewhere_is_stopped(variant: str, log: str, facts: Json, words: str) -> None:
    """A part on the CPU, the wrong library, nothing loaded, an answer that is none."""
    found = ollama.device(variant, evidence(log, "", facts))
    assert not found.ok
    assert words in found.reason


# --- vLLM -----------------------------------------------------------------------------------------------

ENGINE = (
    "Initializing a V1 LLM engine (v0.17.1) with config: model='m', seed=0, device_config=%s, dtype=bfloat16\n"
)


@pytest.mark.parametrize(
    ("variant", "said", "listing", "device"), [("cpu", "cpu", "", "cpu"), ("cuda", "cuda", SMI, NAME)]
)
def test_vllm_says_its_device(variant: str, said: str, listing: str, device: str) -> None:
    """In the line that starts its engine."""
    found = vllm.device(variant, evidence(ENGINE % said, listing))
    assert (found.ok, found.device) == (True, device)


@pytest.mark.parametrize(("variant", "log"), [("cuda", ENGINE % "cpu"), ("cpu", ENGINE % "cuda"), ("cpu", "")])
def test_vllm_elsewhere_or_silent_is_stopped(variant: str, log: str) -> None:
    """No line is no evidence."""
    found = vllm.device(variant, evidence(log))
    assert not found.ok
    assert found.reason


# --- realizar -------------------------------------------------------------------------------------------


# What `apr devices` of apr 0.72.3 printed on a machine without a GPU, 29 November 2026.
WGPU = """\
apr 0.72.3  discovery unix=1795939380  source=machine
backend: cpu    ready        x86_64 host cpu, 2 threads class=avx512 mem=24105MiB kind=unified source=compiled-in
backend: cuda   unavailable  reason=NotCompiled source=not-compiled
backend: wgpu   {}
backend: hip    unavailable  reason=NoBackend(no HIP backend in 0.66) source=not-compiled
"""
LLVMPIPE = (
    "unavailable  reason=NoBackend(software rasteriser (llvmpipe (LLVM 19.1.7, 256 bits)) is not a GPU) "
    "source=compiled-in"
)


@pytest.mark.parametrize(
    ("variant", "mode", "listing", "device"),
    [
        ("cuda", "gpu", SMI, NAME),
        ("cuda", "cuda", "", "cuda"),
        ("vulkan", "wgpu", WGPU.format("ready        AMD Radeon RX 7900"), "AMD Radeon RX 7900"),
        ("lavapipe", "wgpu", WGPU.format(LLVMPIPE), "llvmpipe (LLVM 19.1.7, 256 bits)"),
        ("cpu", "cpu", "", "cpu"),
    ],
)
def test_realizar_says_its_mode(variant: str, mode: str, listing: str, device: str) -> None:
    """compute_mode of /health."""
    found = realizar.device(variant, evidence("", listing, {"compute_mode": mode}))
    assert (found.ok, found.device) == (True, device)


@pytest.mark.parametrize(
    ("variant", "facts"),
    [
        ("cuda", {"compute_mode": "cpu"}),
        ("vulkan", {"compute_mode": "gpu"}),
        ("cpu", {"compute_mode": "gpu"}),
        ("cuda", {"status": "healthy"}),
        ("cuda", {"compute_mode": 1}),
        ("cuda", None),
    ],
)
def test_realizar_elsewhere_or_silent_is_stopped(variant: str, facts: Json) -> None:
    """A release built without CUDA takes the flag for the GPU and computes on the CPU."""
    found = realizar.device(variant, evidence("", SMI, facts))
    assert not found.ok
    assert found.reason


@pytest.mark.parametrize(
    ("variant", "listing"),
    [
        ("vulkan", LLVMPIPE),
        ("vulkan", "unavailable  reason=NotCompiled"),
        ("lavapipe", "ready        AMD Radeon RX 7900"),
    ],
)
def test_realizar_on_another_kind_of_vulkan_is_stopped(variant: str, listing: str) -> None:
    """Software is no card and a card is no software; its makers refuse the first, the kit both."""
    assert not realizar.device(variant, evidence("", WGPU.format(listing), {"compute_mode": "wgpu"})).ok
    assert not realizar.device(variant, evidence("", "nothing", {"compute_mode": "wgpu"})).ok


@pytest.mark.parametrize("name", ALL)
def test_no_evidence_is_no_pass(name: str) -> None:
    """Of what runs in containers, none passes on nothing."""
    runtime = ALL[name]
    for variant in runtime.VARIANTS:
        if variant not in runtime.PROCESS_VARIANTS:
            assert not runtime.device(variant, evidence()).ok
