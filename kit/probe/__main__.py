"""The program that asks on the spot, beside a server that cannot be reached from where the kit runs.

    python -m kit.probe '{"name": "text", "url": ...}'      or @FILE with such a document

carries out one operation and prints one JSON line: {"ok": VALUE}, {"error": "why not"}, or, where the kit
failed and not the server, {"fault": "what and why"}.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from kit.errors import InputError, KitError
from kit.output import printable_json
from kit.probe.http import EndpointError
from kit.probe.operations import GRACE_S, Operation, perform
from kit.strict import Json, read_json, typed


def _operation(arguments: list[str]) -> Operation:
    if len(arguments) != 1:
        raise InputError("usage: python -m kit.probe OPERATION, a JSON document or @FILE.")
    text = arguments[0]
    data = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
    return typed(Operation, read_json(data, "operation"), "operation")


def _print(answer: dict[str, Json]) -> None:
    with contextlib.suppress(BrokenPipeError):  # who asked has gone
        os.write(sys.stdout.fileno(), printable_json(json.dumps(answer)).encode() + b"\n")


def _too_late(*_: object) -> NoReturn:
    """Threads may still wait for the server; nothing more is to come of them."""
    _print({"error": "it took too long"})
    os._exit(1)


def main(arguments: list[str]) -> int:
    """Exit code 0 if the server answered, 1 if it did not, the error's if nothing could be asked."""
    try:
        asked = _operation(arguments)
    except (OSError, KitError) as error:
        _print({"error": f"the operation cannot be read: {error}"})
        return InputError.exit_code
    signal.signal(signal.SIGALRM, _too_late)
    signal.setitimer(signal.ITIMER_REAL, asked.limit_s + GRACE_S)
    try:
        _print({"ok": perform(asked)})
    except EndpointError as error:
        _print({"error": str(error)})
        return 1
    except KitError as error:
        _print({"fault": str(error)})
        return error.exit_code
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
