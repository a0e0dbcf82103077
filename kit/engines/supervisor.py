"""A program: runs another one in a session of its own, and ends it with all it started when standard input closes.

So a server that knows nothing of the kit cannot outlive it, however that ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

POLITE_S = 3.0  # less than the kit waits for us before it becomes rough (kit.engines.process)


def main(arguments: list[str]) -> int:
    started: list[subprocess.Popen[bytes]] = []
    asked = threading.Event()

    def ask(*_: object) -> None:
        asked.set()
        for child in started:
            threading.Thread(target=_end, args=(child,)).start()

    signal.signal(signal.SIGTERM, ask)
    try:
        started.append(subprocess.Popen(arguments, stdin=subprocess.DEVNULL, start_new_session=True))
    except OSError as error:
        sys.stderr.write(f"{Path(arguments[0]).name} cannot be started: {error.strerror or error}\n")
        return 127
    if asked.is_set():
        ask()
    threading.Thread(target=_ask_at_end_of_input, args=(ask,), daemon=True).start()
    (child,) = started
    code = child.wait()
    _signal_all(child, signal.SIGKILL)  # what it started and left
    return code if code >= 0 else 128 - code


def _ask_at_end_of_input(ask: Callable[[], None]) -> None:
    # Not by sys.stdin: a thread that reads it holds a lock that the end of the program waits for.
    while os.read(0, 1024):
        pass
    ask()


def _end(child: subprocess.Popen[bytes]) -> None:
    _signal_all(child, signal.SIGTERM)
    try:
        child.wait(POLITE_S)
    except subprocess.TimeoutExpired:
        _signal_all(child, signal.SIGKILL)


def _signal_all(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
