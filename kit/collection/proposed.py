"""What a branch adds to the results of a repository, read from git as data: nothing of it is checked out or run.

A proposal may add archives and their signatures in their places, as plain files, and nothing else. So a stranger's
pull request changes no code, no index, no report and no result that is there already.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kit.collection.intake import Accepted, Offered, all_accepted
from kit.collection.layout import (
    ARCHIVE,
    ARCHIVE_SUFFIX,
    REVOKED,
    SIGNATURE,
    SIGNATURE_SUFFIX,
    SIGNERS,
    is_place,
)
from kit.collection.signers import trusted_in
from kit.debuglog import logged
from kit.errors import InputError, KitError
from kit.judge.open import RefusedError
from kit.signing import MAX_SIGNATURE_BYTES
from kit.storage.archive import DEFAULT
from kit.storage.whole import scratch
from kit.text import plain_text

MAX_BUNDLES = 10  # each is compared with all others, and a person looks at the proposal
MAX_BYTES = 512 << 20  # of all archives together
GIT_S = 300.0
PLAIN_FILE = "100644"
_FOLDER = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_REVISION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{0,199}")
_CHANGE = re.compile(r":[0-7]{6} ([0-7]{6}) [0-9a-f]+ ([0-9a-f]{40,64}) ([A-Z])[0-9]*")


@dataclass(frozen=True, slots=True)
class Change:
    """One line of `git diff --raw`: a path of the repository, what became of it, its new mode and content."""

    path: str
    status: str
    mode: str
    blob: str


@dataclass(frozen=True, slots=True)
class Judged:
    """One bundle of a proposal: what comes in, or why it does not."""

    path: str
    accepted: Accepted | None
    refusal: KitError | None


def check_proposal(repository: Path, base: str, head: str, folder: str) -> tuple[Judged, ...]:
    """Each bundle that `head` adds to `folder` since it left `base`, compared with the results of `base`.

    `RefusedError` if it changes anything else. Nothing is written; whose keys count is what `base` says.
    """
    if not _FOLDER.fullmatch(folder):
        raise InputError(f"{folder!a} is no folder of results.", "Name a folder at the top of the repository.")
    changes = changes_between(repository, base, head)
    offered = _offered(repository, changes, added(changes, folder))
    with scratch("kit-") as results:
        _copy_results(repository, base, folder, results)
        found = all_accepted(results, offered, trusted_in(results))
    return tuple(_judged(folder, each, outcome) for each, outcome in zip(offered, found, strict=True))


def _copy_results(repository: Path, base: str, folder: str, results: Path) -> None:
    """The archives of the base, their signatures and the lists of keys, as git has them."""
    for line in filter(None, _git(repository, ["ls-tree", "-r", "-z", base, "--", folder]).split(b"\0")):
        fields, _, raw = line.partition(b"\t")
        path = PurePosixPath(raw.decode("utf-8", "replace")).relative_to(folder)
        mode, _, blob = fields.decode("ascii").split(" ")
        if ".." in path.parts:
            continue  # no path of a commit that git itself has made
        if mode == PLAIN_FILE and path.name.endswith((ARCHIVE_SUFFIX, SIGNATURE_SUFFIX, SIGNERS, REVOKED)):
            (results / path).parent.mkdir(parents=True, exist_ok=True)
            (results / path).write_bytes(_git(repository, ["cat-file", "blob", blob]))


def changes_between(repository: Path, base: str, head: str) -> tuple[Change, ...]:
    """What a branch changes since it left another one."""
    for revision in (base, head):
        if not _REVISION.fullmatch(revision) or ".." in revision:
            raise InputError(f"{revision!a} is no revision.", "Name a commit or a branch.")
    listed = ["diff", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv"]
    words = _git(repository, [*listed, f"{base}...{head}", "--"]).split(b"\0")
    found = []
    for line, path in zip(words[::2], words[1::2], strict=False):
        fields = _CHANGE.fullmatch(line.decode("ascii", "replace"))
        if fields is None:
            raise InputError("git answered something else than a list of changes.", "Is it 2.30 or newer?")
        found.append(Change(path.decode("utf-8", "surrogateescape"), fields[3], fields[1], fields[2]))
    return tuple(found)


def added(changes: Sequence[Change], folder: str) -> tuple[PurePosixPath, ...]:
    """The folders of the bundles that a proposal adds; `RefusedError` if it does anything else."""
    faults = [f"{_shown(change.path)}: {why}" for change in changes if (why := _fault(change, folder))]
    if faults:
        raise RefusedError(
            "The proposal changes more than bundles that it adds.",
            f"Add {folder}/PLATFORM/MACHINE/IDENTITY/{ARCHIVE} and its {SIGNATURE}, and nothing else; "
            "`kit results add` names the place.",
            tuple(faults[:20]),
        )
    paths = [PurePosixPath(change.path) for change in changes]
    homes = {path.parent for path in paths if path.name == ARCHIVE}
    lonely = sorted({str(path) for path in paths if path.parent not in homes})
    if lonely:
        raise RefusedError(f"{lonely[0]} has no {ARCHIVE} beside it in this proposal.", "Add both at once.")
    if not homes:
        raise RefusedError("The proposal adds no bundle.", f"Add {folder}/PLATFORM/MACHINE/IDENTITY/{ARCHIVE}.")
    if len(homes) > MAX_BUNDLES:
        raise RefusedError(f"The proposal adds {len(homes)} bundles.", f"Add at most {MAX_BUNDLES} at once.")
    return tuple(sorted(homes))


def _fault(change: Change, folder: str) -> str:
    """Why a proposal may not change this; empty if it may."""
    path = PurePosixPath(change.path)
    within = PurePosixPath(*path.parts[1:]) if path.parts[:1] == (folder,) else None
    if within is None:
        return f"not in {folder}/"
    if path.name not in (ARCHIVE, SIGNATURE) or not is_place(within.parent) or str(path) != change.path:
        return "not the place of a bundle or its signature"
    if change.status != "A":
        return "it is there already, and results are never changed"
    return "" if change.mode == PLAIN_FILE else f"no plain file (mode {change.mode})"


def _offered(repository: Path, changes: Sequence[Change], homes: Sequence[PurePosixPath]) -> tuple[Offered, ...]:
    blobs = {change.path: change.blob for change in changes}
    left_bytes = MAX_BYTES
    found = []
    for home in homes:
        archive = _blob(repository, str(home / ARCHIVE), blobs, min(DEFAULT.compressed_bytes, left_bytes))
        signed = str(home / SIGNATURE) in blobs
        signature = _blob(repository, str(home / SIGNATURE), blobs, MAX_SIGNATURE_BYTES) if signed else None
        left_bytes -= len(archive)
        found.append(Offered(archive, signature, str(home / ARCHIVE)))
    return tuple(found)


def _blob(repository: Path, path: str, blobs: dict[str, str], limit_bytes: int) -> bytes:
    """The content of a file of the proposal, its size looked at first."""
    size = int(_git(repository, ["cat-file", "-s", blobs[path]]))
    if size > limit_bytes:
        raise RefusedError(f"{path} has {size:,} bytes.", f"Here at most {limit_bytes:,} are taken.")
    return _git(repository, ["cat-file", "blob", blobs[path]])


def _judged(name: str, each: Offered, found: Accepted | KitError) -> Judged:
    if isinstance(found, KitError):
        return Judged(each.name, None, found)
    if f"{name}/{found.entry.path}" != each.name:
        move = f"Move it to {name}/{found.entry.path}."
        return Judged(each.name, None, RefusedError(f"{each.name} is not in its place.", move))
    return Judged(each.name, found, None)


def _shown(path: str) -> str:
    return plain_text(path.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), 200)


@logged("program", lambda _, arguments: f"git {arguments[0]}")
def _git(repository: Path, arguments: Sequence[str]) -> bytes:
    """What git answers; no hook, no pager, no filter, no helper of the repository or the user is run."""
    fixed = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never"]
    surroundings = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    surroundings |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_NO_LAZY_FETCH": "1"}
    try:
        done = subprocess.run(
            ["git", *fixed, "-c", f"safe.directory={repository.resolve()}", *arguments],
            cwd=repository,
            env=surroundings,
            capture_output=True,
            timeout=GIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"git could not be run: {type(error).__name__}.", "Install git.") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        said = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
        apart = any("no merge base" in line for line in said)
        raise InputError(
            f"git {arguments[0]} failed in {repository.resolve()}.",
            "Begin the branch at the base: git switch -c BRANCH BASE."
            if apart
            else "Is this the repository, and are both revisions in it?",
            tuple(plain_text(line, 200) for line in said[-3:]),
        )
    return done.stdout
