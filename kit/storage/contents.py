"""What leaves the machine with a bundle: files, fields and sizes, before anything is sent. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.evaluation.rounds import ANSWERS, QUALITY, ROUND, TASKS, VERDICTS
from kit.storage.cell_folder import MAX_RECORD_LINE_BYTES
from kit.storage.names import (
    CALIBRATED,
    CALIBRATION,
    CELL,
    CORRECT,
    HOST,
    MANIFEST,
    PLAN,
    RECORDS,
    RESULT,
    TELEMETRY,
    TEXTS,
    TRACE,
    WITNESS,
)
from kit.strict import Json, read_json, read_jsonl

MIN_WORD_CHARS = 4  # a shorter name stands inside too many words
COMMON_WORDS = frozenset({"root", "user", "home", "localhost"})  # say nothing about anybody


@dataclass(frozen=True, slots=True)
class FieldSize:
    """One field of a group's files: where it stands ("server.command[]"), how often, and its bytes in all."""

    path: str
    count: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one kind: what is in them, in words; each file with its bytes; their fields."""

    name: str
    says: str
    files: tuple[tuple[str, int], ...]
    fields: tuple[FieldSize, ...]

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(size for _, size in self.files)


_GROUPS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("answers", (TEXTS, CORRECT, WITNESS), "Every answer of the model in full. Prompts: by name and hash only."),
    (
        "machine",
        (HOST,),
        "The machine, by allow list: CPU, memory, kernel, GPUs, versions; no names.",
    ),
    ("records", (RECORDS,), "A line per request: times, token counts, the server's words on an error. No text."),
    (
        "telemetry",
        (TELEMETRY,),
        "Ten samples a second: CPU time, memory, clocks, power. Other programs only as a sum.",
    ),
    (
        "cells",
        (CELL,),
        "How each cell went: settings, the server's command and version, environment and labels of its container "
        "(the name of the run folder among them), address, times in UTC, numbers.",
    ),
    (
        "evaluation",
        (Path(TASKS).name, ANSWERS, VERDICTS, ROUND, QUALITY),
        "Tasks and tests of the suite, every answer of the model in full, and the verdict on its program.",
    ),
    ("plan", (PLAN,), "What was to be measured: platform, entries, workload, model by hash, seed."),
    (
        "trace",
        (TRACE,),
        "When requests arrived, and how long answers may be: from the file that the platform names.",
    ),
    ("results", (RESULT, CALIBRATION), "The numbers, and how exact the load generator was."),
    ("calibration", (CALIBRATED,), "A line per request to the reference endpoint: times alone."),
    ("manifest", (MANIFEST,), "The list of these files with their sizes and hashes."),
)


def contents(files: Mapping[str, bytes]) -> tuple[Group, ...]:
    """The files of a bundle by kind, with every field in them; `StrictError` if one cannot be read."""
    made = []
    for name, kinds, says in _GROUPS:
        ours = [each for each in sorted(files) if each.rsplit("/", 1)[-1] in kinds]
        if ours:
            sizes = tuple((each, len(files[each])) for each in ours)
            made.append(Group(name, says, sizes, _fields((each, files[each]) for each in ours)))
    return tuple(made)


def found_words(files: Mapping[str, bytes], words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Which of these words, e.g. names of a machine and its user, stand in which files."""
    found: dict[str, tuple[str, ...]] = {}
    for word in words:
        if len(word) < MIN_WORD_CHARS or word.lower() in COMMON_WORDS:
            continue
        form = re.compile(rb"(?<![A-Za-z0-9])" + re.escape(word.encode()) + rb"(?![A-Za-z0-9])", re.IGNORECASE)
        where = tuple(name for name, data in sorted(files.items()) if form.search(data))
        if where:
            found[word] = where
    return found


def _fields(files: Iterable[tuple[str, bytes]]) -> tuple[FieldSize, ...]:
    counts: dict[str, list[int]] = {}
    for name, data in files:
        for path, size in _places(name, data):
            entry = counts.setdefault(path, [0, 0])
            entry[0] += 1
            entry[1] += size
    return tuple(FieldSize(path, count, size) for path, (count, size) in sorted(counts.items()))


def _places(name: str, data: bytes) -> Iterator[tuple[str, int]]:
    """Every field of a document, however deep; of a file of lines those at the top of each line."""
    if not name.endswith(".jsonl"):
        yield from _leaves(read_json(data, name), "")
        return
    for _, value in read_jsonl(data, name, max_line_bytes=MAX_RECORD_LINE_BYTES):
        if isinstance(value, dict):
            yield from ((key, _size(item)) for key, item in value.items())


def _leaves(value: Json, path: str) -> Iterator[tuple[str, int]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from _leaves(item, f"{path}[]")
    else:
        yield path, _size(value)


def _size(value: Json) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
