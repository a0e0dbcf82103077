"""The sandbox of a Linux machine without containers: namespaces, entered by bubblewrap or by `unshare`.

A program sees Python and the libraries of the system, read-only, and nothing else: no other process, no network,
no folder of anybody. It ends with the kit, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from kit.engines.conversation import Conversation
from kit.engines.interrupts import holding_interrupts
from kit.errors import EngineError
from kit.sandbox.pipes import talking_to
from kit.sandbox.protocol import Limits, SandboxFacts
from kit.sandbox.running import RunningSandbox, found_by
from kit.sandbox.sources import ENVIRONMENT, arguments

USER = "64017"  # nobody's
# What Python needs to start, of these what there is.
SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/nix/store")
DEVICES = ("/dev/null", "/dev/urandom")
PROGRAMS_AT = "/usr/sbin:/usr/bin:/sbin:/bin"
REMEDY = (
    "Install bubblewrap (apt install bubblewrap), let users make namespaces "
    "(sysctl kernel.apparmor_restrict_unprivileged_userns=0), or take an engine with containers."
)
# Arguments: the new root, an empty folder; the user to become, or "" to stay; what is seen there; --; the command.
ENTER = """\
set -eu
root=$1 user=$2; shift 2
mount -t tmpfs -o size=1m,nr_inodes=1k,mode=755,nosuid,nodev sandbox "$root"
while [ "$1" != -- ]; do
  mkdir -p "$root$(dirname "$1")"
  if [ -L "$1" ]; then
    ln -s "$(readlink "$1")" "$root$1"
  else
    if [ -d "$1" ]; then mkdir -p "$root$1"; else : > "$root$1"; fi
    mount --rbind "$1" "$root$1"
    mount -o remount,bind,ro,nosuid "$root$1"
  fi
  shift
done
shift
mkdir "$root/.old" "$root/proc"
mount --rbind /proc "$root/proc"
mount -o remount,bind,ro,nosuid,nodev "$root"
cd "$root"
pivot_root . .old
umount -l /.old
umount -l /proc  # without it the line above would not have worked
as=
if [ -n "$user" ]; then as="--reuid $user --regid $user --clear-groups"; fi
setpriv $as --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@" || exit $?
"""

Way = Callable[[str], list[str]]


def python() -> str:
    """The Python of this process, without its environment."""
    return str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())


def places() -> list[str]:
    """The files and folders that Python needs, each in none of the others."""
    own = [
        str(Path(sys.base_prefix).resolve()),
        str(Path(python()).parent),
        str(Path(os.__file__).resolve().parent),
    ]
    found: list[str] = []
    for place in (*SYSTEM, *own):
        inside = any(Path(place).is_relative_to(other) for other in found if not Path(other).is_symlink())
        if os.path.lexists(place) and not inside:
            found.append(place)
    return found


def bubblewrap(_: str) -> list[str]:
    """The command that enters namespaces by bubblewrap."""
    seen: list[str] = []
    for place in places():
        link = Path(place).is_symlink()
        seen += ["--symlink", str(Path(place).readlink()), place] if link else ["--ro-bind", place, place]
    for device in DEVICES:
        seen += ["--dev-bind", device, device]
    confine = ["--unshare-all", "--unshare-user", "--uid", USER, "--gid", USER, "--hostname", "sandbox"]
    confine += ["--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    return ["bwrap", *confine, *seen, "--remount-ro", "/", "--chdir", "/", "--"]


def namespaces(root: str) -> list[str]:
    """The command that enters namespaces by the tools of util-linux; `root` is an empty folder."""
    privileged = os.geteuid() == 0
    new = ["--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--propagation", "private"]
    new += [] if privileged else ["--user", "--map-root-user"]
    unshare = ["setpriv", "--pdeathsig", "KILL", "unshare", *new, "--fork", "--kill-child"]
    user = USER if privileged else ""
    return [*unshare, "sh", "-c", ENTER, "sandbox", root, user, *places(), *DEVICES, "--"]


# With the program that each needs.
WAYS: dict[str, tuple[str, Way]] = {
    "bubblewrap": ("bwrap", bubblewrap),
    "namespaces": ("unshare", namespaces),
}


@contextlib.contextmanager
def _started(command: list[str]) -> Iterator[Conversation]:
    pipe = subprocess.PIPE
    with contextlib.ExitStack() as stack:
        with holding_interrupts():
            try:
                child = subprocess.Popen(
                    command,
                    stdin=pipe,
                    stdout=pipe,
                    stderr=pipe,
                    cwd="/",
                    env={"PATH": PROGRAMS_AT, **ENVIRONMENT},
                    start_new_session=True,
                )
            except OSError as error:
                raise EngineError(
                    f"{command[0]} cannot be started: {error.strerror or error}.", "End other programs."
                ) from None
            talk = stack.enter_context(talking_to(child))
        yield talk


@contextlib.contextmanager
def process_sandbox(limits: Limits, workers: int) -> Iterator[RunningSandbox]:
    """See `kit.sandbox.open_sandbox`: the first way that holds when it is tried."""
    refusals: list[str] = []
    program = [python(), *arguments("inside", limits.memory_bytes)]
    with tempfile.TemporaryDirectory(prefix="kit-sandbox-", ignore_cleanup_errors=True) as root:
        for how, (needs, way) in WAYS.items():
            if how == "bubblewrap" and os.geteuid() == 0:
                continue  # by the other way root becomes somebody else, by this one only looks like it
            if shutil.which(needs, path=PROGRAMS_AT) is None:
                refusals.append(f"{how}: {needs} is not here")
                continue
            start = partial(_started, [*way(root), *program])
            try:
                with start() as talk:
                    seen = found_by(talk)
            except EngineError as error:
                refusals.append(f"{how}: {' '.join(error.detail) or error.what}")
                continue
            if not seen.missing():
                yield RunningSandbox(SandboxFacts("process", how, seen.python), start, limits, workers)
                return
            refusals.append(f"{how}: {seen.missing()}")
    raise EngineError(
        "Nothing here confines what a model wrote, so it is not run.", REMEDY, tuple(refusals) or (sys.platform,)
    )
