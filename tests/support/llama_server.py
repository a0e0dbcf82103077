"""A `llama-server` for the PATH of a test: takes the flags of the real one, serves with the wheel's llama.cpp."""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

VERSION = "version: 11549 (abcdef0)"
_NUMBERS = ("port", "timeout", "n-gpu-layers", "parallel", "ctx-size", "batch-size", "ubatch-size")
_NUMBERS_TOO = ("threads", "threads-batch", "cache-ram", "verbosity")
_SWITCHES = ("offline", "no-webui", "cont-batching", "no-kv-unified", "no-context-shift", "no-cache-prompt")
_SWITCHES_TOO = ("metrics", "slots")


def install(folder: Path, name: str = "llama-server") -> Path:
    """Put it there as a program."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    root = Path(__file__).resolve().parents[2]
    path.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(root)!r})\n"
        f"from {__name__} import main\nsys.exit(main(sys.argv[1:]))\n",
        encoding="utf-8",
    )
    path.chmod(0o755)
    return path


def main(arguments: list[str]) -> int:
    """Serve until a signal comes; what the real one would refuse is refused."""
    if arguments == ["--version"]:
        sys.stderr.write(f"{VERSION}\nbuilt with cc (Debian 12.2.0-14) 12.2.0 for x86_64-linux-gnu\n")
        return 0
    parser = ArgumentParser(allow_abbrev=False)
    for name in ("model", "alias", "host", "fit", "flash-attn", "device"):
        parser.add_argument(f"--{name}", required=True)
    for name in (*_NUMBERS, *_NUMBERS_TOO):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in (*_SWITCHES, *_SWITCHES_TOO):
        parser.add_argument(f"--{name}", action="store_true", required=True)
    _serve(parser.parse_args(arguments))
    return 0


def _serve(given: Namespace) -> None:
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path = given.model
    params.model_alias = {given.alias}
    params.hostnames = [given.host]
    params.port = given.port
    params.n_parallel = given.parallel
    params.n_ctx = given.ctx_size
    params.n_batch = given.batch_size
    params.n_ubatch = given.ubatch_size
    params.cpuparams.n_threads = given.threads
    params.cpuparams_batch.n_threads = given.threads_batch
    params.n_gpu_layers = given.n_gpu_layers
    params.kv_unified = False
    params.cache_prompt = False
    params.cache_ram_mib = given.cache_ram
    params.endpoint_metrics = given.metrics
    params.endpoint_slots = given.slots
    server = Server(params)
    sys.stdout.write(f"listening on {server.listening_address}\n")
    sys.stdout.flush()
    signal.pause()
