"""Starts the real `kit` as people do, and waits for what it leaves on disk."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from kit.assets import asset

KIT = (sys.executable, "-m", "kit")
# Other tests run beside: a machine that is never quiet is not waited for, and no cell is measured again.
AT_ONCE = ("--quiet-wait", "0", "--attempts", "1")
# The demo, but for one thread each: tests run beside each other, and threads that wait for one another in turns
# starve as soon as one of them shares its CPU.
ONE_THREAD = (
    asset("compose", "platforms", "demo.yaml")
    .read_text(encoding="utf-8")
    .replace("settings: {", "settings: {threads: 1, ")
)
SHORT = (*AT_ONCE, "--window", "1.5", "--warmup", "0.5", "--replicates", "1", "--yes", "--no-calibrate")


def kit(
    *arguments: str,
    cwd: Path | None = None,
    timeout_s: float = 600,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run one command of the kit to its end, with some variables set differently."""
    return subprocess.run(
        [*KIT, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env={**os.environ, **(environment or {})},
    )


def demo_on_one_thread(folder: Path) -> str:
    """The path of a platform file with `ONE_THREAD`."""
    path = folder / "one-thread.yaml"
    path.write_text(ONE_THREAD, encoding="utf-8")
    return str(path)


def smol_on_one_thread(folder: Path) -> str:
    """The path of a platform file: smol, its llama.cpp with one thread, which a busy neighbour cannot hold up."""
    path = folder / "smol-one-thread.yaml"
    text = asset("compose", "platforms", "smol.yaml").read_text(encoding="utf-8")
    words = "settings: {slots: 4, context_tokens_per_slot: 640}"
    assert text.count(words) == 1
    path.write_text(text.replace(words, words.replace("{", "{threads: 1, ")), encoding="utf-8")
    return str(path)


def start_kit(
    *arguments: str,
    mark: Path | None = None,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start a command of the kit and go on; `pids_of` finds all that it starts by the folder `mark`."""
    variables = {**os.environ, **(environment or {})}
    if mark is not None:
        variables["PATH"] = f"{variables['PATH']}:{mark}"  # which the engine of processes hands on
    return subprocess.Popen(
        [*KIT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=variables
    )


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 300) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


def descendants_of(pid: int) -> dict[int, str]:
    """The processes that a process has started, and those that these have, with their command lines."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found: dict[int, str] = {}
    wanted = {pid}
    while more := {child for child, parent in parents.items() if parent in wanted and child not in found}:
        for child in more:
            with contextlib.suppress(OSError):
                found[child] = (
                    Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
        wanted = more & found.keys()
    return found


def pids_of(marker: str | Path) -> list[int]:
    """Processes whose command line or environment holds `marker`."""
    return [pid for pid in _pids() if str(marker) in _said(pid, "cmdline") + _said(pid, "environ")]


def servers_of(mark: Path) -> list[int]:
    """The embedded llama.cpp servers that a kit has started, of all that may run on this machine."""
    return [pid for pid in pids_of(mark) if "kit.runtimes.embedded_llamacpp" in _said(pid, "cmdline")]


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def _said(pid: int, file: str) -> str:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""
