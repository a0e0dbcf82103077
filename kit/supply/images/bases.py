"""Base images out of the Debian archive, for engines that no registry answers: debootstrap, then an import.

debootstrap checks the archive's signature. What it installs is recorded in labels of the image that do not depend
on the mirror: the sha256 of the signed InRelease file and that of the list of packages with their versions.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path

from kit.engines.protocol import ImageStore, OnLine
from kit.errors import EngineError, InputError
from kit.supply.download import cache_folder
from kit.supply.images.recipes import SUITES
from kit.text import nearest, plain_text

REPOSITORY = "kit/base"
MIRROR_VARIABLE = "KIT_DEBIAN_MIRROR"
BASE_LABEL = "org.kit.base"
MADE_BY = "debootstrap"
LAST_LINES = 15
SCRIPTS = Path("/usr/share/debootstrap/scripts")
PULL_REMEDY = "Where a registry answers: docker pull debian:{suite}-slim && docker tag debian:{suite}-slim {tag}"

# What differs from run to run, belongs to the machine that made it, or can be fetched again.
_LEFT_OUT = re.compile(
    r"(dev|proc|sys|tmp|run|var/log|var/cache/apt|var/lib/apt/lists|var/cache/debconf)/.*"
    r"|etc/(resolv\.conf|hostname)|var/cache/ldconfig/aux-cache"
)


@dataclass(frozen=True, slots=True)
class BaseImage:
    """A base image that was made here. The two hashes are the labels' (sha256, hexadecimal)."""

    tag: str
    image_id: str
    in_release_sha256: str
    packages_sha256: str


def base_tag(suite: str) -> str:
    """kit/base:SUITE."""
    return f"{REPOSITORY}:{suite}"


def make_bases(
    store: ImageStore, suites: tuple[str, ...], on_line: OnLine, *, again: bool = False
) -> list[BaseImage]:
    """Make `kit/base:SUITE` for each suite that is not there yet (with `again`: for each); returns those made.

    `InputError` for an unknown suite, `EngineError` as `make_base` raises it.
    """
    for suite in suites:
        if suite not in SUITES:
            like = nearest(suite, SUITES)
            raise InputError(
                f'"{plain_text(suite)}" is not a base of the kit.',
                f'Did you mean "{like}"?' if like else f"There are: {', '.join(SUITES)}.",
            )
    made = []
    for suite in suites:
        if not again and store.facts(base_tag(suite)):
            on_line(f"{base_tag(suite)} is here already")
            continue
        on_line(f"building {base_tag(suite)} with debootstrap")
        made.append(make_base(store, suite, cache_folder() / "bases", on_line))
    return made


def make_base(store: ImageStore, suite: str, work: Path, on_line: OnLine) -> BaseImage:
    """Bootstrap Debian `suite` in a folder under `work` and import it as `kit/base:SUITE`.

    The mirror is debootstrap's own choice or that of KIT_DEBIAN_MIRROR. `EngineError` if debootstrap is missing,
    may not run here or fails, and if the engine refuses the image.
    """
    _check_possible(suite)
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work, ignore_cleanup_errors=True) as folder:
        root = Path(folder) / "root"
        try:
            _bootstrap(suite, root, on_line)
            return _imported(store, suite, root, Path(folder) / "root.tar", on_line)
        finally:
            _unmount(root)


def package_list(status: str) -> str:
    """Lines "name version architecture" of the installed packages in a dpkg status file, sorted."""
    lines = []
    for stanza in status.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Architecture|Status): (.*)$", stanza, re.MULTILINE))
        if fields.get("Status") == "install ok installed":
            lines.append(f"{fields['Package']} {fields['Version']} {fields['Architecture']}\n")
    return "".join(sorted(lines))


# --- debootstrap ----------------------------------------------------------------------------------------


def _check_possible(suite: str) -> None:
    pull = PULL_REMEDY.format(suite=suite, tag=base_tag(suite))
    if shutil.which("debootstrap") is None:
        raise EngineError(
            "A base image is made with debootstrap, which is not installed here.",
            f"Install it (Debian, Ubuntu: apt-get install debootstrap). {pull}",
        )
    if os.geteuid() != 0:
        raise EngineError(
            "debootstrap must run as root, because it changes its root folder.",
            f"Run it as root: sudo -E kit images base {suite}. {pull}",
        )


def _bootstrap(suite: str, root: Path, on_line: OnLine) -> None:
    mirror = os.environ.get(MIRROR_VARIABLE)
    command = ["debootstrap", "--variant=minbase", suite, str(root), *([mirror] if mirror else [])]
    if not (SCRIPTS / suite).exists():  # an older debootstrap does not know the newest suites by name
        command = [*command[:4], mirror or "", str(SCRIPTS / "sid")]
    last: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            on_line(line.rstrip())
            last = [*last[1 - LAST_LINES :], plain_text(line.rstrip(), 300)]
    if process.returncode:
        raise EngineError(
            f"debootstrap could not make Debian {suite}.",
            f"Its last lines are above. Another mirror can be named with {MIRROR_VARIABLE}.",
            tuple(last),
        )


def _unmount(root: Path) -> None:
    """debootstrap mounts these two and takes them away, unless it was interrupted; then they would block `rm`."""
    for mount in (root / "proc", root / "sys"):
        if mount.is_mount():
            subprocess.run(["umount", "--lazy", str(mount)], capture_output=True, check=False)


# --- import ---------------------------------------------------------------------------------------------


def _imported(store: ImageStore, suite: str, root: Path, archive: Path, on_line: OnLine) -> BaseImage:
    in_release = next(iter(sorted(root.glob(f"var/lib/apt/lists/*_dists_{suite}_InRelease"))), None)
    if in_release is None:
        raise EngineError(f"debootstrap left no InRelease file of {suite}: its mirror is not a signed archive.")
    signed = in_release.read_bytes()
    packages = package_list((root / "var/lib/dpkg/status").read_text(encoding="utf-8"))
    signed_sha256, packages_sha256 = sha256(signed).hexdigest(), sha256(packages.encode()).hexdigest()
    _pack(root, archive, _release_time(signed))
    labels = {
        BASE_LABEL: MADE_BY,
        f"{BASE_LABEL}.suite": suite,
        f"{BASE_LABEL}.in_release_sha256": signed_sha256,
        f"{BASE_LABEL}.packages_sha256": packages_sha256,
    }
    tag = base_tag(suite)
    on_line(f"importing {tag} ({archive.stat().st_size} bytes)")
    return BaseImage(tag, store.import_root(archive, tag, labels), signed_sha256, packages_sha256)


def _release_time(signed: bytes) -> int:
    """Unix time of the archive's state, from the `Date:` of its InRelease; 0 if it has none."""
    found = re.search(rb"^Date: (.*)$", signed, re.MULTILINE)
    with contextlib.suppress(ValueError):
        if found:
            return int(parsedate_to_datetime(found[1].decode("ascii", "replace")).astimezone(UTC).timestamp())
    return 0


def _pack(root: Path, archive: Path, newest: int) -> None:
    """A tar of `root` in which no time is later than `newest`: the same archive state gives the same layer."""

    def member(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if _LEFT_OUT.fullmatch(info.name.removeprefix("./")):
            return None
        info.mtime = min(int(info.mtime), newest)
        info.uname = info.gname = ""
        return info

    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as out:
        out.add(root, ".", recursive=False, filter=member)
        for path in _sorted_tree(root):
            out.add(path, str(path.relative_to(root)), recursive=False, filter=member)


def _sorted_tree(folder: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        yield Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _sorted_tree(Path(entry.path))
