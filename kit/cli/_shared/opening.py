"""RUN|BUNDLE on the command line: a run folder, the file of a bundle, or imported results, opened once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kit.errors import InputError

if TYPE_CHECKING:
    from kit.documents import Slo
    from kit.judge.open import OpenedStudy

MAX_STUDY_BYTES = 64 << 20


def bundle_bytes(path: Path) -> bytes:
    """The bytes of a bundle, read once; `InputError` if it cannot be read or is far too large."""
    from kit.storage.bundle import read_archive

    return read_archive(path)


def open_study(path: Path, slo: Slo | None = None) -> OpenedStudy:
    """What judgement looks at, of a run folder, a bundle, or a JSON file that `kit import` wrote.

    `InputError` if it is none of them, `kit.judge.open.RefusedError` if verification refuses it.
    """
    from kit.judge.open import imported_study, verified_study
    from kit.storage.run_folder import read_folder
    from kit.verify.evidence import open_bundle, open_run

    if path.is_dir():
        return verified_study(open_run(read_folder(path)), str(path), slo)
    data = bundle_bytes(path)
    if not data.lstrip(b" \t\r\n").startswith(b"{"):
        return verified_study(open_bundle(data), str(path), slo)
    if len(data) > MAX_STUDY_BYTES:
        raise InputError(f"{path} is larger than {MAX_STUDY_BYTES >> 20} MiB.", "Import fewer files at once.")
    return imported_study(data, str(path))


def open_studies(paths: Iterable[Path], slo: Slo | None = None) -> list[OpenedStudy]:
    """`judged` for each; a folder that is no run stands for the runs, bundles and imported results in it.

    Evaluations among them are taken for what they say of the others.
    """
    from kit.judge.open import beside_evaluations

    return beside_evaluations([open_study(each, slo) for path in paths for each in inside(path)])


def inside(path: Path) -> list[Path]:
    """The path itself, or the runs, bundles and imported results in a folder that is no run."""
    from kit.storage.names import PLAN, is_litter

    if not path.is_dir() or (path / PLAN).is_file():
        return [path]
    found = [
        each
        for each in sorted(path.iterdir())
        if not is_litter(each.name)
        and ((each.is_dir() and (each / PLAN).is_file()) or each.name.endswith((".tar.gz", ".json")))
    ]
    if not found:
        raise InputError(f"{path} contains no run, bundle or imported results.", "Give the path of one of these.")
    return found
