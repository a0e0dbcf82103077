"""The servers that are asked: the reference endpoint with its truth log, and a real llama.cpp."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.children import BenchmarkError
from kit.catalogue import model
from kit.engines.process import ProcessEngine
from kit.probe import probe_of
from kit.reference.truth import Truth, read_truth
from kit.runtimes import llamacpp
from kit.supply.download import fetch

END_S = 60.0
MODEL = "smollm2-135m-instruct-q4_1"


@contextlib.contextmanager
def reference(*options: str, truth: Path | None = None) -> Iterator[str]:
    """`kit reference` with these options as a process of its own; gives its URL. The log is whole afterwards."""
    logged = [] if truth is None else ["--truth", str(truth)]
    command = [sys.executable, "-m", "kit", "reference", *options, *logged, "--until-stdin-closes"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with child:
        try:
            assert child.stdout is not None
            line = child.stdout.readline()
            if not line:
                raise BenchmarkError("The reference endpoint did not start.")
            yield json.loads(line)["url"]
            child.send_signal(signal.SIGTERM)
            child.wait(END_S)
        finally:
            child.kill()


def paced(ttft_ms: float = 50, itl_ms: float = 5) -> tuple[str, ...]:
    """Options of an endpoint with constant times."""
    return ("--ttft-ms", f"{ttft_ms:g}", "--itl-ms", f"{itl_ms:g}")


# As fast as it can: a send for each token (a pace nobody keeps), or as much of an answer as one send takes.
SATURATED = paced(0, 0.001)
IN_BLOCKS = paced(0, 0)


def truths(path: Path) -> list[Truth]:
    return list(read_truth(path.read_bytes(), path.name))


@contextlib.contextmanager
def llama_server(log: Path, slots: int) -> Iterator[str]:
    """A real llama.cpp on all cores that we may use, as the demo platform starts it; gives its URL."""
    engine = ProcessEngine()
    settings = llamacpp.explicit("embedded", {"slots": slots}, len(os.sched_getaffinity(0)))
    spec = llamacpp.server("llamacpp", "embedded", settings, str(fetch(model(MODEL))), engine.free_port())
    with engine.server(spec, log) as running:
        probe_of(running).wait_ready(spec.ready_path, spec.start_budget_s)
        yield running.url
