"""`kit images` as people call it, with an engine that is a script."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kit.cli import run
from kit.supply.images import recipe, recipe_sha256
from kit.supply.images.fetching import Fetched
from tests.support.scripted_engine import ScriptedImages


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ScriptedImages:
    """What `kit images` is connected with: no images, no registry, no inputs to fetch."""
    images = ScriptedImages()
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("kit.engines.connect", lambda: nullcontext(SimpleNamespace(images=images)))
    monkeypatch.setattr("kit.supply.images.building.fetch_inputs", lambda *_: Fetched({}, {}))
    return images


def test_build_without_a_name_builds_the_load_generator(
    engine: ScriptedImages, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line with tag, id and time is the result; the build's lines are progress."""
    engine.api.have("kit/base:bookworm")
    assert run(["images", "build"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("kit/loadgen:cpu-source  sha256:")
    assert "from source" in shown.out
    assert "Step 1/1 : FROM x" in shown.err
    assert run(["images", "build", "-q"]) == 0
    assert capsys.readouterr().err == ""


def test_build_takes_a_runtime_and_the_targets_by_name(engine: ScriptedImages) -> None:
    """Without a registry everything is built from source; a wish is a wish."""
    engine.api.have("kit/base:trixie")
    assert run(["images", "build", "llamacpp/cpu", "llamacpp/vulkan", "--no-cache", "-q"]) == 0
    assert [asked["tag"] for asked in engine.api.builds] == [
        "kit/llamacpp:cpu-source",
        "kit/llamacpp:vulkan-source",
    ]
    assert all(asked["nocache"] for asked in engine.api.builds)
    assert run(["images", "build", "ollama/cuda", "--from-source"]) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["build", "lamacpp"], 2, "Did you mean"),
        (["build", "llamacpp/cpu", "--official", "-q"], 5, "its registry does not give it"),
        (["build", "-q"], 5, "kit images base bookworm"),
        (["base", "sid", "-q"], 2, "bookworm, trixie"),
        (["lock", "-o", "/proc/nowhere/x"], 2, "cannot be written"),
    ],
)
@pytest.mark.usefixtures("engine")
def test_what_cannot_be_done_has_a_code_and_a_remedy(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    """Nothing is built, and the way out is named."""
    assert run(["images", *arguments]) == code
    assert words in capsys.readouterr().err


def test_a_name_is_checked_before_the_engine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Docker a typing error is still told as one."""
    monkeypatch.setattr("kit.engines.connect", lambda: pytest.fail("asked"))
    assert run(["images", "build", "vlm"]) == 2


def test_list_says_what_is_here_and_what_is_stale(
    engine: ScriptedImages, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a table, and as JSON for programs."""
    current = recipe_sha256(recipe("llamacpp", "cpu", "source"))
    engine.api.have("kit/llamacpp:cpu-source", **{"org.kit.runtime": "llamacpp", "org.kit.recipe": current})
    engine.api.have("kit/loadgen:cpu-source", **{"org.kit.runtime": "loadgen", "org.kit.recipe": "old"})
    assert run(["images", "list"]) == 0
    table = capsys.readouterr().out
    assert "kit/loadgen:cpu-source                 5 B  outdated (recipe changed)" in table
    assert "untested" in next(line for line in table.splitlines() if "realizar:cuda" in line)
    assert run(["images", "list", "--json"]) == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["images"]
    states = {row["image"]: (row["here"], row["stale"]) for row in rows}
    assert states["kit/llamacpp:cpu-source"] == (True, False)
    assert states["kit/loadgen:cpu-source"] == (True, True)
    assert states["kit/vllm:cpu-source"] == (False, False)


def test_lock_writes_what_was_found(
    engine: ScriptedImages, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """To a file or to standard output, the same document."""
    engine.api.have("kit/loadgen:cpu-source", **{"org.kit.runtime": "loadgen"})
    assert run(["images", "lock", "-o", str(tmp_path / "lock.json")]) == 0
    assert "1 images, 0 bases" in capsys.readouterr().out
    assert run(["images", "lock"]) == 0
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "lock.json").read_text()
    assert json.loads(printed)["images"][0]["tag"] == "kit/loadgen:cpu-source"
