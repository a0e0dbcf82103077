"""What drivers say of GPUs, told without one: files as the kernel has them, a library that answers as NVML."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from kit.documents import Gpu
from kit.machine.gpus import describe_gpus

OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build  (dvs-builder@U16)\n"
CLOSED = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n"
INFORMATION = (
    "Model: \t\t NVIDIA H200\nIRQ:   \t\t 120\nGPU UUID: \t GPU-5c0ffee0-0000-0000-0000-000000000000\n"
    "Bus Location: \t 0000:18:00.0\n"
)


class NvmlError(Exception):
    """What the library raises for what a card does not know."""


def nvml(**answers: object) -> ModuleType:
    """A module that answers as `pynvml` on a machine with two cards; an answer that is an error is raised."""
    known: dict[str, object] = {
        "nvmlInit": None,
        "nvmlShutdown": None,
        "nvmlDeviceGetCount": 2,
        "nvmlDeviceGetHandleByIndex": "card",
        "nvmlDeviceGetName": "NVIDIA H200",
        "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=150_754_820_096),
        "nvmlSystemGetDriverVersion": "570.124.06",
        "nvmlSystemGetCudaDriverVersion_v2": 12080,
        "nvmlDeviceGetMaxClockInfo": 1980,
        "nvmlDeviceGetApplicationsClock": 1980,
        "nvmlDeviceGetEnforcedPowerLimit": 700_000,
        "nvmlDeviceGetPersistenceMode": 1,
        **answers,
    }
    module = ModuleType("pynvml")

    def answering(answer: object) -> object:
        def ask(*_: object) -> object:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask

    for name, answer in known.items():
        setattr(module, name, answering(answer))
    vars(module).update(NVMLError=NvmlError, NVML_CLOCK_SM=1, NVML_CLOCK_MEM=2)
    return module


def files(root: Path, **contents: str) -> Path:
    """Files by their path, in which "__" stands for a slash."""
    for name, text in contents.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture(autouse=True)
def _no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)


def test_a_machine_without_gpus_has_none(tmp_path: Path) -> None:
    """No library, no driver, no card."""
    assert describe_gpus(tmp_path) == ()


def test_nvml_is_asked_for_everything_that_bears_on_speed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And for no UUID or serial number."""
    monkeypatch.setitem(sys.modules, "pynvml", nvml())
    one = Gpu(
        name="NVIDIA H200",
        memory_bytes=150_754_820_096,
        driver="570.124.06",
        cuda="12.8",
        sm_max_mhz=1980,
        memory_max_mhz=1980,
        sm_application_mhz=1980,
        power_limit_mw=700_000,
        persistence=True,
    )
    assert describe_gpus(tmp_path) == (one, one)


def test_what_a_card_does_not_know_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A laptop's card has no limit of power, an old library gives bytes and lacks functions."""
    limited = nvml(
        nvmlDeviceGetCount=1,
        nvmlDeviceGetName=b"GeForce\x1b[2J MX",
        nvmlDeviceGetEnforcedPowerLimit=NvmlError("not supported"),
        nvmlDeviceGetMemoryInfo=NvmlError("not supported"),
        nvmlSystemGetCudaDriverVersion_v2=NvmlError("not found"),
    )
    del limited.nvmlDeviceGetPersistenceMode
    monkeypatch.setitem(sys.modules, "pynvml", limited)
    (found,) = describe_gpus(tmp_path)
    assert "\x1b" not in found.name
    assert (found.power_limit_mw, found.memory_bytes, found.cuda, found.persistence) == (None,) * 4


def test_without_a_driver_the_library_finds_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is installed everywhere, and most machines have no card."""
    monkeypatch.setitem(sys.modules, "pynvml", nvml(nvmlInit=NvmlError("driver not loaded")))
    assert describe_gpus(tmp_path) == ()


@pytest.mark.parametrize(("version", "driver"), [(OPEN, "570.124.06"), (CLOSED, "550.54.15"), ("?", None)])
def test_without_the_library_the_drivers_own_files_tell_name_and_version(
    version: str, driver: str | None, tmp_path: Path
) -> None:
    """As in a container that no tool of NVIDIA's has prepared."""
    folder = "proc__driver__nvidia__"
    files(tmp_path, **{f"{folder}version": version, f"{folder}gpus__0000:18:00.0__information": INFORMATION})
    assert describe_gpus(tmp_path) == (Gpu("NVIDIA H200", driver=driver),)


def test_cards_of_amd_are_described_by_sysfs(tmp_path: Path) -> None:
    """In the order of their numbers; connectors and cards of others are none of them."""
    files(
        tmp_path,
        sys__module__amdgpu__version="6.8.5\n",
        **{
            "sys__class__drm__card10__device__vendor": "0x1002\n",
            "sys__class__drm__card10__device__device": "0x744c\n",
            "sys__class__drm__card2__device__vendor": "0x1002\n",
            "sys__class__drm__card2__device__product_name": "AMD Radeon PRO W7900\n",
            "sys__class__drm__card2__device__mem_info_vram_total": "48301604864\n",
            "sys__class__drm__card2__device__pp_dpm_sclk": "0: 500Mhz *\n1: 2495Mhz\n",
            "sys__class__drm__card2__device__hwmon__hwmon3__power1_cap": "241000000\n",
            "sys__class__drm__card2-DP-1__device__vendor": "0x1002\n",
            "sys__class__drm__card0__device__vendor": "0x8086\n",
        },
    )
    first, second = describe_gpus(tmp_path)
    assert first == Gpu("AMD Radeon PRO W7900", 48_301_604_864, "6.8.5", sm_max_mhz=2495, power_limit_mw=241_000)
    assert second == Gpu("AMD GPU 0x744c", driver="6.8.5")


def test_a_number_that_is_none_is_no_data(tmp_path: Path) -> None:
    """Whatever a driver writes there."""
    device = "sys__class__drm__card0__device__"
    files(tmp_path, **{f"{device}vendor": "0x1002", f"{device}mem_info_vram_total": "a lot"})
    (found,) = describe_gpus(tmp_path)
    assert found.memory_bytes is None
