"""Whole runs in containers with real engines: llama.cpp and vLLM on the CPU, llama.cpp on software Vulkan."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from kit.catalogue import model
from kit.engines.docker.client import RUN_LABEL
from kit.engines.docker.engine import DockerEngine
from kit.engines.docker.images import DockerImages
from kit.engines.docker.volumes import model_volume
from kit.errors import WrongDeviceError
from kit.plan.platforms import load_platform
from kit.probe import probe_of
from kit.run.gates import device_of
from kit.runtimes import RUNTIMES
from kit.runtimes.launch import entry_container
from kit.runtimes.protocol import ServedModel, container_server
from kit.supply.download import fetch
from tests.integration.containers.cuttable import way_to_the_engine
from tests.integration.containers.images import built
from tests.support.running import AT_ONCE, kit, smol_on_one_thread, start_kit, wait_until

pytestmark = pytest.mark.integration

SHORT = (*AT_ONCE, "--from-source", "--yes", "--quiet", "--replicates", "1")


def of_the_kit(client: docker.DockerClient) -> list[str]:
    """Containers, networks and volumes of any run; images and model volumes are caches (docs/engine.md)."""
    api: Any = client.api
    filters = {"label": RUN_LABEL}
    found = [row["Names"][0] for row in api.containers(all=True, filters=filters)]
    found += [row["Name"] for row in api.networks(filters=filters)]
    return found + [row["Name"] for row in api.volumes(filters=filters)["Volumes"] or ()]


@pytest.fixture
def nothing_left(client: docker.DockerClient) -> Iterator[None]:
    before = of_the_kit(client)
    assert before == [], "this engine has something of a kit that was killed, or of one that runs: kit clean"
    yield
    assert of_the_kit(client) == []


@pytest.fixture(scope="module")
def images(client: docker.DockerClient) -> None:
    for runtime, variant in (("loadgen", "cpu"), ("llamacpp", "cpu"), ("llamacpp", "vulkan"), ("vllm", "cpu")):
        built(client, runtime, variant)


@pytest.mark.alone
@pytest.mark.long(part=1)
@pytest.mark.usefixtures("images", "nothing_left")
def test_smol_compares_two_real_engines_on_the_same_weights(tmp_path: Path) -> None:
    """One command; its bundle is accepted by the verifier, and nothing stays on the engine."""
    run, bundle = tmp_path / "run", tmp_path / "smol.tar.gz"
    done = kit(
        "reproduce", "smol", *SHORT, "--concurrency", "2", "--window", "4", "--out", str(run), timeout_s=1200
    )
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith(("| llamacpp", "| vllm"))]
    assert {row.split()[1] for row in rows} == {"llamacpp", "vllm"}
    cells = [json.loads(path.read_bytes()) for path in run.glob("cells/*/cell.json")]
    assert [cell["status"] for cell in cells] == ["measured", "measured"]
    host = json.loads((run / "host.json").read_bytes())
    assert (host["engine"]["kernel"], "client" in host) == (host["kernel"], False)
    servers = {cell["entry"]: cell["server"] for cell in cells}
    assert {server["device"] for server in servers.values()} == {"cpu"}
    for server in servers.values():
        facts = server["container"]
        assert facts["image_id"].startswith("sha256:")
        assert facts["labels"]["org.kit.target"] == "source"
        assert json.loads(facts["labels"]["org.kit.inputs"])
        assert (facts["oom_killed"], facts["finished_utc"] is None) == (False, False)
    plan = json.loads((run / "plan.json").read_bytes())
    limits = {server["container"].get("memory_bytes") for server in servers.values()}
    assert limits == {plan.get("server_memory_bytes")}
    made = next(weights for weights in plan["models"] if weights["name"] == "smollm2-135m-instruct-bf16")
    assert made["made_from"] == plan["model"]["name"]
    assert servers["vllm"]["model_sha256"] == made["sha256"]
    assert kit("bundle", str(run), "-o", str(bundle)).returncode == 0
    verdict = kit("verify", str(bundle), "--json")
    assert verdict.returncode == 0, verdict.stdout
    # On two cores the servers' threads may keep the load generator waiting, and then it says so itself; that one
    # window was shorter than the platform's is said, too.
    said = {finding["rule"] for finding in json.loads(verdict.stdout)["findings"]}
    assert (
        {"plan.options", "plan.platform"}
        <= said
        <= {"load.lag", "calibration.range", "plan.options", "plan.platform"}
    )


@pytest.mark.alone
@pytest.mark.long(part=1)
@pytest.mark.usefixtures("images", "nothing_left")
def test_lavapipe_runs_on_software_vulkan_and_the_gate_says_so(tmp_path: Path) -> None:
    """llvmpipe, and every layer on it; an answer takes longer than the window, and the cell says that as well."""
    run = tmp_path / "run"
    asked = ("--no-calibrate", "--window", "1", "--warmup", "0.5", "--out", str(run))
    done = kit("reproduce", "lavapipe", *SHORT, *asked, timeout_s=900)
    cell = json.loads((run / "cells/r1-c1-llamacpp/cell.json").read_bytes())
    quick = cell["status"] == "measured"  # a machine of many cores
    assert quick or cell["failure"]["kind"] == "EmptyWindow", cell["failure"]
    assert done.returncode == (0 if quick else 8), done.stderr
    assert quick or "kit reproduce PLATFORM --window " in done.stderr
    assert cell["server"]["device"].startswith("llvmpipe")


@pytest.mark.usefixtures("images", "nothing_left")
def test_with_the_vulkan_device_hidden_the_gate_stops_the_server(
    client: docker.DockerClient, tmp_path: Path
) -> None:
    """A server that would be content on the CPU: no device is named to it, and the only one is hidden."""
    platform = load_platform("lavapipe")
    entry = platform.entries[0]
    runtime = RUNTIMES[entry.runtime]
    entry = replace(entry, settings=runtime.explicit(entry.variant, entry.settings, 2))
    weights = model(platform.model)
    assert weights.sha256 is not None
    loadgen = built(client, "loadgen", "cpu")
    volume = model_volume(client, "hidden", loadgen, weights.sha256, fetch(weights), weights.file)
    served = ServedModel(weights.name, weights.file, weights.sha256, volume)
    spec = entry_container(entry, served, built(client, "llamacpp", "vulkan"))
    at = spec.command.index("--device")
    hidden = replace(
        spec,
        command=(*spec.command[:at], *spec.command[at + 2 :]),
        environment={**spec.environment, "VK_DRIVER_FILES": "/nowhere.json"},
    )
    server = container_server("hidden", runtime, entry.variant, hidden)
    engine = DockerEngine(client, "hidden", loadgen)
    with engine.server(server, tmp_path / "log") as running:
        probe = probe_of(running)
        probe.wait_ready(server.ready_path, server.start_budget_s)
        with pytest.raises(WrongDeviceError, match="lists no Vulkan device"):
            device_of(entry, running, probe)


@pytest.mark.usefixtures("nothing_left")
def test_yoga_stops_before_anything_is_pulled_or_built(client: docker.DockerClient, tmp_path: Path) -> None:
    """This engine has no way for an NVIDIA GPU: exit code 5, and what to install."""
    api: Any = client.api
    before = {image["Id"] for image in api.images(all=True)}
    done = kit("reproduce", "yoga", "--yes", "--out", str(tmp_path / "run"), timeout_s=120)
    assert done.returncode == 5
    assert "Containers cannot access an NVIDIA GPU" in done.stderr
    assert "nvidia-container-toolkit" in done.stderr
    assert {image["Id"] for image in api.images(all=True)} - before <= {_scratch(client)}
    assert not (tmp_path / "run").exists()


def _scratch(client: docker.DockerClient) -> str:
    store = DockerImages(client)
    facts = store.facts(store.scratch())
    assert facts is not None
    return facts.image_id


@pytest.mark.usefixtures("images", "nothing_left")
def test_a_killed_run_is_cleaned_up_and_goes_on(client: docker.DockerClient, tmp_path: Path) -> None:
    """kill -9 in the second cell: `kit clean` removes what is left, `--resume` measures only what is missing."""
    run = tmp_path / "run"
    asked = ("--only", "llamacpp", "--no-calibrate", "--window", "3", "--warmup", "0.5", "--concurrency", "1,2")
    smol = smol_on_one_thread(tmp_path)
    with start_kit("reproduce", smol, *SHORT, *asked, "--out", str(run)) as process:
        wait_until(lambda: (run / "cells/r1-c2-llamacpp/load.json").exists(), "the second load", 300)
        process.send_signal(signal.SIGKILL)
    assert of_the_kit(client)
    second = kit("reproduce", smol, *SHORT, *asked, "--out", str(tmp_path / "other"))
    assert second.returncode == 5
    assert "kit clean" in second.stderr
    cleaned = kit("clean")
    assert cleaned.returncode == 0, cleaned.stderr
    assert of_the_kit(client) == []
    first = (run / "cells/r1-c1-llamacpp/cell.json").read_bytes()
    done = kit("reproduce", "--resume", str(run), "--from-source", "--yes", "--quiet")
    assert done.returncode == 0, done.stderr
    assert (run / "cells/r1-c1-llamacpp/cell.json").read_bytes() == first
    assert json.loads((run / "result.json").read_bytes())["complete"]


@pytest.mark.usefixtures("images", "nothing_left")
def test_ctrl_c_in_the_load_leaves_nothing_on_the_engine(tmp_path: Path) -> None:
    """Exit code 130 and a readable run folder."""
    run = tmp_path / "run"
    smol = smol_on_one_thread(tmp_path)
    with start_kit(
        "reproduce", smol, *SHORT, "--only", "llamacpp", "--no-calibrate", "--window", "30", "--out", str(run)
    ) as process:
        wait_until(lambda: (run / "cells/r1-c1-llamacpp/load.json").exists(), "the first load", 300)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert json.loads((run / "result.json").read_bytes())["complete"] is False


@pytest.mark.usefixtures("images", "nothing_left")
def test_a_server_by_hand_is_tested_loaded_and_removed() -> None:
    """`kit up`, `kit test`, `kit load`, `kit down`: the same steps one by one."""
    up = kit("up", "smol", "llamacpp", "--port", "18080", "--from-source", "--quiet")
    url = "http://127.0.0.1:18080"
    try:
        assert up.returncode == 0, up.stderr
        assert url in up.stdout
        wait_until(
            lambda: kit("test", "--url", url, "--level", "tiny", "--quiet").returncode == 0, "right answers", 120
        )
    finally:
        down = kit("down")
    assert down.returncode == 0
    assert "Removed 1 servers" in down.stdout


@pytest.mark.usefixtures("images", "nothing_left")
def test_an_engine_that_goes_away_in_the_load_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, no traceback, a readable run folder; `kit clean` removes what the kit could not reach any more."""
    run = tmp_path / "run"
    with way_to_the_engine(tmp_path / "engine.sock") as way, monkeypatch.context() as patch:
        patch.setenv("DOCKER_HOST", f"unix://{way.path}")
        asked = ("--only", "llamacpp", "--no-calibrate", "--window", "30", "--concurrency", "1", "--out", str(run))
        with start_kit("reproduce", "smol", *SHORT, *asked) as process:
            wait_until(lambda: (run / "cells/r1-c1-llamacpp/load.json").exists(), "the first load", 300)
            time.sleep(1)
            way.cut()
            _, errors = process.communicate(timeout=120)
    assert process.returncode in (5, 8), errors
    assert "Traceback" not in errors
    assert "engine" in errors.lower()
    cell = json.loads((run / "cells/r1-c1-llamacpp/cell.json").read_bytes())
    assert (cell["status"], cell["failure"]["kind"]) == ("failed", "EngineError")
    assert json.loads((run / "result.json").read_bytes())["cells"][0]["status"] == "failed"
    assert kit("clean").returncode == 0


def test_without_an_engine_one_line_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 5, and no run folder."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nowhere.sock")
    done = kit("reproduce", "smol", "--yes", "--quiet", "--out", str(tmp_path / "run"))
    assert done.returncode == 5
    assert "No Docker Engine answers" in done.stderr
    assert "No such file or directory" in done.stderr
    assert "DOCKER_HOST" in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert not (tmp_path / "run").exists()
