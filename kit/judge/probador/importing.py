"""From files of probador to a study that can be scored, compared and shown beside ours, marked as imported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from pathlib import PurePath

from kit import __version__
from kit.documents.study import Conditions, Study, Subject, Trial
from kit.errors import InputError
from kit.judge.probador.figures import figures
from kit.judge.probador.reading import MAX_RESULTS, LoadResult, read_file
from kit.text import plain_text

DEFAULT_NAME = "imported"
MAX_NAME_CHARS = 64
MAX_SOURCE_CHARS = 300
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_CONCURRENCY = re.compile(r"-c[0-9]+\Z")
# How runtimes are spelled in names of results; the first that is found in the name is the one.
RUNTIMES = {
    "realizar": "realizar",
    "realizr": "realizar",
    "llamacpp": "llamacpp",
    "llama.cpp": "llamacpp",
    "llama-cpp": "llamacpp",
    "llama_cpp": "llamacpp",
    "vllm": "vllm",
    "ollama": "ollama",
}
NOTE = (
    "Imported from {count} of probador; not verifiable: there are no records. Tokens are counted by pieces of "
    "text or by a heuristic, and the divisor of the throughput holds the drain."
)


@dataclass(frozen=True, slots=True)
class Imported:
    """The study of the files that are results, and why each of the others is none."""

    study: Study
    files: int
    left_out: tuple[InputError, ...]


@dataclass(slots=True)
class _Results:
    """What was read so far: files that are results, each with what is in it, and where each result was first."""

    found: list[tuple[str, bytes, tuple[tuple[LoadResult, ...], ...]]] = field(default_factory=list)
    seen: dict[tuple[object, ...], str] = field(default_factory=dict)

    def take(self, where: str, data: bytes) -> None:
        """`InputError` for what is no result, and for one that is there already: it would count as two."""
        runs = read_file(data, where)
        mine: dict[tuple[object, ...], str] = {}
        for run in chain.from_iterable(runs):
            key = (run.runtime_name, run.measured_utc, *sorted(run.numbers.items()))
            place = plain_text(" ".join(filter(None, (where, run.place))), 4096)
            first = self.seen.get(key) or mine.get(key)
            if first is not None:
                raise InputError(
                    f"{place} contains the same result as {first}.",
                    "Give each result once: the results of a bench report alone, or the report.",
                )
            mine[key] = place
        self.seen |= mine
        self.found.append((where, data, runs))


def import_files(files: Sequence[tuple[str, bytes]], name: str = DEFAULT_NAME) -> Imported:
    """The study of all files that are results, each with its name; what is none is left out and named.

    Subjects are in order of entry, concurrency and time. Every result is one, but the runs of a bench report are
    trials of one: an entry may have several subjects at one concurrency. `InputError` if no file is a result.
    """
    if len(name) > MAX_NAME_CHARS or not _NAME.fullmatch(name):
        raise InputError(
            f'"{plain_text(name)}" cannot be the name of a study.',
            f"Use at most {MAX_NAME_CHARS} of a-z, 0-9, dot, underscore and hyphen; the first a letter or digit.",
        )
    if not files:
        raise InputError("No file to import.", "Give at least one result of `probador llm`.")
    results, left_out = _Results(), list[InputError]()
    for where, data in files:
        try:
            results.take(where, data)
        except InputError as error:
            left_out.append(error)
    if not results.found:
        if len(left_out) == 1:
            raise left_out[0]
        raise InputError(
            f"None of the {len(files)} files is a result of a load.",
            "Give files that `probador llm load`, `bench` or `sweep` wrote.",
            tuple(error.what for error in left_out),
        )
    return Imported(_study(results, name), len(results.found), tuple(left_out))


def study_of_files(files: Sequence[tuple[str, bytes]], name: str = DEFAULT_NAME) -> Study:
    """The study of files that all are results; `InputError` names the first that is none, and what is wrong."""
    imported = import_files(files, name)
    for error in imported.left_out:
        raise error
    return imported.study


def _study(results: _Results, name: str) -> Study:
    found = [(where, measured) for where, _, runs in results.found for measured in runs]
    total = sum(len(runs) for _, runs in found)
    if total > MAX_RESULTS:
        raise InputError(f"{total} results are more than {MAX_RESULTS}.", "Import fewer files at once.")
    subjects = [_subject(where, runs) for where, runs in found]
    count = "1 file" if len(results.found) == 1 else f"{len(results.found)} files"
    return Study(
        schema="kit/study/1",
        kit_version=__version__,
        origin="imported",
        name=name,
        title=f"Imported from {count} of probador",
        identity=_identity([data for _, data, _ in results.found]),
        label=None,
        hardware=None,
        published=None,
        conditions=Conditions("probador", None, None, None, None, None, None, None),
        subjects=tuple(sorted(subjects, key=_order)),
        note=NOTE.format(count=count),
    )


def _identity(contents: Sequence[bytes]) -> str:
    """sha256 of the sha256s of the files, in hex, sorted, a line each."""
    lines = sorted(f"{sha256(data).hexdigest()}\n" for data in contents)
    return sha256("".join(lines).encode()).hexdigest()


def _order(subject: Subject) -> tuple[str, int, str, str]:
    first = subject.trials[0]
    return subject.entry, subject.concurrency, first.measured_utc or "", first.source


def _subject(where: str, runs: Sequence[LoadResult]) -> Subject:
    entry = entry_of(runs[0].runtime_name)
    return Subject(
        entry=entry,
        runtime=runtime_of(entry),
        variant=None,
        model=None,
        model_sha256=None,
        weights_bytes=None,
        concurrency=runs[0].concurrency,
        trials=tuple(_trial(where, number, run) for number, run in enumerate(runs, 1)),
    )


def _trial(where: str, number: int, run: LoadResult) -> Trial:
    source = " ".join(filter(None, (PurePath(where).name or "file", run.place)))
    total = int(run.numbers["total_requests"])
    return Trial(
        replicate=number,
        source=plain_text(source, MAX_SOURCE_CHARS),
        status="measured",
        reason="" if run.numbers["successful"] else f"not one of {total} requests succeeded",
        suspect=(),
        measured_utc=run.measured_utc,
        values=figures(run),
    )


def entry_of(runtime_name: str) -> str:
    """The name of the entry: lower case, "-" for what a name of ours cannot hold, without a trailing "-c8".

    That ending is the concurrency, which probador strips too to match results of one runtime. A name of which
    nothing is left is "unknown", as probador calls a runtime without a name.
    """
    word = re.sub(r"[^a-z0-9._-]", "-", _CONCURRENCY.sub("", runtime_name).lower()).lstrip("._-")
    return word[:MAX_NAME_CHARS] or "unknown"


def runtime_of(entry: str) -> str:
    """The runtime that an entry's name tells, else the name itself."""
    found = sorted((entry.find(word), runtime) for word, runtime in RUNTIMES.items() if word in entry)
    return found[0][1] if found else entry
