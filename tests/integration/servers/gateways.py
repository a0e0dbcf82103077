"""Gateways in front of another server: LiteLLM's proxy and SGLang's router, out of wheels.

Their environment, which is not the kit's, is made once and kept in the kit's cache; requirements.txt pins what it
holds (see pin.py).
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from kit.engines.process import HOST, ProcessEngine
from kit.supply.download import cache_folder
from tests.support.serving import serving

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PIP = (
    "--quiet",
    "--disable-pip-version-check",
    "--no-compile",
    "--no-deps",
    "--require-hashes",
    "--only-binary",
    ":all:",
)


def python() -> Path:
    """The Python that has the gateways; the first call on a machine fetches 150 MB and takes most of a minute."""
    made_of = f"{sys.implementation.cache_tag} {sys.executable}".encode() + REQUIREMENTS.read_bytes()
    folder = cache_folder() / "test-gateways" / sha256(made_of).hexdigest()[:16]
    found, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, symlinks=True)
        pip = [sys.executable, "-m", "pip", "--python", str(found), "install", *PIP, "-r", str(REQUIREMENTS)]
        subprocess.run(pip, check=True)
        complete.touch()
    return found


@contextlib.contextmanager
def litellm(behind: str, behind_key: str, model: str, master_key: str, folder: Path) -> Iterator[str]:
    """The URL of a LiteLLM proxy that offers `model` of the server `behind` to who has the master key."""
    server = {"model": f"openai/{model}", "api_base": f"{behind}/v1", "api_key": behind_key}
    config = {
        "model_list": [{"model_name": model, "litellm_params": server}],
        "general_settings": {"master_key": master_key},
    }
    file = folder / "litellm.yaml"
    file.write_text(json.dumps(config))  # JSON is YAML
    port = ProcessEngine().free_port()
    program = (str(python()), "-I", "-c", "import litellm; litellm.run_server()")
    options = ("--config", str(file), "--host", HOST, "--port", str(port), "--telemetry", "False")
    settings = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # the list of prices in the wheel, not that of the day
    with serving((*program, *options), port, "/health/liveliness", folder / "litellm.log", environment=settings):
        yield f"http://{HOST}:{port}"


@contextlib.contextmanager
def sglang_router(behind: str, folder: Path) -> Iterator[str]:
    """The URL of a router of SGLang in front of one worker."""
    port, metrics_port = ProcessEngine().free_port(), ProcessEngine().free_port()
    program = (str(python()), "-I", "-m", "sglang_router.launch_router")
    options = ("--worker-urls", behind, "--host", HOST, "--port", str(port), "--policy", "round_robin")
    quiet = ("--prometheus-port", str(metrics_port), "--log-level", "warn")
    with serving((*program, *options, *quiet), port, "/readiness", folder / "router.log"):
        yield f"http://{HOST}:{port}"
