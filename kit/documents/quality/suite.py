"""A suite of tasks as a file has it: the tasks themselves, or where they come from and their hashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kit.documents.pins import Sparse


@dataclass(frozen=True, slots=True)
class SuiteTask:
    """A task and a program that solves it: `solution` is what follows the prompt."""

    id: str
    entry_point: str
    prompt: str
    solution: str
    test: str


@dataclass(frozen=True, slots=True)
class SuiteSource:
    """A file inside a wheel, which is an `input` of the catalogue: believed only by its hash."""

    input: str
    member: str
    sha256: str


@dataclass(frozen=True, slots=True)
class SuiteFile(Sparse):
    """A suite; with a `file` its tasks come from there, and `task_sha256s` has the hash of each in their order."""

    schema: Literal["kit/suite/1"]
    name: str
    title: str
    license: str
    max_tokens: int
    program_s: int
    file: SuiteSource | None = None
    task_sha256s: Mapping[str, str] = field(default_factory=dict)
    tasks: tuple[SuiteTask, ...] = ()
