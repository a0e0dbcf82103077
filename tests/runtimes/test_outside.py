"""`transformers serve` as a runtime from outside, measured for real beside llama.cpp, on the same weights.

Its environment, which is not the kit's, is made once and kept in the kit's cache; KIT_WHEELHOUSE may hold the
wheel of PyTorch for CPUs. The folder of weights is the one that the kit converts for vLLM.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from kit.catalogue import model
from kit.supply.download import cache_folder
from kit.supply.weights import weights_path
from tests.support.running import AT_ONCE, kit
from tests.support.runtimes import FOLDER

pytestmark = [pytest.mark.integration, pytest.mark.alone, pytest.mark.long(part=5)]

WHEELS = ("torch==2.13.0", "transformers[serving]==5.19.0", "requests==2.34.2", "numpy==2.4.6")
WEIGHTS = "smollm2-135m-instruct-bf16"
CELLS = ("r1-c1-llamacpp", "r1-c1-transformers")


@pytest.fixture(scope="module")
def environment() -> Mapping[str, str]:
    """A PATH whose python3 has transformers; the first call on a machine installs a gigabyte."""
    made_of = f"{sys.implementation.cache_tag} {sys.executable} {WHEELS}".encode()
    folder = cache_folder() / "test-transformers" / sha256(made_of).hexdigest()[:16]
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, symlinks=True)
        wheelhouse = os.environ.get("KIT_WHEELHOUSE")
        links = ["--find-links", wheelhouse] if wheelhouse else []
        pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
        subprocess.run([*pip, "--disable-pip-version-check", "--no-compile", *links, *WHEELS], check=True)
        (folder / "complete").touch()
    return {"PATH": os.pathsep.join((str(folder / "bin"), os.environ["PATH"]))}


@pytest.fixture(scope="module")
def weights() -> Path:
    """Converted in vLLM's image where they are not here yet."""
    place = weights_path(model(WEIGHTS))
    if not place.is_dir():
        prepared = kit("models", "prepare", WEIGHTS, "--from-source", "--quiet", timeout_s=1800)
        assert prepared.returncode == 0, prepared.stderr
    return place


def test_its_server_keeps_the_contract(environment: Mapping[str, str], weights: Path) -> None:
    """Started on real weights and asked at every page."""
    done = kit("runtimes", "check", str(FOLDER / "transformers"), "--model", str(weights), environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "answers a chat question" in done.stdout


def test_it_is_measured_beside_llamacpp_and_accepted_by_who_does_not_have_it(
    environment: Mapping[str, str], weights: Path, tmp_path: Path
) -> None:
    """Right answers, tokens counted, settings as planned; the bundle verifies without its folder."""
    assert weights.is_dir()
    run, bundle = tmp_path / "run", tmp_path / "bundle.tar.gz"
    short = (*AT_ONCE, "--replicates", "1", "--concurrency", "1", "--window", "15", "--no-calibrate", "--yes")
    where = ("--runtime-path", str(FOLDER / "transformers"))
    platform = str(FOLDER / "beside-llamacpp.yaml")
    asked = (*where, *short, "--quiet", "--out", str(run))
    done = kit("reproduce", platform, *asked, environment=environment, timeout_s=900)
    assert done.returncode == 0, done.stdout + done.stderr
    cells = {name: json.loads((run / "cells" / name / "cell.json").read_bytes()) for name in CELLS}
    assert {name: cell["status"] for name, cell in cells.items()} == dict.fromkeys(CELLS, "measured")
    server = cells["r1-c1-transformers"]["server"]
    assert server["version"] == "5.19.0"
    assert server["reported"].keys() == {"threads", "continuous_batching"}
    assert server["command"][:3] == ["python3", "RUNTIME/serve.py", WEIGHTS]
    records = (run / "cells" / "r1-c1-transformers" / "records.jsonl").read_text().splitlines()
    answered = [each for each in map(json.loads, records) if each["outcome"] == "ok"]
    assert answered
    assert {each["token_source"] for each in answered} == {"usage"}
    assert kit("bundle", str(run), "-o", str(bundle)).returncode == 0
    verdict = kit("verify", str(bundle), "--json")
    assert verdict.returncode == 0, verdict.stdout
    found = json.loads(verdict.stdout)
    assert found["label"] == "self-reported"
    assert "runtime.outside" in {finding["rule"] for finding in found["findings"]}
    assert found["checked"]["process.command"] == 1
