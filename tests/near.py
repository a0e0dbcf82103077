"""The tests near a change: `python -m tests.near [OPTION OF PYTEST]...` runs them, `make fast` does.

Near is what mirrors the changed file: `kit/judge/score/kit1.py` has its tests in `tests/unit/judge/score`. A break
further away is found by the whole suite only.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
UNIT = PurePosixPath("tests/unit")
ALWAYS = "tests/unit/project/test_floors.py"
# What lies outside the packages, and which tests look at it.
OUTSIDE = {
    "compose": "tests/unit/runtimes",
    "images": "tests/unit/supply",
    "prompts": "tests/unit/plan",
    "schemas": "tests/unit/strict",
}
PROJECT = "tests/unit/project"


def mirror(path: PurePosixPath, root: Path) -> str | None:
    """The folder or file of unit tests for a file of the repository; None where nothing mirrors it."""
    first, *rest = path.parts
    if first == "kit" and len(rest) == 1:
        alone = UNIT / f"test_{path.name}"
        return str(alone) if (root / alone).is_file() else None
    if first == "kit" or path.is_relative_to(UNIT):
        package = rest if first == "kit" else rest[1:]
        # From the inside out: not every package of the kit has tests of its own.
        folders = [UNIT.joinpath(*package[:depth]) for depth in range(len(package) - 1, 0, -1)]
        return next((str(folder) for folder in folders if any((root / folder).rglob("test_*.py"))), None)
    return None if first == "tests" else OUTSIDE.get(first, PROJECT)


def near(changed: Iterable[str], root: Path = ROOT) -> list[str]:
    """What pytest is given for these changed files: no folder inside another, and always the architecture."""
    found = {place for name in changed if (place := mirror(PurePosixPath(name), root))} | {ALWAYS}
    return sorted(
        place for place in found if not any(str(above) in found for above in PurePosixPath(place).parents)
    )


def changed_files(root: Path = ROOT) -> list[str]:
    """What differs from the last commit, new files included; on a clean tree, what the last commit changed."""

    def git(*words: str) -> list[str]:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
        return [name for name in done.stdout.split("\0") if name]

    now = git("diff", "--name-only", "-z", "HEAD") + git("ls-files", "--others", "--exclude-standard", "-z")
    return now or git("diff-tree", "--root", "--no-commit-id", "--name-only", "-r", "-z", "HEAD")


def main(options: Sequence[str]) -> int:
    """Run them; the exit code is that of pytest."""
    places = near(changed_files())
    sys.stdout.write(f"tests near the change: {' '.join(places)}\n")
    sys.stdout.flush()
    return subprocess.run([sys.executable, "-m", "pytest", *options, *places], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
