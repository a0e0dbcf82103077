"""The folder of a run: where each document lies, how it is written, and how it is read again strictly."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from kit.documents import Calibration, Cell, Host, Plan
from kit.documents.telemetry import FIRST_SAMPLED
from kit.errors import InputError, StorageError
from kit.evaluation.rounds import evaluation_names
from kit.storage.archive import DEFAULT
from kit.storage.by_hand import as_run, place_of
from kit.storage.names import (
    ATTEMPTS,
    CALIBRATED,
    CALIBRATION,
    CELL,
    CELL_FILES,
    CELLS,
    HOST,
    PLAN,
    PLATFORM,
    RESULT,
    STAY_AT_HOME,
    TELEMETRY,
    TRACE,
    WITNESS,
    attempt_name,
    cell_file,
    is_litter,
)
from kit.storage.whole import replace_file
from kit.strict import plain, read_json, typed, write_json
from kit.strict.schema import check

MAX_FILE_BYTES = DEFAULT.member_bytes
MAX_FOLDER_BYTES = DEFAULT.total_bytes
MAX_FILES = 10_000  # five times as many as a bundle may have: not all are for it
METHOD_OF_ATTEMPTS = 3  # the first whose cells may be measured again

T = TypeVar("T")


def create(folder: Path) -> None:
    """Make a new run folder; `InputError` if there is something already, `StorageError` if the disk refuses.

    The platform that it is to be a run of may lie there, and its trace.
    """
    _require_new(folder, PLATFORM, TRACE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CELLS).mkdir()
    except OSError as error:
        raise StorageError(
            f"The folder {folder} cannot be made: {error.strerror}.", "Give another folder with --out."
        ) from None


def keep_platform(folder: Path, text: str) -> None:
    """Write the platform of a run that has not begun into its folder; raises what `create` raises."""
    _require_new(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PLATFORM).write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"{folder / PLATFORM} cannot be written: {error.strerror}.", "Give another folder with --out."
        ) from None


def keep_trace(folder: Path, data: bytes) -> None:
    """Write the trace of a run that has not begun into its folder; raises what `create` raises."""
    _require_new(folder, PLATFORM)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / TRACE, data)
    except OSError as error:
        raise StorageError(
            f"{folder / TRACE} cannot be written: {error.strerror}.", "Give another folder with --out."
        ) from None


def require_trace(folder: Path, plan: Plan) -> None:
    """`InputError` if a plan with a trace of the user's is to be carried out where that does not lie."""
    pin = plan.workload.trace
    if pin is None or pin.file_sha256 is None:
        return
    path = folder / TRACE
    if not path.is_file() or sha256(_read(path)).hexdigest() != pin.sha256:
        raise InputError(f"{path} is not the trace of the plan.", "Put it back, or begin a new run.")


def _require_new(folder: Path, *allowed: str) -> None:
    if not folder.exists():
        return
    if not folder.is_dir() or any(
        not is_litter(path.name) for path in folder.iterdir() if path.name not in allowed
    ):
        raise InputError(f"{folder} exists and is not an empty folder.", "Give another folder with --out.")


def write_document(path: Path, value: object, schema: str) -> bytes:
    """Validate a document against its schema and write it; returns its bytes."""
    document = plain(value)
    check(document, schema, path.name)
    data = write_json(document)
    replace_file(path, data)
    return data


def read_document(data: bytes, cls: type[T], schema: str, where: str) -> T:
    """A document from bytes: strict JSON, schema, then types. `InputError` says what is wrong and where."""
    document = read_json(data, where)
    check(document, schema, where)
    return typed(cls, document, where)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}.", "Give a run folder that `kit reproduce` made."
        ) from None


def read_plan(folder: Path) -> tuple[Plan, str]:
    """The plan of a run and the sha256 of its file."""
    data = _read(folder / PLAN)
    return read_document(data, Plan, "plan", str(folder / PLAN)), sha256(data).hexdigest()


def read_cells(folder: Path, plan: Plan) -> dict[str, Cell]:
    """The cells of a plan that have a cell.json, by id."""
    found: dict[str, Cell] = {}
    for planned in plan.cells:
        path = folder / place_of(plan, planned) / CELL
        if path.is_file():
            found[planned.id] = read_document(_read(path), Cell, "cell", str(path))
    return found


def read_host(folder: Path) -> Host:
    return read_document(_read(folder / HOST), Host, "host", str(folder / HOST))


def read_calibration(folder: Path) -> Calibration | None:
    """The calibration of a run; None where there was none."""
    path = folder / CALIBRATION
    return read_document(_read(path), Calibration, "calibration", str(path)) if path.is_file() else None


