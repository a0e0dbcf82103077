"""kit run --url for real: servers that already run, by their addresses alone."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.catalogue import model
from kit.engines.process import ProcessEngine
from kit.runtimes import llamacpp
from kit.runtimes.programs import PROGRAM
from kit.supply.download import fetch
from tests.support.llama_server import install
from tests.support.running import AT_ONCE, kit
from tests.support.serving import serving

pytestmark = [pytest.mark.integration, pytest.mark.alone]


@contextlib.contextmanager
def running(folder: Path, slots: int) -> Iterator[str]:
    """A `llama-server` that somebody else started, at its address."""
    port, weights = ProcessEngine().free_port(), fetch(model("smollm2-135m-instruct-q4_1"))
    settings = llamacpp.explicit(PROGRAM, {"slots": slots, "threads": 1}, 1)
    spec = llamacpp.server("mine", PROGRAM, settings, str(weights), port)
    command = [str(install(folder / str(slots))), *spec.command[1:]]
    with serving(command, port, spec.ready_path, folder / f"{slots}.log"):
        yield f"http://127.0.0.1:{port}"


def test_two_servers_are_compared_by_their_addresses(tmp_path: Path) -> None:
    """Tables, a recommendation, a bundle that others accept; nothing is said to have been started."""
    run = tmp_path / "run"
    with running(tmp_path, 1) as serial, running(tmp_path, 2) as batched:
        options = ("--users", "2", "--budget", "90s", *AT_ONCE, "--no-calibrate", "--out", str(run))
        done = kit("run", "--url", serial, "--url", batched, *options)
    assert done.returncode == 0, done.stderr
    assert "settings, caches and device are as whoever started them decided" in done.stderr
    names = [f"127.0.0.1-{url.rpartition(':')[2]}" for url in (serial, batched)]
    assert all(name in done.stdout for name in names)
    assert "for 2 users" in done.stdout.partition("Recommendation\n")[2]
    cells = [json.loads(path.read_bytes()) for path in run.glob("cells/*/cell.json")]
    assert {cell["status"] for cell in cells} == {"measured"}
    assert not any(cell.get("server") for cell in cells)

    bundle = tmp_path / "own.tar.gz"
    assert kit("bundle", str(run), "-o", str(bundle)).returncode == 0
    judged = kit("verify", str(bundle))
    assert judged.returncode == 0, judged.stdout
