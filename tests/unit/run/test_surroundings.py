"""What is looked for where nobody wrote a platform: an engine and programs; and what the doctor says of these."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from kit.documents import Entry, Gpu
from kit.errors import EngineError
from kit.machine.here import describe_host
from kit.plan.platforms import load_platform
from kit.run.around import surroundings
from kit.run.around.surroundings import look_around
from kit.run.doctor import examine

NVIDIA = Gpu("NVIDIA L4", cuda="12.4")


def refusing(_: str) -> None:
    raise EngineError("No Docker Engine answers.")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with an Ollama that runs and an apr that does not."""
    for name, text in (("ollama", "echo ollama version is 0.18.3"), ("apr", "exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_without_an_engine_programs_are_looked_for(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not run is not there, and why is kept."""
    monkeypatch.setattr(surroundings, "connect", refusing)
    found = look_around()
    assert (found.engine, found.no_engine) == (False, "No Docker Engine answers.")
    assert found.programs == {"ollama": "0.18.3"}
    assert "does not run" in found.broken["apr"]
    assert (place / "apr").is_file()


def test_an_engine_that_nobody_wants_is_not_asked(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--engine process`."""
    monkeypatch.setattr(surroundings, "connect", lambda _: pytest.fail("it was asked"))
    found = look_around(containers=False)
    assert not found.engine
    assert list(found.programs) == ["ollama"]
    assert place.is_dir()


@pytest.mark.parametrize("words", ["", "The engine has no way for NVIDIA GPUs."])
def test_with_an_engine_it_is_asked_for_its_way_to_the_gpu(
    words: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no program of the PATH is started."""
    asked: list[Entry] = []

    def preflight(_: object, entries: Iterable[Entry]) -> None:
        asked.extend(entries)
        if words:
            raise EngineError(words)

    monkeypatch.setattr(surroundings, "connect", lambda _: nullcontext(object()))
    monkeypatch.setattr(surroundings, "preflight", preflight)
    monkeypatch.setattr(surroundings, "describe_host", lambda: replace(describe_host(), gpus=(NVIDIA,)))
    found = look_around()
    assert (found.engine, found.no_gpu_in_containers) == (True, words)
    assert [entry.variant for entry in asked] == ["cuda"]
    assert found.programs == {}
    assert place.is_dir()


@pytest.mark.parametrize(
    ("runtime", "state", "words"),
    [
        ("ollama", "ok", "on the PATH, version 0.18.3"),
        ("realizar", "fail", "does not run"),
        ("llamacpp", "fail", "is not on the PATH"),
    ],
)
def test_the_doctor_looks_for_the_programs_of_a_platform(
    place: Path, runtime: str, state: str, words: str
) -> None:
    """With what to do if one is missing."""
    demo = load_platform("demo")
    entry = replace(demo.entries[0], runtime=runtime, variant="program", settings={})
    (found,) = [each for each in examine(replace(demo, entries=(entry,))) if each.what.startswith("program ")]
    assert found.state == state
    assert words in found.words
    assert (state == "ok") or found.remedy
    assert place.is_dir()
