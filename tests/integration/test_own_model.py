"""kit run and kit init for real: a file that no catalogue knows, the embedded server, a program on the PATH."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from kit.catalogue import model
from kit.documents import Plan
from kit.plan.platforms import load_platform
from kit.storage.run_folder import read_plan
from kit.supply.download import fetch
from tests.support.llama_server import install
from tests.support.running import AT_ONCE, kit

pytestmark = [pytest.mark.integration, pytest.mark.alone]

NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
SHORT = (*AT_ONCE, "--no-calibrate", "--yes", "--users", "2", "--budget", "55s")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2 in a file of another name and another hash: what stands behind the tensors is read by nobody."""
    path = tmp_path_factory.mktemp("models") / "Some Model.gguf"
    shutil.copyfile(fetch(model("smollm2-135m-instruct-q4_1")), path)
    with path.open("ab") as file:
        file.write(bytes(64))
    return path


def plan_of(run: Path) -> Plan:
    return read_plan(run)[0]


def commands_of(run: Path) -> dict[str, list[str]]:
    """What each entry's server was started with, as its cell tells."""
    cells = [json.loads(path.read_bytes()) for path in sorted(run.glob("cells/*/cell.json"))]
    return {cell["entry"]: cell["server"]["command"] for cell in cells}


def accepted(run: Path, folder: Path) -> str:
    """What verification says of the run's bundle, after accepting it."""
    bundle = folder / "own.tar.gz"
    packed = kit("bundle", str(run), "-o", str(bundle))
    assert packed.returncode == 0, packed.stderr
    judged = kit("verify", str(bundle))
    assert judged.returncode == 0, judged.stdout + judged.stderr
    return judged.stdout


def with_path(folder: Path) -> Mapping[str, str]:
    return {**NO_ENGINE, "PATH": f"{folder}:{os.environ['PATH']}"}


def test_a_file_that_no_catalogue_knows_is_measured_with_python_alone(weights: Path, tmp_path: Path) -> None:
    """Choices, a table, a recommendation and a bundle that others accept; the run folder has the platform."""
    run = tmp_path / "run"
    done = kit("run", str(weights), *SHORT, "--slo", "e2e=100s", "--out", str(run), environment=NO_ENGINE)
    assert done.returncode == 0, done.stderr
    assert "Engine: processes of this machine" in done.stderr
    assert "**Throughput" in done.stdout
    recommended = done.stdout.partition("Recommendation\n")[2].splitlines()
    assert "for 2 users" in recommended[1]
    assert recommended[2].startswith("Why: ")

    platform = load_platform(str(run / "platform.yaml"))
    assert [entry.name for entry in platform.entries] == ["llamacpp", "llamacpp-serial"]
    assert platform.sources["some-model"].file == str(weights)
    assert plan_of(run).model.catalogue is False
    said = accepted(run, tmp_path)
    assert "not of the catalogue" in said
    assert all(str(weights.parent) not in word for command in commands_of(run).values() for word in command)

    again = kit("reproduce", "--resume", str(run), "--yes", environment=NO_ENGINE)
    assert again.returncode == 0, again.stderr


@pytest.mark.long(part=2)
def test_limits_alone_find_how_many_users_a_file_is_for(weights: Path, tmp_path: Path) -> None:
    """No numbers of users, no platform: levels, windows and slots follow from the limits."""
    run = tmp_path / "run"
    limits = ("--slo", "e2e=100s", "--max-users", "2", "--budget", "80s")
    done = kit("run", str(weights), *limits, *AT_ONCE, "--yes", "--out", str(run), environment=NO_ENGINE)
    assert done.returncode == 0, done.stderr
    plan = plan_of(run)
    assert plan.search is not None
    assert [entry.settings["slots"] for entry in plan.entries] == [2, 1]
    answer = done.stdout.partition("Recommendation\n")[2]
    assert "within e2e 100,000 ms for 95.0 % of requests" in answer
    assert "levels chosen by kit-search-1" in answer
    assert "not of the catalogue" in accepted(run, tmp_path)


@pytest.mark.long(part=3)
def test_a_program_on_the_path_is_measured_beside_the_embedded_server(weights: Path, tmp_path: Path) -> None:
    """The plan has its hash and version, the cells its command, and nothing names a folder of this machine."""
    program = install(tmp_path / "programs")
    run = tmp_path / "run"
    options = (*SHORT, "--runtime", "llamacpp", "--out", str(run))
    done = kit("run", str(weights), *options, environment=with_path(program.parent))
    assert done.returncode == 0, done.stderr
    assert "llama-server 11549 (abcdef0) (on the PATH, CPU)" in done.stderr

    (pin,) = plan_of(run).programs
    assert (pin.name, pin.version) == ("llama-server", "11549 (abcdef0)")
    command = commands_of(run)["llama-server"]
    assert command[0] == "llama-server"
    assert str(tmp_path) not in " ".join(command)
    said = accepted(run, tmp_path)
    assert "llama-server is a program of the machine" in said

    (tmp_path / "programs" / "llama-server").write_text("#!/bin/sh\necho version 2\n", encoding="utf-8")
    changed = kit("reproduce", "--resume", str(run), "--yes", environment=with_path(program.parent))
    assert changed.returncode == 2
    assert "The program llama-server has sha256" in changed.stderr


def test_what_init_writes_is_what_run_measures(weights: Path, tmp_path: Path) -> None:
    """The plan of the file is that of the run folder's; a second file is not written over the first."""
    options = (str(weights), "--users", "1,2", "--budget", "5m", "-o", str(tmp_path / "own.yaml"))
    done = kit("init", *options, environment=NO_ENGINE)
    assert done.returncode == 0, done.stderr
    assert "Edit it, then: kit reproduce" in done.stdout
    planned = kit("plan", str(tmp_path / "own.yaml"), environment=NO_ENGINE)
    assert planned.returncode == 0, planned.stderr
    assert "concurrency 1,2" in planned.stdout
    assert "2 entries" in planned.stdout
    second = kit("init", *options, environment=NO_ENGINE)
    assert second.returncode == 2
    assert "exists" in second.stderr


def test_an_interrupted_or_impossible_run_leaves_no_folder_behind(tmp_path: Path) -> None:
    """What is no model is told before anything is made."""
    done = kit("run", str(tmp_path / "nothing.gguf"), cwd=tmp_path, environment=NO_ENGINE)
    assert done.returncode == 4, done.stderr
    assert "nothing.gguf" in done.stderr
    assert list(tmp_path.iterdir()) == []
