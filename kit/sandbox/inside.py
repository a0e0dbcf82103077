"""A program: what a model wrote, run in a sandbox, where it answers calls. Nothing that it says is believed.

It is started from its source, in a container or in namespaces of its own. Before it reads what the model wrote it
gives up what a program could still do there (`kit.sandbox.confining`).
"""

from __future__ import annotations

import json
import os
import resource
import sys
import types
from typing import Any, BinaryIO

from kit.sandbox.confining import capabilities, confine, limit, refuse_calls, writable
from kit.sandbox.values import decoded, encoded

NAME = "answer"  # not "__main__": what a program does if it is one is not asked for
ADDED_CPU_S = 2


def main(memory_bytes: int) -> None:
    """Say what confines this process, take a program, and answer calls of its function."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    os.closerange(max(questions.fileno(), answers.fileno(), nowhere) + 1, 4096)
    version = ".".join(map(str, sys.version_info[:3]))
    found = {"python": version, "writable": writable(), "capabilities": capabilities()}
    confine(memory_bytes)
    say(answers, json.dumps({**found, "refuses": refuse_calls()}).encode() + b"\n")
    program = json.loads(questions.readline())
    limit(resource.RLIMIT_CPU, int(program["timeout_s"]) + ADDED_CPU_S)
    serve(program["source"], program["entry_point"], questions, answers)


def serve(source: str, entry_point: str, questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer first whether there is such a function, and then each call of it."""
    module = types.ModuleType(NAME)
    sys.modules[NAME] = module
    try:
        exec(compile(source, NAME, "exec", dont_inherit=True), module.__dict__)
        function: Any = module.__dict__[entry_point]
        answer = encoded({"value": None})
    except BaseException as error:
        answer = raised(error)
    say(answers, answer)
    for line in questions:
        try:
            arguments, named = asked(line)
            answer = encoded({"value": function(*arguments, **named)})
        except BaseException as error:
            answer = raised(error)
        say(answers, answer)


def asked(line: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call."""
    call: Any = decoded(line)
    return tuple(call[0]), call[1]


def raised(error: BaseException) -> bytes:
    """An exception as an answer: the names of its classes, and what it says."""
    try:
        only = error.args[0] if len(error.args) == 1 else None
        words = (only if isinstance(only, str) else str(error))[:300]
    except Exception:
        words = ""
    return encoded({"raised": [each.__name__ for each in type(error).__mro__], "words": words})


def say(answers: BinaryIO, line: bytes) -> None:
    answers.write(line)
    answers.flush()
