"""What the engine is asked for where nobody is trusted."""

from __future__ import annotations

from typing import Any, cast

import docker
import pytest

from kit.engines.conversation import Confined
from kit.engines.docker.confined import _config, confined
from kit.errors import EngineError

PROGRAM = Confined("sha256:im", ("-c", "pass"), {"PYTHONHASHSEED": "0"}, 300 << 20)


def test_a_confined_program_has_nothing() -> None:
    """No network, nothing to write, no rights, no process beside its own, few of anything; no log is kept."""
    config = _config(PROGRAM, "run", cpus=True)
    assert (config["Entrypoint"], config["Cmd"], config["User"]) == (["python3"], ["-c", "pass"], "64017:64017")
    assert (config["OpenStdin"], config["StdinOnce"]) == (True, True)
    wanted = {
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "CapAdd": [],
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "Init": False,
        "IpcMode": "none",
        "Mounts": [],
        "Tmpfs": {},
        "Devices": [],
        "GroupAdd": [],
        "Memory": 300 << 20,
        "MemorySwap": 300 << 20,
        "PidsLimit": 32,
        "NanoCpus": 1_000_000_000,
        "LogConfig": {"Type": "none"},
    }
    assert {key: config["HostConfig"].get(key) for key in wanted} == wanted
    assert "NanoCpus" not in _config(PROGRAM, "run", cpus=False)["HostConfig"]


@pytest.mark.parametrize("lacks", ["MemoryLimit", "PidsLimit"])
def test_an_engine_that_cannot_limit_runs_no_program(lacks: str) -> None:
    class Engine:
        def info(self) -> dict[str, Any]:
            return {"MemoryLimit": True, "PidsLimit": True, lacks: False}

    asked = confined(cast(docker.DockerClient, Engine()), "run", PROGRAM)
    with pytest.raises(EngineError, match="programs of a model are not run on it"), asked:
        pass
