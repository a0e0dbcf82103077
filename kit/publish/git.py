"""git with fixed arguments, in a repository of its own that is thrown away.

Nothing is ever checked out: files are read as blobs and written as blobs, so that no filter, attribute, link, hook
or line ending of a stranger's repository, nor of this machine, has a say in their bytes. It asks nobody anything.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kit.debuglog import logged
from kit.errors import InputError, KitError, PublishError, SourceError, StorageError
from kit.publish.places import GitPlace
from kit.text import plain_text, without_password

TRANSFER_S = 1800.0
LOCAL_S = 300.0
MAX_FILE_BYTES = 4 << 30  # of any file that git writes, packs included
MAX_FILES = 100_000
_SHELL_BLOCK_BYTES = 512  # the unit of `ulimit -f` (POSIX)
_LAST_LINES = 4
_FULL = "No space left on device"
_LEAST_ROOM_BYTES = 64 << 10  # an empty repository; git says of some files only that it cannot write them
_TIP = "refs/kit/tip"
_OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REGULAR = ("100644", "100755")
# Who commits, and how the user's own git reaches servers; not what a surrounding git left (GIT_DIR).
_KEPT = re.compile(r"GIT_(AUTHOR|COMMITTER)_(NAME|EMAIL|DATE)|GIT_SSH(_COMMAND|_VARIANT)?|GIT_SSL_.*|GIT_CONFIG.*")
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.logAllRefUpdates=false",
    "user.useConfigOnly=true",  # else git would make an address of the names of this user and this machine
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "transfer.bundleURI=false",
    "gc.auto=0",
    "maintenance.auto=false",
)


@dataclass(frozen=True, slots=True)
class GitFile:
    """A regular file of a commit."""

    path: str
    object_id: str
    size_bytes: int


class Git:
    """One branch of one repository, as much of it as a single commit has."""

    def __init__(self, place: GitPlace, folder: Path) -> None:
        self._place = place
        self._folder = folder / "repository.git"
        self._index = folder / "index"
        _program()
        self._run(["init", "--quiet", "--bare", "--template=", str(self._folder)], within=False)

    @property
    def ref(self) -> str:
        """The branch by its full name."""
        return f"refs/heads/{self._place.branch}"

    def tip(self) -> str | None:
        """The commit that the branch has there now; None if there is no such branch."""
        said = self._run(["ls-remote", "--heads", "--", self._place.url, self.ref], transfer=True)
        found = [line.split("\t") for line in said.decode("utf-8", "replace").splitlines()]
        return next((line[0] for line in found if line[1:] == [self.ref] and _OID.fullmatch(line[0])), None)

    def fetch(self) -> str | None:
        """Fetch the newest commit of the branch, without its history; None if there is no such branch."""
        if self.tip() is None:
            return None
        wanted = f"+{self.ref}:{_TIP}"
        self._run(["fetch", "--quiet", "--depth=1", "--no-tags", "--", self._place.url, wanted], transfer=True)
        return self._run(["rev-parse", "--verify", f"{_TIP}^{{commit}}"]).decode().strip()

    def files(self, commit: str, path: str | None = None) -> list[GitFile]:
        """The regular files of a commit, of all of it or below a path; links and submodules are left out."""
        below = ["--", path] if path else []
        listed = self._run(["ls-tree", "-r", "-z", "-l", "--full-tree", commit, *below])
        found = []
        for entry in filter(None, listed.split(b"\0")):
            facts, _, name = entry.partition(b"\t")
            mode, kind, object_id, size = facts.decode("ascii").split()
            if kind == "blob" and mode in _REGULAR and _is_path(name):
                found.append(GitFile(name.decode("ascii"), object_id, int(size)))
        if len(found) > MAX_FILES:
            raise SourceError(
                f"{self._place.text()} has more than {MAX_FILES:,} files there.", "Name a folder of it."
            )
        return found

    def blob(self, file: GitFile, max_bytes: int) -> bytes:
        """The bytes of a file as they were committed."""
        if file.size_bytes > max_bytes:
            raise SourceError(
                f"{plain_text(file.path, 200)} has {file.size_bytes:,} bytes; {max_bytes:,} are allowed.",
                "It is not a bundle of the kit.",
            )
        return self._run(["cat-file", "blob", file.object_id])

    def keep(self, files: Sequence[Path]) -> list[str]:
        """Put files into the repository; their object ids, in the same order."""
        names = "".join(f"{path.resolve()}\n" for path in files).encode()
        said = self._run(["hash-object", "-w", "--no-filters", "--stdin-paths"], stdin=names)
        return said.decode("ascii").split()

    def commit(self, parent: str | None, changes: Mapping[str, str | None], message: str) -> str:
        """A commit on top of another: paths with their new object ids, None for what goes."""
        self._index.unlink(missing_ok=True)
        self._run(["read-tree", parent] if parent else ["read-tree", "--empty"])
        zero = "0" * 40
        lines = [
            f"100644 {object_id}\t{path}\0" if object_id else f"0 {zero}\t{path}\0"
            for path, object_id in sorted(changes.items())
        ]
        self._run(["update-index", "-z", "--index-info"], stdin="".join(lines).encode())
        tree = self._run(["write-tree"]).decode().strip()
        above = ["-p", parent] if parent else []
        return self._run(["commit-tree", tree, *above, "-F", "-"], stdin=message.encode()).decode().strip()

    def push(self, commit: str, base: str | None) -> bool:
        """Make a commit the newest of the branch; False if the branch has moved on from `base` meanwhile."""
        target = f"{commit}:{self.ref}"
        try:
            self._run(
                ["push", "--quiet", "--no-verify", "--", self._place.url, target], transfer=True, publishing=True
            )
        except PublishError:
            if self.tip() != base:
                return False
            raise
        return True

    @logged("program", lambda _, arguments, **__: "git " + " ".join(arguments[:2]))
    def _run(
        self,
        arguments: Sequence[str],
        *,
        stdin: bytes = b"",
        transfer: bool = False,
        publishing: bool = False,
        within: bool = True,
    ) -> bytes:
        where = ["--git-dir", str(self._folder)] if within else []
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        limit = f'ulimit -f {MAX_FILE_BYTES // _SHELL_BLOCK_BYTES}; exec "$@"'
        command = ["/bin/sh", "-c", limit, "sh", _program(), *where, *settings, *arguments]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._surroundings(),
            cwd=self._folder.parent,
            start_new_session=True,  # without a terminal nothing can be asked
        )
        try:
            stdout, stderr = process.communicate(stdin, TRANSFER_S if transfer else LOCAL_S)
        except subprocess.TimeoutExpired:
            raise _failure(self._place, arguments[0], publishing, ("It took too long.",)) from None
        finally:
            _end(process)
        if process.returncode:
            lines = without_password(stderr.decode("utf-8", "replace")).strip().splitlines()[-_LAST_LINES:]
            words = tuple(plain_text(line, 200) for line in lines)
            if (
                any(_FULL in line for line in lines)
                or shutil.disk_usage(self._folder.parent).free < _LEAST_ROOM_BYTES
            ):
                raise _no_space(words)
            raise _failure(self._place, arguments[0], publishing, words)
        return stdout

    def _surroundings(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if (not name.startswith("GIT_") or _KEPT.fullmatch(name)) and name not in ("SSH_ASKPASS", "DISPLAY")
        }
        own = {
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": self._place.scheme,
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_INDEX_FILE": str(self._index),
            "GIT_NO_REPLACE_OBJECTS": "1",
            "SSH_ASKPASS_REQUIRE": "never",
        }
        return kept | own


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git and whatever it has started, if it has not ended: a Ctrl-C reaches no session but ours."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _no_space(lines: tuple[str, ...]) -> KitError:
    return StorageError(
        f"git has no space left to work in {tempfile.gettempdir()}.",
        "Free some space there, or name another folder in TMPDIR.",
        lines,
    )


def _failure(place: GitPlace, what: str, publishing: bool, lines: tuple[str, ...]) -> KitError:
    if what == "commit-tree":
        return InputError(
            "git could not make a commit.",
            "It may not know who you are: git config --global user.name NAME, and user.email ADDRESS.",
            lines,
        )
    kind: type[KitError] = PublishError if publishing else SourceError
    done = "took no push" if publishing else f"cannot be read (git {what})"
    return kind(
        f"{place.text()} {done}.",
        "git's last lines are above. It must get in without asking: by a credential helper or a key in the agent.",
        lines,
    )


def _program() -> str:
    found = shutil.which("git")
    if found is None:
        raise InputError("git is not installed.", "Install git 2.34 or newer.")
    return found


def _is_path(name: bytes) -> bool:
    """Whether a path of a commit may become one of this machine."""
    if not re.fullmatch(rb"[A-Za-z0-9._/@+-]{1,400}", name):
        return False
    return all(part and not part.startswith(b".") for part in name.split(b"/"))


def paths_below(files: Sequence[GitFile], folder: str) -> Iterator[tuple[str, GitFile]]:
    """Files with their paths within a folder."""
    for file in files:
        if file.path.startswith(f"{folder}/"):
            yield file.path.removeprefix(f"{folder}/"), file
