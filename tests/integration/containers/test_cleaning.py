"""After kill -9 of a kit: what it left is told, found by its label, and removed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import docker
import pytest

from kit.engines.docker.cleaning import clean
from kit.engines.docker.client import RUN_LABEL
from kit.engines.docker.containers import container, network, new_name, remove_volume, volume
from kit.engines.docker.lock import BIRTH_LABEL, birth, holder, only_kit
from kit.engines.docker.volumes import MODEL_LABEL
from kit.engines.protocol import Removed
from kit.errors import EngineError
from tests.integration.containers.servers import leftovers

pytestmark = pytest.mark.integration

KIT = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from tests.integration.containers.servers import ANSWERING, python_server
from kit.engines.docker.client import connect
from kit.engines.docker.engine import DockerEngine
from kit.engines.docker.lock import only_kit
run, image, lock = sys.argv[1:4]
client = connect()
with only_kit(client, run, image, lock):
    engine = DockerEngine(client, run, image)
    with engine.server(python_server(image, ANSWERING), Path(sys.argv[5])):
        print("up", flush=True)
        time.sleep(600)
"""


def test_what_a_killed_kit_has_left_is_removed(
    client: docker.DockerClient, loadgen_image: str, run: str, tmp_path: Path
) -> None:
    """Its lock says that it is dead; its containers, network and volumes go, those of others stay."""
    lock = f"kit-lock-{run}"
    arguments = [run, loadgen_image, lock, str(Path(__file__).parents[3]), str(tmp_path / "log")]
    with subprocess.Popen([sys.executable, "-c", KIT, *arguments], stdout=subprocess.PIPE, text=True) as kit:
        assert kit.stdout is not None
        assert kit.stdout.readline() == "up\n"
        kit.kill()
    assert len(leftovers(client, run)) == 4  # lock, server, attendant, network
    client.api.create_volume(name=f"cache-{run}", labels={RUN_LABEL: run})
    found = holder(client, lock)
    assert found is not None
    assert found.dead
    with (
        pytest.raises(EngineError, match=f"process {kit.pid} .*left objects on this engine.*kit clean"),
        only_kit(client, run, loadgen_image, lock),
    ):
        pass
    with network(client, {RUN_LABEL: f"{run}-other"}):
        assert clean(client, run) == Removed(3, 1, 1)
        assert leftovers(client, run) == []
        assert len(leftovers(client, f"{run}-other")) == 1
    assert clean(client, run) == Removed(0, 0, 0)
    with only_kit(client, run, loadgen_image, lock):
        pass


def test_models_stay_unless_they_are_named(client: docker.DockerClient, run: str) -> None:
    """They took long to come and belong to no run."""
    name = f"model-of-{run}"
    client.api.create_volume(name=name, labels={MODEL_LABEL: "0" * 64})
    try:
        assert clean(client, run) == Removed(0, 0, 0)
        assert client.api.inspect_volume(name)["Name"] == name
    finally:
        remove_volume(client, name)


def test_what_is_in_use_is_told_and_keeps_nothing_else(
    client: docker.DockerClient, loadgen_image: str, run: str
) -> None:
    """A volume in a container of somebody else."""
    mount = {"Type": "volume", "Source": f"used-{run}", "Target": "/x"}
    with volume(client, f"used-{run}", {RUN_LABEL: run}), volume(client, f"free-{run}", {RUN_LABEL: run}):
        config = {"Image": loadgen_image, "HostConfig": {"Mounts": [mount]}}
        with container(client, config, new_name("other")):
            removed = clean(client, run)
    assert removed.volumes == 1
    assert len(removed.problems) == 1
    assert f"used-{run}" in removed.problems[0]


def test_nobody_alive_is_called_dead(client: docker.DockerClient, loadgen_image: str, run: str) -> None:
    """Our own process, and a lock whose labels say nothing."""
    with only_kit(client, run, loadgen_image, f"kit-lock-{run}"):
        found = holder(client, f"kit-lock-{run}")
        assert found is not None
        assert found.pid == str(os.getpid())
        assert not found.dead


def test_a_number_that_somebody_else_has_now_is_a_dead_kits(
    client: docker.DockerClient, loadgen_image: str, run: str
) -> None:
    """After a restart of the machine; the lock says when its process was born."""
    with only_kit(client, run, loadgen_image, f"kit-lock-{run}"):
        labels = client.api.inspect_container(f"kit-lock-{run}")["Config"]["Labels"]
    assert labels[BIRTH_LABEL] == birth(os.getpid()) != ""
    config = {"Image": loadgen_image, "Labels": {**labels, BIRTH_LABEL: "another-boot/7"}}
    with container(client, config, f"kit-lock-{run}"):
        found = holder(client, f"kit-lock-{run}")
        assert found is not None
        assert (found.pid, found.dead) == (str(os.getpid()), True)
