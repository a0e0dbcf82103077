"""Every command line of every help text and every page runs, but for those that are marked with what they need.

Each page and each help text gets its own copy of one prepared folder (tests/support/stage.py), with a real run,
bundles, keys, a model and two real servers.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from kit.catalogue import model
from kit.engines.process import ProcessEngine
from kit.runtimes import llamacpp
from kit.runtimes.programs import PROGRAM
from kit.supply.download import fetch
from tests.support.examples import Example, help_examples, page_examples
from tests.support.llama_server import install
from tests.support.serving import serving
from tests.support.stage import MAY_SAY_NO, MODEL, SHORTER, Stage, build

pytestmark = [pytest.mark.integration, pytest.mark.alone]

FOLLOWED = "docs/adding-a-runtime.md"  # by a test of its own, literally: test_adding_a_runtime


def by_place(examples: list[Example]) -> list[tuple[str, list[str]]]:
    """The commands that run here, by the place where they stand; a load that is the same here runs once."""
    seen: set[str] = set()
    stage, places = Stage(Path(), ("one", "other")), []
    for where, group in groupby(examples, key=lambda example: example.where):
        if where == FOLLOWED:
            continue
        commands: list[str] = []
        for each in group:
            here, measures = stage.words(each.command), each.command.split()[1] in SHORTER
            if each.needs is None and each.command not in commands and not (measures and here in seen):
                commands.append(each.command)
                seen.add(here)
        if commands:
            places.append((where, commands))
    return places


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The folder, and two `llama-server` that somebody else started."""
    folder = tmp_path_factory.mktemp("examples")
    engine, weights = ProcessEngine(), fetch(model(MODEL))
    settings = llamacpp.explicit(PROGRAM, {"slots": 4, "threads": 1}, 1)
    ports = (engine.free_port(), engine.free_port())
    specs = [llamacpp.server("mine", PROGRAM, settings, str(weights), port) for port in ports]
    program = str(install(folder))
    with (
        serving([program, *specs[0].command[1:]], ports[0], specs[0].ready_path, folder / "0.log"),
        serving([program, *specs[1].command[1:]], ports[1], specs[1].ready_path, folder / "1.log"),
    ):
        first, second = (f"http://127.0.0.1:{port}" for port in ports)
        yield build(folder / "stage", (first, second))


PLACES = by_place([*help_examples(), *page_examples()])


@pytest.mark.parametrize(("where", "commands"), PLACES, ids=lambda value: value if isinstance(value, str) else "")
def test_the_commands_run(stage: Stage, where: str, commands: list[str], tmp_path: Path) -> None:
    """In their order, in one folder; what judges may say no."""
    here = stage.fresh(tmp_path / "here")
    wrong = []
    for command in commands:
        done = here.run(command)
        name = command.split()[1]
        said_no = done.returncode == 1 and name in MAY_SAY_NO and "Error:" not in done.stderr
        if done.returncode and not said_no:
            said = f"{done.stdout[-600:]}\n{done.stderr[-600:]}"
            wrong.append(f"{command}\n  as: {here.words(command)}\n  exit code {done.returncode}: {said}")
    assert not wrong, f"{where}\n" + "\n".join(wrong)
