"""What a bundle or a run folder holds, read once and strictly, before anything is judged.

Nothing here raises on bad input: what cannot be read is a `Problem` under the id of the rule that reports it,
and its value is None.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal, TypeVar

from kit.documents import (
    AnswerCheck,
    Calibration,
    CalibrationRecord,
    Cell,
    Host,
    Manifest,
    Metrics,
    Plan,
    Record,
    Result,
    Slo,
)
from kit.documents.telemetry import TelemetrySample
from kit.storage.archive import DEFAULT, ArchiveError, unpack
from kit.storage.calibration_file import MOST, calibration_record_from
from kit.storage.cell_folder import MAX_RECORD_LINE_BYTES
from kit.storage.names import (
    ATTEMPTS,
    CALIBRATED,
    CALIBRATION,
    CELL,
    CELLS,
    CORRECT,
    HOST,
    MANIFEST,
    PLAN,
    RECORDS,
    RESULT,
    TELEMETRY,
    TEXTS,
    attempt_name,
)
from kit.storage.run_folder import FolderFiles
from kit.storage.telemetry_file import MAX_LINE_BYTES, sample_from
from kit.strict import (
    Json,
    StrictError,
    jsonl_lines,
    plain,
    quick_record,
    read_json,
    read_line,
    record_from,
    typed,
    write_json,
    write_jsonl_line,
)
from kit.strict.json_reader import MAX_LINES
from kit.strict.schema import problems
from kit.text import path_text
from kit.verify.evaluation.reading import NOTHING, EvalEvidence, read_evaluation

ARCHIVE, EXPECTED = "archive.canonical", "files.expected"
STRICT, SCHEMA, CANONICAL = "json.strict", "schema.valid", "json.canonical"

# So large is what the kit writes at most, or far larger; a bundle has 2,000 files, so fewer than 500 cells.
MAX_DOCUMENT_BYTES = {HOST: 1 << 20, CALIBRATION: 4 << 20, MANIFEST: 4 << 20, CELL: 4 << 20, PLAN: 16 << 20}
MAX_OTHER_BYTES = 64 << 20
MAX_ANSWERS = 20_000  # of one cell: each test once alone, and one for each of its users
MAX_SAMPLES = 200_000  # of one cell: for half a day

T = TypeVar("T")
Convert = Callable[[Json, str], T]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was wrong while reading, for the rule of that id to report."""

    rule: str
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Text:
    """One line of texts.jsonl."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class CellFiles:
    """What the folder of one cell, or of an attempt, holds; None where a file is missing or could not be read.

    `samples` are of its telemetry. `computed` remembers what `kit.verify.recompute` made of the records, by
    limits.
    """

    id: str
    cell: Cell | None
    records: tuple[Record, ...] | None
    texts: tuple[Text, ...] | None
    checks: tuple[AnswerCheck, ...] | None
    samples: tuple[TelemetrySample, ...] | None = None
    folder: str = CELLS
    computed: dict[Slo | None, Metrics] = field(init=False, default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything there is to judge. `read` says how many things each reading rule looked at.

    `attempts` are what cells left that were measured again, by the id of the cell and then by number.
    `look` are the samples of the idle machine, `calibrated` the requests of the calibration.
    """

    source: Literal["bundle", "run"]
    files: Mapping[str, bytes]
    identity: str | None = None
    manifest: Manifest | None = None
    plan: Plan | None = None
    host: Host | None = None
    calibration: Calibration | None = None
    result: Result | None = None
    cells: Mapping[str, CellFiles] = field(default_factory=dict)
    attempts: Mapping[str, Mapping[int, CellFiles]] = field(default_factory=dict)
    look: tuple[TelemetrySample, ...] | None = None
    calibrated: tuple[CalibrationRecord, ...] | None = None
    problems: tuple[Problem, ...] = ()
    read: Mapping[str, int] = field(default_factory=dict)
    evals: EvalEvidence = NOTHING


def open_bundle(data: bytes) -> Evidence:
    """The evidence in the bytes of an archive; a refused archive leaves nothing but its problem."""
    try:
        files = unpack(data)
    except ArchiveError as refusal:
        problem = Problem(ARCHIVE, refusal.member, f"{refusal.sentence} (reason: {refusal.reason})")
        return Evidence("bundle", {}, problems=(problem,), read={ARCHIVE: 1})
    del data  # who has no more use for it either has its memory back
    return _open("bundle", files)


def open_run(folder: FolderFiles | Mapping[str, bytes]) -> Evidence:
    """The evidence in a run folder as `kit.storage.run_folder` reads it; what it refused to read is a problem."""
    found = folder if isinstance(folder, FolderFiles) else FolderFiles(folder, {})
    refused = [Problem(EXPECTED, name, why) for name, why in found.refused.items()]
    return _open("run", found.files, refused)


def _open(
    source: Literal["bundle", "run"], files: Mapping[str, bytes], refused: Sequence[Problem] = ()
) -> Evidence:
    reader = _Reader(files, list(refused))
    reader.read[ARCHIVE] = int(source == "bundle")
    manifest = reader.document(MANIFEST, Manifest, "manifest") if source == "bundle" else None
    return Evidence(
        source=source,
        files=files,
        identity=sha256(files[MANIFEST]).hexdigest() if source == "bundle" and MANIFEST in files else None,
        manifest=manifest,
        plan=reader.document(PLAN, Plan, "plan"),
        host=reader.document(HOST, Host, "host"),
        calibration=reader.document(CALIBRATION, Calibration, "calibration"),
        result=reader.document(RESULT, Result, "result"),
        cells={name: reader.cell(name, f"{CELLS}/{name}") for name in _folders(files, CELLS)},
        attempts=_attempts(reader),
        look=reader.samples(TELEMETRY),
        calibrated=reader.lines(CALIBRATED, calibration_record_from, *MOST),
        evals=read_evaluation(reader),
        problems=tuple(reader.problems),
        read=dict(reader.read),
    )


