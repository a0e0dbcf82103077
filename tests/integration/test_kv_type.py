"""The embedded llama.cpp keeps keys and values as it is told: its memory says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kit.catalogue import model
from kit.engines.process import ProcessEngine
from kit.runtimes import llamacpp
from kit.supply.download import fetch

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]

# 30 layers of 3 heads with 64 keys and 64 values each, in bytes of a number: 22.5 KiB a token as f16.
TOKENS, NUMBERS_PER_TOKEN = 16_384, 30 * 3 * 128


def memory_kib(weights: Path, kv_type: str | None) -> int:
    """What a server with that type of keys and values has in memory once it listens."""
    asked: dict[str, int | str] = {"context_tokens_per_slot": TOKENS, "threads": 1}
    settings = llamacpp.explicit("embedded", asked, 1) | ({"kv_type": kv_type} if kv_type else {})
    spec = llamacpp.server("it", "embedded", settings, str(weights), ProcessEngine().free_port())
    with subprocess.Popen(
        spec.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline().startswith("listening")
        status = Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
        server.stdin.close()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")))


def test_keys_and_values_take_the_memory_of_their_type() -> None:
    """f16 is what is meant where nothing is said; q8_0 has 8.5 bits a number, so 7.5 fewer."""
    weights = fetch(model("smollm2-135m-instruct-q4_1"))
    usual, same, less = (memory_kib(weights, kv_type) for kv_type in (None, "f16", "q8_0"))
    saved_kib = TOKENS * NUMBERS_PER_TOKEN * 7.5 / 8 / 1024
    assert abs(usual - same) < 0.1 * saved_kib
    assert abs(usual - less - saved_kib) < 0.1 * saved_kib


def test_no_flag_stands_behind_its_command() -> None:
    """It has no command line: the type is in the argument of the kit's program."""
    assert llamacpp.additions("embedded", {"kv_type": "q8_0"}, ()).flags == ()
    command = llamacpp.server("it", "embedded", {"kv_type": "q8_0"}, "m", 1).command
    assert json.loads(command[-1])["kv_type"] == "q8_0"
