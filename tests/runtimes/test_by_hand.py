"""Servers that a person started, asked as a person would: Ollama, realizar, and `transformers serve`."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from kit.catalogue import model
from kit.engines.docker.client import RUN_LABEL
from kit.engines.process import HOST, ProcessEngine
from kit.supply.weights import weights_path
from tests.integration.containers.images import built
from tests.support.measured import (
    LIMIT,
    Served,
    examined,
    require_right_load,
    require_right_sweep,
    require_right_test,
)
from tests.support.running import kit, wait_until
from tests.support.serving import answers

pytestmark = [pytest.mark.integration, pytest.mark.alone, pytest.mark.long(part=5)]

WEIGHTS = "smollm2-135m-instruct-q8_0"  # of cpu-four
FOLDER = "smollm2-135m-instruct-bf16"
PORT = 8000


@contextlib.contextmanager
def standing(entry: str) -> Iterator[str]:
    """The URL of `kit up cpu-four ENTRY`, until `kit down`."""
    port = ProcessEngine().free_port()
    up = kit("up", "cpu-four", entry, "--port", str(port), "--from-source", "--quiet")
    try:
        assert up.returncode == 0, up.stderr
        wait_until(lambda: answers(port, "/v1/models"), f"{entry} lists its model")
        yield f"http://{HOST}:{port}"
    finally:
        down = kit("down")
    assert down.returncode == 0, down.stderr


@pytest.mark.usefixtures("nothing_left")
def test_ollama_is_right_in_load_sweep_and_test(tmp_path: Path) -> None:
    """`kit up` gives it its model, which its list names; it cannot be kept from ending early."""
    with standing("ollama-tuned") as url:
        name = f"{WEIGHTS}:latest"
        served = Served(url, name, name, ends_early=True, reasons=frozenset({"length", "stop"}))
        require_right_load(served, tmp_path / "load")
        require_right_sweep(served, tmp_path / "sweep")
        require_right_test(served)
        refused = kit("load", url, "--model", "nobody", "--requests", "2", "--out", str(tmp_path / "refused"))
    assert refused.returncode == 8
    assert "404" in refused.stdout
    assert "model 'nobody' not found" in refused.stdout


@pytest.mark.usefixtures("nothing_left")
def test_apr_is_right_in_load_and_sweep_and_its_answers_are_judged(tmp_path: Path) -> None:
    """Tokens to the limit, whatever finish reason it gives; a prompt's last "?" is no token of its own for it."""
    with standing("realizar") as url:
        served = Served(url, "default", "default", reasons=frozenset({"length", "stop"}))
        require_right_load(served, tmp_path / "load")
        require_right_sweep(served, tmp_path / "sweep")
        code, verdict = examined(served)
    assert code == int(verdict["wrong"] > 0)
    assert verdict["right"] > 0


def with_architecture(source: Path, target: Path) -> Path:
    """A copy of a folder of weights that names its architecture, which `transformers serve` reads.

    The kit's own conversion leaves it out, and stays so: results that were published pin the hash of its bytes.
    """
    shutil.copytree(source, target)
    config = json.loads((target / "config.json").read_bytes())
    (target / "config.json").write_text(json.dumps({**config, "architectures": ["LlamaForCausalLM"]}))
    target.chmod(0o755)
    for file in target.iterdir():
        file.chmod(0o644)
    return target


@pytest.fixture(scope="module")
def transformers_serve(client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`transformers serve /smol`, which every user of Hugging Face has."""
    prepared = kit("models", "prepare", FOLDER, "--from-source", "--quiet", timeout_s=1800)
    assert prepared.returncode == 0, prepared.stderr
    folder = with_architecture(weights_path(model(FOLDER)), tmp_path_factory.mktemp("serve") / "smol")
    port = ProcessEngine().free_port()
    where: dict[str, Any] = {
        "entrypoint": "/opt/vllm/bin/transformers",
        "environment": {"HF_HUB_OFFLINE": "1"},
        "labels": {RUN_LABEL: "test-by-hand"},
        "ports": {f"{PORT}/tcp": (HOST, port)},
        "volumes": {str(folder): {"bind": "/smol", "mode": "ro"}},
    }
    options = ["--host", "0.0.0.0", "--port", str(PORT), "--device", "cpu", "--dtype", "bfloat16"]
    container = client.containers.run(
        built(client, "vllm", "cpu"), ["serve", "/smol", *options], detach=True, **where
    )
    try:
        wait_until(lambda: answers(port, "/health"), "transformers serve is up", 180)
        yield f"http://{HOST}:{port}"
    finally:
        container.remove(force=True)


def test_transformers_serve_is_right_in_load_sweep_and_test(transformers_serve: str, tmp_path: Path) -> None:
    """It never sends [DONE], and the cell says so; it calls the model by another name than was asked for."""
    served = Served(
        *(transformers_serve, "/smol", "/smol@main"),
        words=("--model", "/smol"),
        ends_early=True,
        reasons=frozenset({"length", "stop"}),
        dialect=("no-done",),
    )
    require_right_load(served, tmp_path / "load")
    cell = json.loads((tmp_path / "load" / "cell.json").read_bytes())
    assert cell["metrics"]["dialects"] == {"no-done": cell["metrics"]["requests"]["ok"]}
    assert cell["metrics"]["tokens"]["completion_max"] == LIMIT
    require_right_sweep(served, tmp_path / "sweep")
    require_right_test(served)


def test_a_list_of_models_that_fails_is_told_before_the_load(transformers_serve: str, tmp_path: Path) -> None:
    """Without a hub its list is a 500: nothing is asked by a made-up name."""
    done = kit("load", transformers_serve, "--requests", "2", "--out", str(tmp_path / "load"))
    assert done.returncode == 2
    assert "500" in done.stderr
    assert "--model" in done.stderr
    assert not (tmp_path / "load").exists()
    asked = ("--level", "tiny", "--quiet")
    assert kit("test", transformers_serve, *asked).returncode == 2