def _folders(files: Mapping[str, bytes], within: str) -> list[str]:
    parts = [name.split("/") for name in files]
    return sorted({part[1] for part in parts if len(part) == 3 and part[0] == within})


def _attempts(reader: _Reader) -> dict[str, dict[int, CellFiles]]:
    found: dict[str, dict[int, CellFiles]] = {}
    for name in _folders(reader.files, ATTEMPTS):
        named = attempt_name(name)
        if named is not None:
            found.setdefault(named[0], {})[named[1]] = reader.cell(named[0], f"{ATTEMPTS}/{name}")
    return {cell: dict(sorted(attempts.items())) for cell, attempts in found.items()}


@dataclass(slots=True)
class _Reader:
    """Reads files by name and keeps what was wrong with them."""

    files: Mapping[str, bytes]
    problems: list[Problem] = field(default_factory=list)
    read: Counter[str] = field(default_factory=Counter)

    def cell(self, name: str, folder: str) -> CellFiles:
        return CellFiles(
            id=name,
            folder=folder,
            cell=self.document(f"{folder}/{CELL}", Cell, "cell"),
            records=self.lines(f"{folder}/{RECORDS}", record_from, quick=quick_record),
            texts=self.lines(f"{folder}/{TEXTS}", lambda value, where: typed(Text, value, where)),
            checks=self.lines(f"{folder}/{CORRECT}", self._answer, max_lines=MAX_ANSWERS),
            samples=self.samples(f"{folder}/{TELEMETRY}"),
        )

    def samples(self, name: str) -> tuple[TelemetrySample, ...] | None:
        return self.lines(name, sample_from, max_line_bytes=MAX_LINE_BYTES, max_lines=MAX_SAMPLES)

    def document(self, name: str, cls: type[T], schema: str) -> T | None:
        """One JSON document: strict JSON, its schema, its type, and written as the kit writes it."""
        if name not in self.files:
            return None
        self.read[STRICT] += 1
        try:
            most = MAX_DOCUMENT_BYTES.get(name.rsplit("/", 1)[-1], MAX_OTHER_BYTES)
            value = read_json(self.files[name], name, max_bytes=most)
        except StrictError as wrong:
            self._refuse(STRICT, wrong)
            return None
        self.read[SCHEMA] += 1
        try:
            self._check(value, schema, name)
            document = typed(cls, value, name)
        except StrictError as wrong:
            self._refuse(SCHEMA, wrong)
            return None
        self._compare(name, canonical=write_json(plain(document)) == self.files[name])
        return document

    def _check(self, value: Json, schema: str, where: str) -> None:
        found = problems(value, schema, limit=1)
        if found:
            raise StrictError(where, path_text(found[0].path), found[0].message)

    def _answer(self, value: Json, where: str) -> AnswerCheck:
        self._check(value, "answer", where)
        return typed(AnswerCheck, value, where)

    def lines(
        self,
        name: str,
        convert: Convert[T],
        max_line_bytes: int = MAX_RECORD_LINE_BYTES,
        max_lines: int = MAX_LINES,
        max_bytes: int = DEFAULT.member_bytes,
        quick: Callable[[bytes], T | None] = lambda _: None,
    ) -> tuple[T, ...] | None:
        """The lines of a JSONL file, each converted before the next is parsed; the first bad one refuses the file.

        What `quick` makes of a line is good and written as the kit writes it.
        """
        if name not in self.files:
            return None
        converted: list[T] = []
        canonical = True
        rule = STRICT
        try:
            if len(self.files[name]) > max_bytes:
                raise StrictError(name, "", f"is larger than {max_bytes} bytes")
            for number, line in jsonl_lines(
                self.files[name], name, max_line_bytes=max_line_bytes, max_lines=max_lines
            ):
                made = quick(line)
                if made is None:
                    value = read_line(line, name, number)
                    rule = SCHEMA
                    made = convert(value, f"{name}:{number}")
                    rule = STRICT
                    canonical = canonical and write_jsonl_line(value) == line + b"\n"
                converted.append(made)
        except StrictError as wrong:
            self.read[STRICT] += len(converted) + 1
            self.read[SCHEMA] += len(converted) + (rule == SCHEMA)
            self._refuse(rule, wrong)
            return None
        self.read[STRICT] += len(converted)
        self.read[SCHEMA] += len(converted)
        self._compare(name, canonical=canonical)
        return tuple(converted)

    def _compare(self, name: str, *, canonical: bool) -> None:
        self.read[CANONICAL] += 1
        if not canonical:
            message = "is not written as the kit writes it (order of keys, spaces, form of numbers)"
            self.problems.append(Problem(CANONICAL, name, message))

    def _refuse(self, rule: str, wrong: StrictError) -> None:
        place = f", {wrong.place}" if wrong.place else ""
        self.problems.append(Problem(rule, wrong.where + place, wrong.message))
