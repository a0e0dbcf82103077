"""Rules about files: the archive, its manifest, which files there are, and whether each can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

from kit.documents import Cell, ManifestFile, Plan
from kit.storage.bundle import kind_of
from kit.storage.names import (
    CALIBRATED,
    CELL,
    CELL_FILES,
    CORRECT,
    HOST,
    MANIFEST,
    PLAN,
    RESULT,
    TELEMETRY,
    WITNESS,
    cell_file,
)
from kit.storage.run_folder import attempt_names, bundle_names, run_names
from kit.verify.evaluation.reading import required_files
from kit.verify.evidence import ARCHIVE, CANONICAL, EXPECTED, SCHEMA, STRICT, Evidence
from kit.verify.rule import Issue, Rule, Steps, rule


def _reading(id_: str, counts: str, demand: str, *, bundles_only: bool = False) -> Rule:
    """A rule that was applied while the files were read: it reports what the reader noted under its id."""

    @rule(id_, "reject", counts, demand, bundles_only=bundles_only)
    def check(evidence: Evidence) -> Steps:
        yield evidence.read.get(id_, 0)
        for problem in evidence.problems:
            if problem.rule == id_:
                yield Issue(problem.where, problem.message)

    return check


archive_canonical = _reading(
    ARCHIVE,
    "archives",
    "The archive is what the kit's packer writes for these files: plain files, sorted, nothing besides",
    bundles_only=True,
)
json_strict = _reading(
    STRICT, "documents and lines", "Every document and line is strict JSON: no duplicate key, NaN, odd encoding"
)
schema_valid = _reading(
    SCHEMA, "documents and lines", "Every document and line has exactly the fields and types of its schema"
)
json_canonical = _reading(
    CANONICAL, "files", "Every file is written as the kit writes it, so that one content has one form"
)


@rule(
    "archive.manifest",
    "reject",
    "files",
    "The manifest lists exactly the files of the archive, with their size, sha256 and kind, in order",
    bundles_only=True,
)
def archive_manifest(evidence: Evidence) -> Steps:
    if evidence.manifest is None:
        return
    listed = {entry.path: entry for entry in evidence.manifest.files}
    present = evidence.files.keys() - {MANIFEST}
    for name in sorted(listed.keys() - present):
        yield Issue(name, "is listed in the manifest but not in the archive")
    for name in sorted(present - listed.keys()):
        yield Issue(name, "is in the archive but not listed in the manifest")
    for name in sorted(present & listed.keys()):
        yield 1
        yield from _mismatches(listed[name], evidence.files[name])
    paths = [entry.path for entry in evidence.manifest.files]
    if paths != sorted(set(paths)):
        yield Issue(MANIFEST, "does not list each file once, in the order of their names")


def _mismatches(entry: ManifestFile, data: bytes) -> Iterator[Issue]:
    if entry.bytes != len(data):
        yield Issue(entry.path, f"has {len(data)} bytes, the manifest says {entry.bytes}")
    if entry.sha256 != sha256(data).hexdigest():
        yield Issue(entry.path, "has another sha256 than the manifest says")
    if entry.kind != kind_of(entry.path):
        yield Issue(entry.path, f"is of the kind {kind_of(entry.path)}, the manifest says {entry.kind}")


UNPACKED = "belongs to a bundle, not to a run folder: verify the archive itself"


@rule(EXPECTED, "reject", "files", "There are exactly the files that the plan and the result call for")
def files_expected(evidence: Evidence) -> Steps:
    if any(problem.rule == ARCHIVE for problem in evidence.problems):
        return  # a refused archive has no files, and its own rule says so
    of_run = run_names(evidence.plan) if evidence.plan else [PLAN, HOST, RESULT]
    always = {*of_run, *({MANIFEST} if evidence.source == "bundle" else ())}
    yield len(evidence.files)
    yield from (Issue(p.where, p.message) for p in evidence.problems if p.rule == EXPECTED)
    required = always | _required(evidence) | required_files(evidence.evals)
    if evidence.calibration is not None and evidence.calibration.records_sha256 is not None:
        required.add(CALIBRATED)
    allowed = always | (_allowed(evidence.plan, evidence.files) if evidence.plan else evidence.files.keys())
    for name in sorted(required - evidence.files.keys()):
        yield Issue(name, "is missing")
    for name in sorted(evidence.files.keys() - allowed):
        yield Issue(name, UNPACKED if name == MANIFEST else "is not a file that this plan calls for")


def _allowed(plan: Plan, names: Iterable[str]) -> set[str]:
    return {*bundle_names(plan), *attempt_names(plan, names)}


def _required(evidence: Evidence) -> set[str]:
    """The files of cells that must be there: what result.json speaks of, and what each cell.json calls for."""
    lines = evidence.result.cells if evidence.result else ()
    names = {cell_file(line.id) for line in lines if line.status not in ("missing", "not needed")}
    names |= {cell_file(name) for name in evidence.cells}
    attempts = [files for numbered in evidence.attempts.values() for files in numbered.values()]
    names |= {f"{files.folder}/{CELL}" for files in attempts}
    for files in (*evidence.cells.values(), *attempts):
        if files.cell is not None:
            names |= {f"{files.folder}/{part}" for part in _parts(files.cell)}
    if evidence.plan is not None and not evidence.plan.correctness.count:
        names = {name for name in names if not name.endswith(f"/{CORRECT}")}  # no test was asked
    return names


def _parts(cell: Cell) -> tuple[str, ...]:
    # Facts are written after the answers were right and the records were kept.
    files = CELL_FILES if cell.status == "measured" or cell.facts else (CELL,)
    witnessed = (WITNESS,) if cell.witness is not None else ()
    return (*files, *((TELEMETRY,) if cell.telemetry else ()), *witnessed)


RULES = (
    archive_canonical,
    archive_manifest,
    files_expected,
    json_strict,
    schema_valid,
    json_canonical,
)
