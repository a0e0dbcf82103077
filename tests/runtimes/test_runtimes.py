"""The runtimes that take long to compile, run for real: Ollama and realizar on CPUs, realizar on software Vulkan.

`make test-runtimes` starts this. The images are built if they are not here; KIT_BUILDS may name a folder with
programs that were compiled before.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import docker
import pytest

from kit.runtimes import RUNTIMES
from tests.integration.containers.images import built
from tests.integration.containers.test_flags import service
from tests.runtimes.conftest import IMAGES
from tests.support.running import AT_ONCE, kit

pytestmark = [pytest.mark.integration, pytest.mark.alone, pytest.mark.long(part=5)]

SHORT = (*AT_ONCE, "--from-source", "--yes", "--quiet", "--replicates", "1", "--no-calibrate")


def said(client: docker.DockerClient, image: str, *words: str) -> str:
    """What the program of an image prints, without a network."""
    output = client.containers.run(image, list(words), network_mode="none", remove=True, stderr=True)
    return bytes(output).decode("utf-8", "replace")


def cells_of(run: Path) -> dict[str, dict[str, Any]]:
    found = [json.loads(path.read_bytes()) for path in run.glob("cells/*/cell.json")]
    return {str(cell["entry"]): cell for cell in found}


def records_of(run: Path, cell: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "cells" / cell / "records.jsonl").read_bytes().splitlines()]


def accepted(run: Path, bundle: Path) -> bool:
    made = kit("bundle", str(run), "-o", str(bundle))
    assert made.returncode == 0, made.stderr
    verdict = kit("verify", str(bundle), "--json")
    return verdict.returncode == 0 and json.loads(verdict.stdout)["label"] == "self-reported"


@pytest.mark.usefixtures("nothing_left")
def test_ollama_and_realizar_answer_are_loaded_and_counted(tmp_path: Path) -> None:
    """The same weights: right answers, settings as planned, tokens counted, a bundle that verifies."""
    run = tmp_path / "run"
    asked = ("--only", "ollama-default,ollama-tuned,realizar", "--concurrency", "2", "--window", "10")
    done = kit("reproduce", "cpu-four", *SHORT, *asked, "--out", str(run), timeout_s=1200)
    assert done.returncode == 0, done.stderr
    cells = cells_of(run)
    assert {name: cell["status"] for name, cell in cells.items()} == dict.fromkeys(
        ("ollama-default", "ollama-tuned", "realizar"), "measured"
    )
    versions = {name: cell["server"]["version"] for name, cell in cells.items()}
    assert versions == {"ollama-default": "0.18.3", "ollama-tuned": "0.18.3", "realizar": "0.72.3"}
    assert {cell["server"]["device"] for cell in cells.values()} == {"cpu"}
    assert cells["realizar"]["server"]["reported"] == {"context_tokens": 640}
    for name in cells:
        answered = [each for each in records_of(run, f"r1-c2-{name}") if each["outcome"] == "ok"]
        assert answered, name
        assert {each["token_source"] for each in answered} == {"usage"}
    for each in (each for each in records_of(run, "r1-c2-realizar") if each["outcome"] == "ok"):
        assert each["completion_tokens"] == each["max_tokens"]  # its finish reason is "stop" now and then even so
    assert accepted(run, tmp_path / "bundle.tar.gz")


@pytest.mark.usefixtures("nothing_left")
def test_realizar_on_wgpu_streams_from_software_vulkan(tmp_path: Path) -> None:
    """The device gate says llvmpipe; tokens are counted as they were asked for; the bundle verifies."""
    run = tmp_path / "run"
    done = kit("reproduce", "lavapipe-wgpu", *SHORT, "--window", "30", "--out", str(run), timeout_s=900)
    assert done.returncode == 0, done.stderr
    (cell,) = cells_of(run).values()
    assert cell["server"]["device"].startswith("llvmpipe")
    answered = [each for each in records_of(run, "r1-c1-realizar") if each["outcome"] == "ok"]
    assert answered
    for each in answered:
        assert each["completion_tokens"] == each["max_tokens"]
        assert len(each["chunks"]) == each["completion_tokens"]
    assert accepted(run, tmp_path / "bundle.tar.gz")


@pytest.mark.parametrize("variant", ["cpu", "vulkan", "lavapipe"])
def test_apr_knows_every_flag_of_its_compose_file(client: docker.DockerClient, variant: str) -> None:
    """Flags of `apr serve run`; and `apr devices` says what the device gate reads."""
    image = built(client, "realizar", "cpu" if variant == "cpu" else "vulkan")
    known = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", said(client, image, "serve", "run", "--help")))
    used = {part for part in service("realizar", variant, image).command if part.startswith("--")}
    assert used
    assert used <= known
    if variant != "cpu":
        assert "backend: wgpu" in said(client, image, "devices")
    assert said(client, image, "--version").startswith("apr 0.72.3")


def test_ollama_knows_every_variable_of_its_compose_file(client: docker.DockerClient) -> None:
    """`ollama serve --help` lists its variables, but for those that its sources read beside."""
    image = built(client, "ollama", "cpu")
    known = set(re.findall(r"OLLAMA_[A-Z_]+", said(client, image, "serve", "--help")))
    used = {name for name in service("ollama", "cpu", image).environment if name.startswith("OLLAMA_")}
    assert used - known <= {"OLLAMA_NO_CLOUD", "OLLAMA_VULKAN"}
    assert {"OLLAMA_NUM_PARALLEL", "OLLAMA_CONTEXT_LENGTH"} <= known & used
    assert RUNTIMES["ollama"].READY_PATH == "/api/version"


def test_an_image_says_where_its_program_is_from(client: docker.DockerClient) -> None:
    """Compiled in this build, kept from one, or ready-made; the hash where it was not compiled now."""
    for runtime, variant in IMAGES[2:]:
        labels = client.images.get(built(client, runtime, variant)).labels
        assert json.loads(labels["org.kit.inputs"])
        origin = labels.get("org.kit.program_origin")
        assert origin in (None, "compiled", "ready-made")
        assert (origin is None) == ("org.kit.program" not in labels)
