"""Starts other people's servers as programs of this machine, waits until they answer, and ends them."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kit.engines.process import HOST

ROOT = Path(__file__).resolve().parents[2]
START_S = 240.0
END_S = 20.0
NO_PROXY = {"NO_PROXY": HOST, "no_proxy": HOST}  # what forwards to this machine must not ask a proxy of the user


def answers(port: int, path: str, key: str = "") -> bool:
    """Whether somebody says 200 at this path, to whom has the key."""
    asking = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        asking.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        return asking.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asking.close()


def last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]


@contextlib.contextmanager
def serving(
    command: Sequence[str],
    port: int,
    ready: str,
    log: Path,
    key: str = "",
    environment: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """A server while the block runs, from its first 200 at the path `ready` on."""
    with log.open("wb") as output:
        leash = subprocess.Popen(
            [sys.executable, "-m", "tests.support.leash", *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=ROOT,
            env={**os.environ, **NO_PROXY, **(environment or {})},
        )
    try:
        deadline = time.monotonic() + START_S
        while not answers(port, ready, key):
            assert leash.poll() is None, f"{command[0]} ended: {last_words(log)}"
            assert time.monotonic() < deadline, f"{command[0]} is not ready: {last_words(log)}"
            time.sleep(0.1)
        yield
    finally:
        end(leash)


def end(leash: subprocess.Popen[bytes]) -> None:
    """End what is on the leash: in good order, else at once."""
    assert leash.stdin is not None
    leash.stdin.close()
    try:
        leash.wait(END_S)
    except subprocess.TimeoutExpired:
        os.killpg(leash.pid, signal.SIGKILL)
        leash.wait()
