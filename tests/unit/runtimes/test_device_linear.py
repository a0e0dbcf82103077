"""What an image prints may be made to be slow to read: every pattern that runs over it is done in one pass."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from time import perf_counter

import pytest

from kit.loadgen.http1 import MAX_HEAD_BYTES, ResponseFramer
from kit.runtimes import nvidia
from kit.runtimes.prometheus import totals
from kit.runtimes.protocol import DeviceEvidence, Json
from tests.support.runtimes import ALL

SIZE = 1 << 17
# Patterns that were quadratic took 46 to 87 minutes for a megabyte, so most of a minute for this.
LIMIT_S = 3.0
UNITS = [
    "\n", " ", "\t", "\r\n", "\u2028", "0", "a", '"', "(", "{", "}", "\x00",
    "CUDA0: ", "  CUDA0:  \n", "CUDA0: a (1 MiB", " (1 MiB, 1 MiB free)", "Vulkan1: x ",
    'msg="inference compute" ', 'msg="inference compute" library', ' name="', ' description="a', " library=",
    "load_tensors: offloaded 1", "load_tensors: offloaded ", "load_tensors: ", "load_tensors:" + " " * 50,
    "device_config=", "device_config=cuda", "backend: wgpu ", "backend: wgpu" + " " * 400 + "\n",
    "software rasteriser (", "software rasteriser (a(", "GPU 0: ", "GPU 0: a (UUID: ", "GPU 1",
    "a{} 1 ", "a{", "} 1", "a 1 1 ", "a:a",
]  # fmt: skip
HEADS = ("", "  CUDA0: ", 'msg="inference compute" ', "a{", "GPU 0: ")
FACTS: Json = {"models": [{"size": 1, "size_vram": 1}]}


def seconds(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


def text_of(head: str, unit: str) -> str:
    """Much of one thing, with nothing at its end that any pattern looks for."""
    return head + unit * (SIZE // len(unit)) + "!"


DEVICES = [(name, variant) for name, runtime in sorted(ALL.items()) for variant in runtime.VARIANTS]


@pytest.mark.parametrize("unit", UNITS, ids=repr)
def test_what_an_image_prints_is_read_in_one_pass(unit: str) -> None:
    """As log and as listing of devices, of every runtime and variant; as counters; as list of NVIDIA's tool."""
    text = text_of("", unit)
    for name, variant in DEVICES:
        evidence = DeviceEvidence(text, text, FACTS)
        assert seconds(partial(ALL[name].device, variant, evidence)) < LIMIT_S, (name, variant)
    for head in HEADS:
        text = text_of(head, unit)
        assert seconds(partial(totals, text, {"a": "b"})) < LIMIT_S
        assert seconds(partial(nvidia.gpu_name, text)) < LIMIT_S


@pytest.mark.parametrize("head", HEADS)
def test_a_beginning_that_fits_does_not_slow_the_rest(head: str) -> None:
    """After the words that a pattern waits for comes what never ends."""
    for unit, (name, variant) in product((" ", "a", '"', "\n", "1", "(", " (1 MiB"), DEVICES):
        text = text_of(head, unit)
        evidence = DeviceEvidence(text, text, FACTS)
        assert seconds(partial(ALL[name].device, variant, evidence)) < LIMIT_S, (name, variant, unit)


def test_a_number_of_thousands_of_digits_is_no_crash() -> None:
    """Python refuses to read such integers."""
    log = f"load_tensors: offloaded {'1' * 5000}/{'1' * 5000} layers to GPU\n"
    assert not ALL["llamacpp"].device("cuda", DeviceEvidence(log, "  CUDA0: Tesla T4\n", None)).ok


@pytest.mark.parametrize("unit", [b" ", b"\t", b" \t", b"a ", b":"])
def test_a_header_of_blanks_is_read_in_one_pass(unit: bytes) -> None:
    """A server could have stopped the load generator for seconds with each answer."""
    value = unit * ((MAX_HEAD_BYTES - 100) // len(unit)) + b"x"
    framer = ResponseFramer()
    spent = seconds(lambda: framer.feed(1, b"HTTP/1.1 200 OK\r\nA:" + value + b"\r\n\r\n"))
    assert spent < 0.5
    assert framer.headers["a"] == value.strip(b" \t").decode("latin-1")
