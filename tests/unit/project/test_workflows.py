"""What workflows, templates and pins say of the project is what the project says of itself."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import kit
from tests.release import CHANGELOG, SECTION, faults

ROOT = Path(__file__).resolve().parents[3]
GITHUB = ROOT / ".github"
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in (GITHUB / "workflows").glob("*.yml")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OLDEST = PROJECT["project"]["requires-python"].removeprefix(">=")
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def jobs() -> list[tuple[str, str, Any]]:
    return [(name, job, body) for name, flow in WORKFLOWS.items() for job, body in flow["jobs"].items()]


def steps(name: str, job: str) -> list[str]:
    """The commands of a job, in order."""
    return [step["run"] for step in WORKFLOWS[name]["jobs"][job]["steps"] if "run" in step]


def test_the_three_workflows_are_there() -> None:
    """No other."""
    assert set(WORKFLOWS) == {"test", "docs", "release"}


def test_the_oldest_python_is_the_one_that_is_promised() -> None:
    """In pyproject.toml, in the tools, in the tests and in everything that a release is made with."""
    pythons = WORKFLOWS["test"]["jobs"]["unit"]["strategy"]["matrix"]["python"]
    assert pythons[0] == OLDEST
    assert len(pythons) >= 2
    assert [tuple(map(int, name.split("."))) for name in pythons] == sorted(
        tuple(map(int, name.split("."))) for name in pythons
    )
    assert PROJECT["tool"]["mypy"]["python_version"] == OLDEST
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{OLDEST.replace('.', '')}"
    for name, _, body in jobs():
        for step in body["steps"]:
            named = step.get("with", {}).get("python-version")
            assert named in (None, "${{ matrix.python }}", OLDEST), name


def test_every_job_has_a_limit_and_no_right_that_it_does_not_need() -> None:
    """Only publishing may ask for an identity, and nothing may write to the repository."""
    assert all(flow["permissions"] == {} for flow in WORKFLOWS.values())
    for name, job, body in jobs():
        expected = {"id-token": "write"} if (name, job) == ("release", "publish") else {"contents": "read"}
        assert body["permissions"] == expected
        assert body["timeout-minutes"] <= 120


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_actions_are_pinned_by_commit(name: str) -> None:
    """With their version beside it; a tag can be moved."""
    lines = (GITHUB / "workflows" / f"{name}.yml").read_text("utf-8").splitlines()
    used = [line.strip().removeprefix("- ") for line in lines if "uses:" in line]
    assert used
    assert [line for line in used if not PINNED.match(line)] == []


def test_what_workflows_run_exists() -> None:
    """Each target of make, and the gate."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for name, job, _ in jobs():
        for command in steps(name, job):
            if command.startswith("make "):
                assert {word for word in command.split()[1:] if "=" not in word} <= targets
    assert steps("test", "gate") == [".ci/run"]
    assert (ROOT / ".ci" / "run").is_file()


def test_a_release_is_checked_before_it_is_built_and_only_a_tag_makes_one() -> None:
    """The check comes first, and what is published is what was built after it."""
    made = steps("release", "build")
    assert made[0] == 'python -m tests.release "$GITHUB_REF_NAME"'
    assert made[-1].endswith("-m build")
    # YAML 1.1 reads the key `on` as true.
    assert WORKFLOWS["release"][True] == {"push": {"tags": ["v*"]}}
    assert WORKFLOWS["release"]["jobs"]["publish"]["needs"] == "build"


@pytest.mark.parametrize(
    ("tag", "version", "section", "told"),
    [
        ("v1.2.0", "1.2.0", "## 1.2.0 - 2026-11-29", []),
        ("1.2.0", "1.2.0", "## 1.2.0 - 2026-11-29", ["must be v1.2.0"]),
        ("v1.2.1", "1.2.0", "## 1.2.0 - 2026-11-29", ["must be v1.2.0"]),
        ("v1.2.0", "1.2.0", "## 1.2.0", ["section of CHANGELOG.md is 1.1.0"]),
        ("v1.2.0", "1.2.0", "## 1.2.0 - soon", ["section of CHANGELOG.md is 1.1.0"]),
    ],
)
def test_a_tag_that_does_not_fit_is_told(tag: str, version: str, section: str, told: list[str]) -> None:
    """By the version of the code, and by a section with a date."""
    changelog = f"# Changelog\n\n## Unreleased\n\n{section}\n\n- x\n\n## 1.1.0 - 2026-01-01\n"
    found = list(faults(tag, version, changelog))
    assert len(found) == len(told)
    assert all(words in fault for words, fault in zip(told, found, strict=True))


def test_the_changelog_has_this_version_and_a_place_for_the_next() -> None:
    """Newest first, with what is not released on top."""
    text = CHANGELOG.read_text("utf-8")
    dates = [date for _, date in SECTION.findall(text)]
    assert dates == sorted(dates, reverse=True)
    assert text.startswith("# Changelog\n\n## Unreleased\n")
    assert not list(faults(f"v{kit.__version__}", kit.__version__, text))


def test_renovate_finds_every_digest_of_the_catalogue() -> None:
    """An entry that it does not see would grow old unseen."""
    rules = json.loads((GITHUB / "renovate.json").read_text("utf-8"))
    images, bases = rules["customManagers"]
    catalogue = (ROOT / "kit" / "catalogue" / "images.yaml").read_text("utf-8")
    # Its expressions are JavaScript's, in which a group is named without P.
    expression = images["matchStrings"][0].replace("(?<", "(?P<")
    assert len(re.findall(expression, catalogue)) == len(
        re.findall(r"^ {4}digest: sha256", catalogue, re.MULTILINE)
    )
    expression = bases["matchStrings"][0].replace("(?<", "(?P<")
    recipes = "".join(path.read_text("utf-8") for path in (ROOT / "images").rglob("*.Dockerfile"))
    assert {found[0] for found in re.findall(expression, recipes)} >= {"nvidia/cuda"}
    for rule in rules["customManagers"]:
        for pattern in rule["managerFilePatterns"]:
            files = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("[ik]*/**/*") if path.is_file()]
            assert any(re.search(pattern.strip("/").replace("\\/", "/"), name) for name in files)


def test_commit_hooks_are_those_of_make_lint() -> None:
    """And run the tools of the project's own environment, so that no version differs."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    (local,) = [repository["hooks"] for repository in hooks if repository["repo"] == "local"]
    assert [hook["entry"].split()[0] for hook in local] == [".venv/bin/ruff", ".venv/bin/ruff", ".venv/bin/mypy"]
