"""Programs of the machine as servers: what is started, on which device, and what the log must say of it."""

from __future__ import annotations

import pytest

from kit.runtimes import RUNTIMES, llamacpp, ollama, realizar, vllm
from kit.runtimes.programs import NO_GPU, PROGRAM, PROGRAM_GPU, PROGRAMS, VARIANTS, program_of
from kit.runtimes.protocol import DeviceEvidence, ServerSpec

PAIRS = [(name, each) for name, runtime in RUNTIMES.items() for each in VARIANTS if each in runtime.VARIANTS]
CPU = "load_tensors: offloaded 0/31 layers to GPU\n"
GPU = "load_tensors: offloaded 31/31 layers to GPU\nload_tensors:        CUDA0 model buffer size =  100 MiB\n"


def spec_of(name: str, variant: str, **settings: int) -> ServerSpec:
    runtime = RUNTIMES[name]
    whole = runtime.explicit(variant, settings, 6)
    return runtime.server("r1-c1-x", variant, whole, "/models/m.gguf", 8123)


@pytest.mark.parametrize(("name", "variant"), PAIRS)
def test_a_program_is_told_its_port_on_the_loopback_address(name: str, variant: str) -> None:
    """And is known by the name that it has on the PATH."""
    spec = spec_of(name, variant)
    assert spec.command[0] == PROGRAMS[name] == program_of(name, variant)
    told = " ".join((*spec.command, *spec.environment.values()))
    assert "8123" in told
    assert "127.0.0.1" in told
    assert spec.container is None
    assert spec.ready_path == RUNTIMES[name].READY_PATH


@pytest.mark.parametrize(("name", "variant"), PAIRS)
def test_every_setting_of_a_program_is_told_to_it(name: str, variant: str) -> None:
    """On its command line, in its environment, or when it is given its model."""
    runtime = RUNTIMES[name]
    usual = runtime.explicit(variant, {}, 6)
    for setting, rule in runtime.settings(variant).items():
        other = {setting: rule.low if usual[setting] == rule.high else rule.high}
        before, after = spec_of(name, variant), spec_of(name, variant, **other)
        told = (before.command, before.environment) != (after.command, after.environment)
        assert told or (name, setting) == ("ollama", "threads"), setting


@pytest.mark.parametrize("name", RUNTIMES)
def test_only_programs_are_asked_for_as_programs(name: str) -> None:
    """Neither the embedded server nor a container."""
    assert all(program_of(name, each) is None for each in RUNTIMES[name].VARIANTS if each not in VARIANTS)
    assert program_of("server", "running") is None


def test_a_cpu_variant_is_shown_no_gpu() -> None:
    """By flags, or by the variables of every maker."""
    assert (
        spec_of("llamacpp", PROGRAM).command[15:17] == ("--device", "none")
        or "none" in spec_of("llamacpp", PROGRAM).command
    )
    assert NO_GPU.items() <= spec_of("ollama", PROGRAM).environment.items()
    assert NO_GPU.items() <= spec_of("realizar", PROGRAM).environment.items()
    assert not NO_GPU.keys() & spec_of("ollama", PROGRAM_GPU).environment.keys()


def test_ollama_keeps_its_models_and_keys_in_folders_that_go_with_it() -> None:
    """The user's own are neither seen nor changed."""
    assert set(spec_of("ollama", PROGRAM).own_folders) == {"HOME", "OLLAMA_MODELS"}


@pytest.mark.parametrize(
    ("variant", "log", "ok", "device"),
    [
        (PROGRAM, CPU, True, "cpu"),
        (PROGRAM, "", True, "cpu"),
        (PROGRAM, GPU, False, None),
        (PROGRAM_GPU, GPU, True, "CUDA0"),
        (PROGRAM_GPU, GPU.splitlines()[0], True, "gpu"),
        (PROGRAM_GPU, CPU, False, None),
    ],
)
def test_the_log_of_llama_server_says_where_its_layers_are(
    variant: str, log: str, ok: bool, device: str | None
) -> None:
    """A program has no container in which it could list its devices."""
    found = llamacpp.device(variant, DeviceEvidence(log, "", None))
    assert (found.ok, found.device) == (ok, device)
    assert llamacpp.device_command(variant) is None


@pytest.mark.parametrize(("size_vram", "cpu", "gpu"), [(0, True, False), (9, False, True), (4, False, False)])
def test_ollama_tells_how_much_of_the_model_is_in_the_memory_of_a_gpu(
    size_vram: int, cpu: bool, gpu: bool
) -> None:
    """All of it, or none."""
    facts = {"models": [{"size": 9, "size_vram": size_vram}]}
    told = [ollama.device(variant, DeviceEvidence("", "", facts)).ok for variant in VARIANTS]
    assert told == [cpu, gpu]


def test_realizar_and_vllm_tell_their_device() -> None:
    """The one in its answers, the other in its log."""
    assert realizar.device(PROGRAM, DeviceEvidence("", "", {"compute_mode": "cpu"})).ok
    assert not realizar.device(PROGRAM, DeviceEvidence("", "", {"compute_mode": "gpu"})).ok
    for variant, device in ((PROGRAM, "cpu"), (PROGRAM_GPU, "cuda")):
        evidence = DeviceEvidence(f"config: device_config={device}, x", "", None)
        assert [vllm.device(each, evidence).ok for each in VARIANTS] == [each == variant for each in VARIANTS]
