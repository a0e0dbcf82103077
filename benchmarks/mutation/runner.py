"""Runs the tests of a package against a mutant in a fork of this process, where everything is loaded already."""

from __future__ import annotations

import contextlib
import importlib
import io
import math
import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from benchmarks.mutation.modules import dependents, imported_by, replace_module
from benchmarks.mutation.operators import Mutant, mutants, mutated

Outcome = Literal["killed", "survived", "timeout"]
MEMORY_BYTES = 4 << 30  # a mutant may try to count to infinity
# CPU seconds: what a fork may take beside three times the tests themselves, and what these may take unchanged.
STARTUP_S, BASELINE_S = 10.0, 600.0
WALL_FACTOR = 20  # a mutant may also wait for what never comes
KILLED_BY = 10  # exit codes from here on say which file of tests noticed
QUIET = ("-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist")


@dataclass(frozen=True, slots=True)
class Target:
    """A package to change, by its folder, and the folder of its tests."""

    package: Path
    tests: Path

    def sources(self) -> list[Path]:
        return sorted(self.package.rglob("*.py"))

    def test_files(self) -> list[Path]:
        return sorted(self.tests.rglob("test_*.py"))


@dataclass(frozen=True, slots=True)
class Job:
    """One mutant of one file of a target."""

    target: Target
    path: Path
    mutant: Mutant


def jobs_of(target: Target) -> list[Job]:
    """All mutants of a package."""
    return [
        Job(target, path, mutant)
        for path in target.sources()
        for mutant in mutants(path.read_text(encoding="utf-8"))
    ]


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class Warm:
    """A process that has the modules of some targets and of their tests loaded."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._imports: dict[str, set[str]] = {}
        self._seconds: dict[Path, float] = {}
        self._kills: Counter[tuple[Path, Path]] = Counter()  # by mutated file and test file
        roots: set[str] = set()
        for target in targets:
            if _quietly(["--collect-only", *QUIET, str(target.tests)]):
                raise RuntimeError(f"The tests in {target.tests} cannot be collected.")
            for path in target.sources():
                importlib.import_module(module_name(path))
            roots |= {target.package.parts[0], target.tests.parts[0]}
        self._learn(roots)

    def _learn(self, roots: set[str]) -> None:
        """What imports what, of all that is loaded below these."""
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__file__", None)
            if name.partition(".")[0] in roots and path and path.endswith(".py"):
                source = Path(path).read_text(encoding="utf-8")
                self._imports[name] = imported_by(source, name, is_package=path.endswith("__init__.py"))

    def baseline(self, target: Target) -> float:
        """The CPU seconds that the tests of a target take unchanged; `RuntimeError` if they fail."""
        for path in target.test_files():
            ended = _forked(partial(_quietly, [*QUIET, str(path)]), BASELINE_S)
            if ended.code:
                raise RuntimeError(f"The tests in {path} fail without a mutant.")
            self._seconds[path] = ended.cpu_s
        return sum(self._seconds[path] for path in target.test_files())

    def outcome(self, job: Job) -> Outcome:
        """Whether a test notices: fails, cannot be loaded, or takes far too long."""
        tests = self._likeliest_first(job)
        limit_s = STARTUP_S + 3 * sum(self._seconds.get(path, 0.0) for path in tests)
        ended = _forked(partial(self._child, job, tests), limit_s)
        if ended.code is None:
            return "timeout"
        if KILLED_BY <= ended.code < KILLED_BY + len(tests):
            self._kills[job.path, tests[ended.code - KILLED_BY]] += 1
        return "killed" if ended.code else "survived"

    def _likeliest_first(self, job: Job) -> list[Path]:
        """The files that noticed mutants of this module before, those that bear its name, the quick ones."""
        words = set(job.path.stem.split("_")) - {""}

        def key(path: Path) -> tuple[int, bool, float]:
            named = bool(words & set(path.stem.split("_")))
            return -self._kills[job.path, path], not named, self._seconds.get(path, 0.0)

        return sorted(job.target.test_files(), key=key)

    def _child(self, job: Job, tests: list[Path]) -> int:
        """In the fork: 0, or which of the files noticed."""
        name = module_name(job.path)
        tree = mutated(job.path.read_text(encoding="utf-8"), job.mutant.index)
        replace_module(name, str(job.path.resolve()), tree, dependents(name, self._imports))
        for place, path in enumerate(tests):
            if _quietly([*QUIET, str(path)]):
                return KILLED_BY + place
        return 0


# --- forks ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a fork ended: its exit code, 1 for a signal, None if its time was over."""

    code: int | None
    cpu_s: float


def _forked(work: Callable[[], int], limit_s: float) -> _Ended:
    """Run `work` in a fork; the limit is of CPU time, so that a busy machine changes no outcome."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit_s), math.ceil(limit_s) + 1))
            code = work()
        finally:
            os._exit(code)  # whatever it raised was meant for pytest, which did not get so far
    return _waited(child, WALL_FACTOR * limit_s)


def _waited(child: int, limit_s: float) -> _Ended:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        found, status, usage = os.wait4(child, os.WNOHANG | os.WUNTRACED)
        if found and os.WIFSTOPPED(
            status
        ):  # from outside: wait as long as it takes, that is not the mutant's time
            paused = time.monotonic()
            found, status, usage = os.wait4(child, os.WCONTINUED)
            end += time.monotonic() - paused
            found = 0 if os.WIFCONTINUED(status) else found
        if found:
            code = os.waitstatus_to_exitcode(status)
            cpu_s = usage.ru_utime + usage.ru_stime
            return _Ended(None if code in (-signal.SIGXCPU, -signal.SIGKILL) else abs(code), cpu_s)
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return _Ended(None, limit_s)


def _quietly(arguments: list[str]) -> int:
    """What `pytest` ends with; nobody reads its words."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        return int(pytest.main(arguments))


def results(warm: Warm, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
    """Each job with its outcome, as soon as it is known."""
    for job in jobs:
        yield job, warm.outcome(job)