def _asks_alone(plan: Plan) -> bool:
    """Whether nothing is measured, and no idle machine looked at: only tasks are asked."""
    return plan.evaluation is not None and plan.evaluation.alone


def run_names(plan: Plan) -> list[str]:
    """The names of the files of the whole run: plan, host, result, calibration and idle machine as planned."""
    calibration = [CALIBRATION] if plan.calibrate else []
    own = plan.workload.trace is not None and plan.workload.trace.file_sha256 is not None
    looked = plan.method >= FIRST_SAMPLED and not plan.loads and not _asks_alone(plan)
    return [PLAN, HOST, RESULT, *calibration, *([TELEMETRY] if looked else []), *([TRACE] if own else [])]


def bundle_names(plan: Plan) -> list[str]:
    """The names of all files that may be in a bundle, but those of attempts; logs and reports stay at home."""
    names = run_names(plan)
    if plan.calibrate and plan.method >= FIRST_SAMPLED:
        names.append(CALIBRATED)
    if plan.evaluation is not None:
        names += evaluation_names(plan)
    sampled = (TELEMETRY,) if plan.method >= FIRST_SAMPLED else ()
    witnessed = (WITNESS,) if plan.witness is not None else ()
    for planned in plan.cells:
        names += [cell_file(planned.id, name) for name in (*CELL_FILES, *sampled, *witnessed)]
    return names


def attempt_names(plan: Plan, names: Iterable[str]) -> set[str]:
    """Those of these names that are files of attempts at cells of the plan; plans before method 3 have none."""
    cells = {planned.id for planned in plan.cells} if plan.method >= METHOD_OF_ATTEMPTS else set()
    parts = [(name, name.split("/")) for name in names if name.startswith(f"{ATTEMPTS}/")]
    witnessed = (WITNESS,) if plan.witness is not None else ()
    return {
        name
        for name, part in parts
        if len(part) == 3
        and part[2] in (*CELL_FILES, TELEMETRY, *witnessed)
        and (named := attempt_name(part[1]))
        and named[0] in cells
    }


def read_bundle_files(folder: Path) -> Mapping[str, bytes]:
    """What a bundle of this run holds, by name: files of the run, its cells and attempts, no links."""
    plan, _ = read_plan(folder)
    found = read_folder(folder)
    for name, why in found.refused.items():
        raise InputError(f"{folder / name} {why}.", "A run folder holds plain files only.")
    names = {*bundle_names(plan), *attempt_names(plan, found.files)}
    return {name: data for name, data in found.files.items() if name in names}


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """The files of a run folder by name, and what is not a regular file or too much, with the reason."""

    files: Mapping[str, bytes]
    refused: Mapping[str, str]


def read_folder(folder: Path) -> FolderFiles:
    """Every file in a run folder but those that stay at home (logs, the report) and litter. Follows no link."""
    files: dict[str, bytes] = {}
    refused: dict[str, str] = {}
    left_bytes = MAX_FOLDER_BYTES
    for path in _found(folder):
        place = path.relative_to(folder).as_posix()
        why = _unread(path, left_bytes)
        if why is None and len(files) == MAX_FILES:
            why = f"is one too many: a run has fewer than {MAX_FILES} files"
        if why is None:
            files[place] = _read(path)
            left_bytes -= len(files[place])
        else:
            refused[place] = why
        if len(refused) == MAX_FILES:
            break
    return FolderFiles(dict(sorted(as_run(files).items())), dict(sorted(refused.items())))


def _found(folder: Path) -> Iterator[Path]:
    """Every file and link in a folder, in an order of its own, but what stays at home and litter."""
    for root, folders, names in os.walk(folder, followlinks=False):
        here = Path(root)
        folders[:] = sorted(name for name in folders if not is_litter(name))
        for name in sorted([*names, *(name for name in folders if (here / name).is_symlink())]):
            path = here / name
            if not (is_litter(name) or (name in STAY_AT_HOME and not path.is_symlink())):
                yield path


def _unread(path: Path, left_bytes: int) -> str | None:
    """Why a file is not read; None if it is."""
    if path.is_symlink():
        return "is a link"
    if not path.is_file():
        return "is not a regular file"
    size_bytes = path.stat().st_size
    if size_bytes > MAX_FILE_BYTES:
        return f"is larger than {MAX_FILE_BYTES} bytes"
    return (
        f"is too large: with it the folder exceeds {MAX_FOLDER_BYTES} bytes" if size_bytes > left_bytes else None
    )
