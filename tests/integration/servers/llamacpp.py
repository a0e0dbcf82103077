"""`python -m tests.integration.servers.llamacpp JSON`: llama.cpp's server of the wheel xllamacpp.

Unlike the kit's own way of starting it (`kit.runtimes.embedded_llamacpp`) with a key, with a prefix, and with a
model that is called by the path of its file.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kit.engines.process import HOST, ProcessEngine
from tests.support.serving import serving

SLOTS = 2
CONTEXT_TOKENS = 4096
THREADS = 1  # two of them wait for each other whenever something else wants a core


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs between servers; without an alias the model is called by its path."""

    model: Path
    alias: str = ""
    key: str = ""
    prefix: str = ""


@contextlib.contextmanager
def llamacpp(settings: Settings, log: Path) -> Iterator[str]:
    """The base URL of a server that has loaded its model, without the prefix."""
    port = ProcessEngine().free_port()
    document = {
        "model": str(settings.model),
        "alias": settings.alias,
        "key": settings.key,
        "prefix": settings.prefix,
        "port": port,
    }
    command = (sys.executable, "-m", "tests.integration.servers.llamacpp", json.dumps(document))
    # Behind a prefix even its health is asked for with the key.
    with serving(command, port, f"{settings.prefix}/health", log, settings.key):
        yield f"http://{HOST}:{port}"


def main(argument: str) -> None:
    from xllamacpp import CommonParams, Server

    settings = json.loads(argument)
    params = CommonParams()
    params.model.path = settings["model"]
    if settings["alias"]:
        params.model_alias = {settings["alias"]}
    if settings["key"]:
        params.api_keys = [settings["key"]]
    params.api_prefix = settings["prefix"]
    params.hostnames = [HOST]
    params.port = settings["port"]
    params.n_parallel = SLOTS
    params.n_ctx = CONTEXT_TOKENS
    params.cpuparams.n_threads = THREADS
    params.cpuparams_batch.n_threads = THREADS
    params.n_gpu_layers = 0
    params.cache_prompt = False
    params.cache_ram_mib = 0
    server = Server(params)
    sys.stdout.write(f"listening on {server.listening_address}\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main(sys.argv[1])
