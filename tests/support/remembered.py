"""What thousands of tests would make again is made once: good documents read, YAML parsed, processes that judge.

Only what was good is remembered, by its bytes; whatever a test changes is read as everywhere else. `install` is
for tests/conftest.py.
"""

from __future__ import annotations

import atexit
import json
import marshal
import os
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Iterator
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from kit.judge.limited import LimitedJudge
from kit.strict import schema, yaml_reader
from kit.verify import evidence

MOST_BYTES, MOST_FILES = 1 << 20, 1000


def install() -> None:
    """For the whole session."""
    patch = pytest.MonkeyPatch()
    patch.setattr(schema, "_validator", cache(Remembering))
    patch.setattr(yaml_reader, "_composed", lru_cache(maxsize=256)(yaml_reader._composed))
    patch.setattr(evidence._Reader, "document", document)
    patch.setattr(evidence._Reader, "lines", lines)
    for name, method in (("_start", start), ("_asked", asked), ("close", close)):
        patch.setattr(LimitedJudge, name, method)
    atexit.register(end)


# --- schemas ------------------------------------------------------------------------------------------------

_validator = schema._validator


class Remembering:
    """A schema that walks no document again that it found good: thousands of tests read the same few bundles."""

    def __init__(self, name: str) -> None:
        self._validator = _validator(name)
        self._good: set[bytes] = set()

    def iter_errors(self, document: Any) -> Iterator[Any]:
        try:
            key = sha256(marshal.dumps(document, 2)).digest()  # tells 1 from 1.0 and from true
        except ValueError:  # nothing that comes from JSON
            yield from self._validator.iter_errors(document)
            return
        if key in self._good:
            return
        good = True
        for error in self._validator.iter_errors(document):
            good = False
            yield error
        if good:
            self._good.add(key)


# --- files of bundles and runs -------------------------------------------------------------------------------

_document, _lines = evidence._Reader.document, evidence._Reader.lines
_known: OrderedDict[tuple[Any, ...], tuple[Any, dict[str, int]]] = OrderedDict()


def document(reader: evidence._Reader, name: str, cls: Any, schema: str) -> Any:
    """A good document as it was made of the same bytes before."""
    return _remembered(_document, reader, name, cls, schema)


def lines(reader: evidence._Reader, name: str, convert: Any, *more: Any, **options: Any) -> Any:
    """Good lines as they were made of the same bytes before; values are never changed, so they may be shared."""
    return _remembered(_lines, reader, name, convert, *more, **options)


def _remembered(read: Any, reader: evidence._Reader, name: str, kind: Any, *more: Any, **options: Any) -> Any:
    data = reader.files.get(name, b"")
    if not data or len(data) > MOST_BYTES:
        return read(reader, name, kind, *more, **options)
    key = (name.rpartition("/")[2], kind.__module__, kind.__qualname__, more, sha256(data).digest())
    if key in _known:
        _known.move_to_end(key)
        found, counted = _known[key]
        reader.read.update(counted)
        return found
    before, problems = reader.read.copy(), len(reader.problems)
    found = read(reader, name, kind, *more, **options)
    if found is not None and len(reader.problems) == problems:
        _known[key] = (found, dict(reader.read - before))
        if len(_known) > MOST_FILES:
            _known.popitem(last=False)
    return found


# --- judges -------------------------------------------------------------------------------------------------

Process = subprocess.Popen[bytes]
OWN = {name: getattr(LimitedJudge, name) for name in ("_start", "_asked", "close")}
_idle: dict[str, list[Process]] = {}
_busy: set[int] = set()  # by number of the process: those whose answer is awaited, or did not come


def _kind() -> str:
    """What a judge is started with."""
    return json.dumps(
        [sys.executable, sys.path, {name: os.environ.get(name) for name in ("LANG", "LC_ALL", "LC_CTYPE")}]
    )


def start(judge: LimitedJudge) -> Process:
    """A process that another test started and that waits for a question, or a new one."""
    while judge._process is None and _idle.get(_kind()):
        process = _idle[_kind()].pop()
        judge._process = process if process.poll() is None else None
    started: Process = OWN["_start"](judge)
    return started


def asked(judge: LimitedJudge, line: bytes) -> bytes:
    """Its answer; a path is one from the folder of this test, which need not be that of the process."""
    question = json.loads(line)
    path = os.fsdecode(bytes.fromhex(question["path"]))
    whole = str(Path.cwd() / path)
    question["path"] = os.fsencode(whole).hex()
    number = judge._start().pid
    _busy.add(number)
    answer: bytes = OWN["_asked"](judge, json.dumps(question).encode() + b"\n")
    _busy.discard(number)
    if whole != path and answer.startswith(b'{"unreadable"'):  # there alone it is named, as it was given
        return answer.replace(_inside(whole), _inside(path))
    return answer


def _inside(text: str) -> bytes:
    """A text as it stands within one of JSON."""
    return json.dumps(text)[1:-1].encode()


def close(judge: LimitedJudge) -> None:
    """Keep an idle process for the next test, end any other."""
    process = judge._process
    if process is not None and process.pid not in _busy and process.poll() is None:
        judge._process = None
        _idle.setdefault(_kind(), []).append(process)
        return
    if process is not None:
        _busy.discard(process.pid)
    OWN["close"](judge)


def end() -> None:
    """End all that are idle."""
    for process in (each for kind in _idle.values() for each in kind):
        judge = LimitedJudge()
        judge._process = process
        OWN["close"](judge)
    _idle.clear()


@pytest.fixture
def judges_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of the process itself: each judge starts one, and ends it."""
    for name, method in OWN.items():
        monkeypatch.setattr(LimitedJudge, name, method)
