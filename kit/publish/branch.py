"""A results folder on a git branch: read as it is, added to, pushed; done again if somebody was faster."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.errors import PublishError, SourceError
from kit.publish.git import Git, GitFile, paths_below
from kit.publish.parcel import Parcel
from kit.publish.places import RESULTS, GitPlace
from kit.signing import MAX_SIGNATURE_BYTES, SUFFIX
from kit.storage.archive import DEFAULT
from kit.storage.whole import scratch

MAX_TRIES = 8
WAIT_S = 0.5
MAX_RESULTS_BYTES = 64 << 30
MAX_BUNDLES = 1000
ARCHIVE_SUFFIX = ".tar.gz"
# Puts a bundle into a results folder and makes its index anew: the folder, the archive, its signature.
Add = Callable[[Path, bytes, bytes | None], object]


@dataclass(frozen=True, slots=True)
class Published:
    """The commit that has the bundle, and which paths it changed; none where the branch had it already."""

    commit: str
    changed: tuple[str, ...]


def publish_to_branch(parcel: Parcel, place: GitPlace, add: Add) -> Published:
    """Add a bundle to the results folder of a branch, which is made if there is none.

    The index is made from what the branch has, so after a push that came too late the work is done again on top of
    the new commit: nothing is merged. `PublishError` if the branch moves on each time or takes no push.
    """
    with scratch("kit-publish-") as folder:
        git = Git(place, folder)
        for number in range(MAX_TRIES):
            base = git.fetch()
            done = _added(git, base, place.path or RESULTS, folder / f"{number}", parcel, add)
            if not done.changed or git.push(done.commit, base):
                return done
            time.sleep(WAIT_S * random.random() * (number + 1))
    raise PublishError(
        f"{place.text()} moved on {MAX_TRIES} times while the bundle was added.",
        "Try again later.",
    )


def _added(git: Git, base: str | None, results: str, work: Path, parcel: Parcel, add: Add) -> Published:
    """A commit with the bundle on top of `base`; that one itself where it has the bundle already."""
    before = dict(paths_below(git.files(base, results), results)) if base else {}
    if base and _is_there(git, before, parcel, work):
        return Published(base, ())
    folder = work / "results"
    folder.mkdir(parents=True)
    _write_out(git, before, folder)
    add(folder, parcel.archive, parcel.signature)
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    now = dict(zip((path.relative_to(folder).as_posix() for path in paths), git.keep(paths), strict=True))
    changes: dict[str, str | None] = {
        f"{results}/{path}": object_id
        for path, object_id in now.items()
        if path not in before or before[path].object_id != object_id
    }
    changes |= {f"{results}/{path}": None for path in before.keys() - now.keys()}
    return Published(git.commit(base, changes, parcel.message()), tuple(sorted(changes)))


def _is_there(git: Git, before: Mapping[str, GitFile], parcel: Parcel, work: Path) -> bool:
    """Whether the folder has this very archive, with this signature if there is one."""
    work.mkdir()
    files = [work / "archive"]
    files[0].write_bytes(parcel.archive)
    if parcel.signature:
        files.append(work / "signature")
        files[1].write_bytes(parcel.signature)
    return set(git.keep(files)) <= {file.object_id for file in before.values()}


def _write_out(git: Git, files: Mapping[str, GitFile], folder: Path) -> None:
    if sum(file.size_bytes for file in files.values()) > MAX_RESULTS_BYTES:
        raise SourceError("The results folder of the branch is larger than 64 GiB.", "Publish to another branch.")
    for path, file in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(git.blob(file, DEFAULT.compressed_bytes))


def bundles_of_branch(place: GitPlace) -> Iterator[tuple[str, bytes, bytes | None]]:
    """Path, archive and signature of each bundle of a branch: of all, of a folder, or the one that is named."""
    with scratch("kit-fetch-") as folder:
        git = Git(place, folder)
        commit = git.fetch()
        if commit is None:
            raise SourceError(f"{place.text()}: there is no such branch.", "Check its name behind the #.")
        files = {file.path: file for file in git.files(commit)}
        for file in _archives(place, list(files.values())):
            beside = files.get(file.path + SUFFIX)
            signature = git.blob(beside, MAX_SIGNATURE_BYTES) if beside else None
            yield file.path, git.blob(file, DEFAULT.compressed_bytes), signature


def _archives(place: GitPlace, files: Sequence[GitFile]) -> list[GitFile]:
    path = place.path
    found = [
        file
        for file in files
        if file.path.endswith(ARCHIVE_SUFFIX)
        and (path is None or file.path == path or file.path.startswith(f"{path}/"))
    ]
    if not found:
        raise SourceError(f"{place.text()} has no bundle.", "Bundles end in .tar.gz; check the path behind the :.")
    if len(found) > MAX_BUNDLES:
        raise SourceError(
            f"{place.text()} has {len(found):,} bundles.", f"Name a folder with {MAX_BUNDLES} at most."
        )
    return found
