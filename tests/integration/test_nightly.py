"""Three nights of real runs: a first one, the same again, and one with half the threads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kit.assets import asset
from tests.support.running import kit

pytestmark = pytest.mark.integration

BRIEF = ("-c", "2", "--window", "2", "--warmup", "0.5", "--replicates", "3", "--min", "F", "--quiet", "--json")


def platform(folder: Path, threads: int) -> str:
    """The demo's batched entry alone, as somebody may have changed it: 0 is every CPU."""
    whole = asset("compose", "platforms", "demo.yaml").read_text(encoding="utf-8")
    head, _, entries = whole.partition("entries:\n")
    batched = entries[entries.index("  - name: llamacpp-batched") :]
    path = folder / "demo.yaml"
    path.write_text(
        f"{head}entries:\n{batched.replace('{slots: 4}', f'{{slots: 4, threads: {threads}}}')}", "utf-8"
    )
    return str(path)


def night(folder: Path, threads: int, *more: str) -> tuple[int, dict[str, Any]]:
    """Exit code and what it found of the one platform."""
    done = kit("nightly", platform(folder, threads), *BRIEF, *more, cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert found["exit_code"] == done.returncode
    return done.returncode, found["platforms"][0]


def test_the_same_again_passes_and_half_the_threads_is_slower(tmp_path: Path) -> None:
    """And what is slower is not accepted, though asked; the accepted run stays the first one."""
    code, first = night(tmp_path, 0, "--accept")
    assert (code, first["verdict"]) == (0, "first"), first["stages"]
    code, again = night(tmp_path, 0)
    assert (code, again["verdict"] in ("same", "faster")) == (0, True), again
    assert again["compared_with"] == first["accepted"]
    code, slower = night(tmp_path, 1, "--accept")
    assert (code, slower["verdict"]) == (1, "slower"), slower
    assert [line["metric"] for line in slower["lines"] if line["verdict"] == "slower"].count(
        "throughput_tok_s"
    ) == 1
    assert slower["accepted"] is None
    assert [path.name for path in (tmp_path / "nightly" / "accepted").iterdir()] == [Path(first["accepted"]).name]
