"""What runs and bundles lie in a folder: read, not judged, unless labels are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from kit import __version__
from kit.documents import Calibration, Cell, Host, Plan, Verdict
from kit.documents.runs import RunLine, RunList
from kit.errors import KitError
from kit.judge.machines import cpu_name, gpus_text, machine_of
from kit.metrics.results import is_ahead, progress_of
from kit.run.status import status_of
from kit.storage.archive import unpack
from kit.storage.bundle import read_archive
from kit.storage.names import CALIBRATION, HOST, PLAN, cell_file, is_litter
from kit.storage.run_folder import read_calibration, read_cells, read_document, read_host, read_plan
from kit.text import plain_text

ARCHIVE_SUFFIX = ".tar.gz"
MAX_WORDS = 300
UNREAD = RunLine("", "run", 0, None, None, None, None, None, None, None, None)

Judge = Callable[[Path], Verdict]
T = TypeVar("T")


def runs_in(folder: Path, judge: Judge | None = None) -> RunList:
    """Every run folder and bundle directly in `folder`, the newest first; what cannot be read says why.

    `judge` gives the label of each. A folder that is not there has no runs.
    """
    found = [_line(path, judge) for path in _paths(folder)]
    found.sort(key=lambda line: line.name)
    found.sort(key=lambda line: line.started_utc or "", reverse=True)
    return RunList("kit/runs/1", __version__, str(folder), tuple(found))


def _paths(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if is_litter(path.name):
            continue
        if (path.is_dir() and (path / PLAN).is_file()) or (path.name.endswith(ARCHIVE_SUFFIX) and path.is_file()):
            yield path


def _line(path: Path, judge: Judge | None) -> RunLine:
    is_run = path.is_dir()
    bare = replace(
        UNREAD, name=plain_text(path.name, 255), kind="run" if is_run else "bundle", size_bytes=_size(path)
    )
    try:
        line = _of_run(path, bare) if is_run else _of_bundle(path, bare)
        return line if judge is None else replace(line, label=judge(path).label)
    except KitError as error:
        return replace(bare, problem=plain_text(error.what, MAX_WORDS))
    except OSError as error:
        return replace(bare, problem=f"cannot be read: {error.strerror or 'no reason given'}")


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if not each.is_symlink()]
    return sum(each.stat().st_size for each in files if each.is_file())


def _of_run(path: Path, bare: RunLine) -> RunLine:
    status = status_of(path)
    plan, _ = read_plan(path)
    host = read_host(path) if (path / HOST).is_file() else None
    cells = read_cells(path, plan)
    return replace(
        _described(bare, plan, host, cells, read_calibration(path)),
        state=status.state,
        done=status.measured + len(status.failed),
        failed=len(status.failed),
        planned=status.planned - status.not_needed,
    )


def _of_bundle(path: Path, bare: RunLine) -> RunLine:
    files = unpack(read_archive(path))
    plan = _document(files, PLAN, Plan, "plan")
    if plan is None:
        return replace(bare, problem=f"has no {PLAN}")
    found = {each.id: _document(files, cell_file(each.id), Cell, "cell") for each in plan.cells}
    cells = {name: cell for name, cell in found.items() if cell is not None}
    calibration = _document(files, CALIBRATION, Calibration, "calibration")
    course = progress_of(plan, cells, calibration)
    spared = sum(course is not None and course.status_of(each) == "not needed" for each in plan.cells)
    done = sum(not is_ahead(plan, cell) for cell in cells.values())
    planned = len(plan.cells) - spared
    host = _document(files, HOST, Host, "host")
    return replace(
        _described(bare, plan, host, cells, calibration),
        state="complete" if done >= planned else "stopped",
        done=done,
        planned=planned,
        failed=sum(cell.status == "failed" for cell in cells.values()),
    )


def _document(files: Mapping[str, bytes], name: str, cls: type[T], schema: str) -> T | None:
    return read_document(files[name], cls, schema, name) if name in files else None


def _described(
    bare: RunLine, plan: Plan, host: Host | None, cells: Mapping[str, Cell], calibration: Calibration | None
) -> RunLine:
    begun = [cell.started_utc for cell in cells.values()]
    begun += [calibration.started_utc] if calibration is not None else []
    return replace(
        bare,
        platform=plain_text(plan.platform),
        machine=None if host is None else host_text(plan, host),
        started_utc=min(begun, default=None),
    )


def host_text(plan: Plan, host: Host) -> str:
    """A machine in a few words: its GPUs where the platform computes on them, otherwise its CPU."""
    machine = machine_of(host, plan.hardware)
    if machine.gpus:
        return plain_text(gpus_text(machine.gpus))
    plural = "s" if machine.cpus != 1 else ""
    return plain_text(f"{cpu_name(machine.cpu_model or machine.architecture)}, {machine.cpus} CPU{plural}")
