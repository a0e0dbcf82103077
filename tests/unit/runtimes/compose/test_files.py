"""The compose files of the runtimes: inside the supported subset, isolated, explicit, and documented."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from kit.assets import asset
from kit.documents.container import ContainerSpec, Mount
from kit.runtimes.compose import ComposeFile, container, read_compose
from kit.strict import read_yaml
from kit.supply.images.recipes import recipes

RUNTIMES = ("llamacpp", "ollama", "realizar", "vllm")
PORTS = {"llamacpp": 8080, "ollama": 11434, "realizar": 8080, "vllm": 8000}
ACCELERATORS = {"cpu": "none", "lavapipe": "none", "cuda": "nvidia", "vulkan": "vulkan"}
# Variants that are another service of the same image.
SAME_IMAGE = {"lavapipe": "vulkan"}


def text(runtime: str) -> str:
    return asset("compose", f"{runtime}.yaml").read_text(encoding="utf-8")


@cache
def file(runtime: str) -> ComposeFile:
    return read_compose(text(runtime).encode(), f"compose/{runtime}.yaml")


def spec(runtime: str, service: str, **variables: str) -> ContainerSpec:
    return container(file(runtime), service, variables)


def services() -> list[tuple[str, str]]:
    """(runtime, service) of every compose file."""
    return [(runtime, service) for runtime in (*RUNTIMES, "loadgen") for service in file(runtime).services]


def flag(command: tuple[str, ...], name: str) -> str:
    return command[command.index(name) + 1]


@pytest.mark.parametrize(("runtime", "service"), services())
def test_a_service_is_isolated(runtime: str, service: str) -> None:
    """Not root, nothing writable but memory, no capability, bounded in processes and open files."""
    found = spec(runtime, service)
    assert found.user == "10001:10001"
    assert found.read_only
    assert found.init
    assert found.cap_drop == ("ALL",)
    assert found.cap_add == ()
    assert found.security_opt == ("no-new-privileges:true",)
    assert [each.target for each in found.tmpfs] == ["/tmp"]
    assert all(each.size_bytes for each in found.tmpfs)
    assert found.pids_limit
    assert found.nofile
    assert found.entrypoint


@pytest.mark.parametrize(("runtime", "service"), [each for each in services() if each[0] != "loadgen"])
def test_a_server_has_its_model_its_port_and_its_accelerator(runtime: str, service: str) -> None:
    """The model is read-only, the port is the runtime's, the device is the variant's; CUDA has a cache."""
    found = spec(runtime, service, KIT_MODEL_VOLUME="v", KIT_CACHE_VOLUME="c")
    cache = [Mount("c", "/cache", read_only=False)] if service == "cuda" else []
    assert found.mounts == (Mount("v", "/models", True), *cache)
    assert found.port == PORTS[runtime]
    assert found.accelerator == ACCELERATORS[service]
    assert bool(found.group_add) == (service == "vulkan")


@pytest.mark.parametrize("runtime", [*RUNTIMES, "loadgen"])
def test_services_and_recipes_are_the_same_variants(runtime: str) -> None:
    """Every variant has an image, every image a service, and the default image is one of the kit."""
    found = {service for name, service in services() if name == runtime}
    assert {SAME_IMAGE.get(service, service) for service in found} == {
        each.variant for each in recipes() if each.runtime == runtime
    }
    tags = {(each.variant, each.tag) for each in recipes() if each.runtime == runtime}
    for service in found:
        assert (SAME_IMAGE.get(service, service), spec(runtime, service).image) in tags
        assert spec(runtime, service, KIT_IMAGE="sha256:" + "a" * 64).image == "sha256:" + "a" * 64


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_port_for_use_by_hand_is_on_this_machine_only(runtime: str) -> None:
    """Nobody else on the network reaches a server that is tried out."""
    value: Any = read_yaml(text(runtime).encode(), runtime).value
    for service in value["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert service["healthcheck"] == {"disable": True}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_variable_is_documented_and_used(runtime: str) -> None:
    """The head of the file names all variables, and none that is not there."""
    head, body = text(runtime).split("\nservices:\n")
    documented = set(re.findall(r"KIT_[A-Z_]+", head))
    assert documented == set(re.findall(r"\$\{(KIT_[A-Z_]+)", body))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_example_in_the_head_works(runtime: str) -> None:
    """Every variable has a default, so that a service starts by hand; the two of the example are enough."""
    for name, service in services():
        if name == runtime:
            assert spec(name, service).image


@pytest.mark.parametrize("service", ["cpu", "cuda", "vulkan", "lavapipe"])
def test_llamacpp_is_told_everything_it_would_fit_to_the_machine(service: str) -> None:
    """Slots, context, layers, flash attention, caches; and its port, whose default moved."""
    found = spec("llamacpp", service, KIT_SLOTS="8", KIT_CONTEXT="5120", KIT_GPU_LAYERS="99", KIT_THREADS="3")
    command = found.command
    assert flag(command, "--port") == "8080"
    assert flag(command, "--parallel") == "8"
    assert flag(command, "--ctx-size") == "5120"
    assert flag(command, "--fit") == "off"
    assert flag(command, "--flash-attn") == "on"
    assert flag(command, "--cache-ram") == "0"
    assert {"--no-cache-prompt", "--no-kv-unified", "--no-context-shift", "--metrics", "--offline"} <= set(command)
    assert (flag(command, "--threads"), flag(command, "--threads-batch")) == ("3", "3")
    assert flag(command, "--n-gpu-layers") == ("0" if service == "cpu" else "99")
    assert flag(command, "--verbosity") == "4"
    assert ("--device" in command) == (service != "cpu")


def test_lavapipe_sees_only_the_software_driver() -> None:
    """llama.cpp does not take llvmpipe by itself, and a real device must not slip in."""
    environment = spec("llamacpp", "lavapipe").environment
    assert environment["VK_DRIVER_FILES"].endswith("lvp_icd.json")
    assert environment["GGML_VK_VISIBLE_DEVICES"] == "0"


@pytest.mark.parametrize("service", ["cpu", "cuda"])
def test_vllm_is_told_everything_it_would_fit_to_the_machine(service: str) -> None:
    """No cache, its own sampling defaults, no network, and memory by number."""
    found = spec("vllm", service, KIT_THREADS="7", KIT_KV_GIB="3", KIT_GPU_MEMORY_PERCENT="0.50")
    command = found.command
    assert flag(command, "--generation-config") == "vllm"
    assert "--no-enable-prefix-caching" in command
    assert found.environment["HF_HUB_OFFLINE"] == "1"
    if service == "cpu":
        assert found.environment["OMP_NUM_THREADS"] == "7"
        assert found.environment["VLLM_CPU_KVCACHE_SPACE"] == "3"
    else:
        assert flag(command, "--gpu-memory-utilization") == "0.50"


@pytest.mark.parametrize(("service", "vulkan"), [("cpu", "0"), ("cuda", "0"), ("vulkan", "1")])
def test_ollama_uses_only_the_device_of_its_variant(service: str, vulkan: str) -> None:
    """A CPU variant sees no GPU, CUDA no Vulkan, Vulkan no CUDA."""
    environment = spec("ollama", service, KIT_NUM_PARALLEL="16", KIT_CONTEXT_PER_SLOT="640").environment
    assert environment["OLLAMA_VULKAN"] == vulkan
    assert environment["OLLAMA_NUM_PARALLEL"] == "16"
    assert environment["OLLAMA_CONTEXT_LENGTH"] == "640"
    assert (environment.get("CUDA_VISIBLE_DEVICES") == "-1") == (service != "cuda")


def test_realizar_skips_its_own_check_only_when_asked() -> None:
    """Empty by default: newer versions take anything that is not empty for a yes."""
    assert spec("realizar", "cuda").environment["SKIP_PARITY_GATE"] == ""
    assert spec("realizar", "cuda", KIT_SKIP_PARITY_GATE="").environment["SKIP_PARITY_GATE"] == ""
    assert spec("realizar", "cuda", KIT_SKIP_PARITY_GATE="1").environment["SKIP_PARITY_GATE"] == "1"
