"""What is kept of a server's log: builds and devices by allow list, and nothing else of any line."""

from __future__ import annotations

from functools import partial
from itertools import product
from pathlib import Path
from time import perf_counter

import pytest

from kit.documents import LogFacts
from kit.runtimes.log_lines import MAX_CHARS, MAX_WORDS, log_facts

RECORDED = Path(__file__).parents[2] / "support" / "recorded"
BUILD = "0.00.305.475 I cmn  common_param: common_params_print_info: build 0 (0c1e57098) with GNU 14.2.0"
DEVICE = "load_from_file_impl: using device CUDA0 (NVIDIA GeForce RTX 4060 Laptop GPU) (0000:01:00.0) - 7 MiB"
LAVAPIPE = (
    "prepare_model_devices: using device Vulkan0 (llvmpipe (LLVM 19.1.7, 256 bits)) (unknown id) - 1 MiB free"
)
ENGINE = (
    "(EngineCore pid=25) INFO 11-29 09:20:59 [core.py:133] Initializing a V1 LLM engine (v0.32.0) with config: "
    "model='/home/ann/m', device_config=cpu, dtype=bfloat16"
)
LISTENS = 'level=INFO msg="Listening on [::]:11434 (version 0.18.3)"'
CARD = 'msg="inference compute" id=GPU-1 library=cuda name=CUDA0 description="NVIDIA RTX 4060"'


@pytest.mark.parametrize(
    ("runtime", "log", "versions", "devices"),
    [
        ("llamacpp", BUILD, ("b0-0c1e57098",), ()),
        ("llamacpp", "build: 6729 (abc1234) with cc\r\n", ("b6729-abc1234",), ()),
        ("llamacpp", "0.00 I srv init: build_info: b0-unknown", ("b0-unknown",), ()),
        ("llamacpp", DEVICE, (), ("NVIDIA GeForce RTX 4060 Laptop GPU",)),
        ("llamacpp", LAVAPIPE, (), ("llvmpipe (LLVM 19.1.7, 256 bits)",)),
        (
            "llamacpp",
            f"{BUILD}\n{BUILD}\n{DEVICE}\n{DEVICE}",
            ("b0-0c1e57098",),
            ("NVIDIA GeForce RTX 4060 Laptop GPU",),
        ),
        ("vllm", ENGINE, ("0.32.0",), ("cpu",)),
        ("ollama", f"{LISTENS}\n{CARD}", ("0.18.3",), ("NVIDIA RTX 4060",)),
        ("ollama", 'msg="inference compute" id=0 library=Vulkan total=1', (), ("vulkan",)),
        ("llamacpp", "", (), ()),
        ("vllm", "nothing of it, and /home/ann/secret", (), ()),
    ],
)
def test_builds_and_devices_are_found(
    runtime: str, log: str, versions: tuple[str, ...], devices: tuple[str, ...]
) -> None:
    """Each once, in the order in which they came."""
    assert log_facts(runtime, log) == LogFacts(versions, devices)


def test_a_recorded_log_says_what_ran() -> None:
    """Ollama 0.18.3 on two CPUs."""
    log = (RECORDED / "ollama-0.18.3" / "server.log.txt").read_text(encoding="utf-8")
    assert log_facts("ollama", log) == LogFacts(("0.18.3",), ("cpu",))


def test_of_other_runtimes_nothing_is_kept() -> None:
    """Their logs may say anything."""
    log = (RECORDED / "realizar-0.72.3" / "server.log.txt").read_text(encoding="utf-8")
    assert log_facts("realizar", log) is None


def test_no_path_or_name_of_a_line_is_kept() -> None:
    """Only what a pattern captures."""
    found = log_facts("vllm", ENGINE)
    assert found is not None
    assert "ann" not in " ".join((*found.versions, *found.devices))


def test_a_log_cannot_fill_the_record() -> None:
    """So many words of so many characters, printable ones."""
    many = "".join(f"build: {number} (abc{number:04})\n" for number in range(1000))
    found = log_facts("llamacpp", many + "using device CUDA0 (\x1b[2Jevil) (0)\n")
    assert found is not None
    assert len(found.versions) == MAX_WORDS
    assert "\x1b" not in found.devices[0]
    long = log_facts(
        "ollama", f'msg="inference compute" id=1 library=cuda description="{"x" * 500}" name="{"y" * 119}"'
    )
    assert long is not None
    assert all(len(each) <= MAX_CHARS for each in long.devices)


UNITS = (
    "\n", " ", "0", "a", "(", ")", "build: 1 (", "build 1 (abc", "build_info: b1-", "using device CUDA0 (",
    "using device CUDA0 (a(", 'msg="Listening on ', 'msg="inference compute" id=',
    'msg="inference compute" id=a library=', ' name="', "Initializing a V1 LLM engine (v",
    "device_config=", "x" * 1999 + "\n",
)  # fmt: skip


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: repr(unit[:40]))
def test_a_log_is_read_in_one_pass(unit: str) -> None:
    """Four times as long takes about four times as long, whatever is in it."""
    for runtime, head in product(("llamacpp", "ollama", "vllm"), ("", "build: ", 'msg="inference compute" ')):
        log = head + unit * ((1 << 19) // len(unit)) + "!"
        began = perf_counter()
        partial(log_facts, runtime, log)()
        assert perf_counter() - began < 3.0, (runtime, head)
