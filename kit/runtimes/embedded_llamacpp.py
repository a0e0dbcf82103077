"""A program: llama.cpp's HTTP server out of the wheel `xllamacpp`, configured by one JSON argument.

It ends when its standard input closes, so it cannot outlive the kit that started it, however that ended.
"""

from __future__ import annotations

import json
import os
import sys

# More than any load has connections: a request must wait for a slot, never for a thread of the HTTP server.
HTTP_THREADS = 160


def main(argument: str) -> int:
    try:
        from xllamacpp import CommonParams, Server, ggml_type
    except ImportError as error:
        sys.stderr.write(f"The wheel xllamacpp cannot be loaded ({error}): pip install 'llm-repro-kit[demo]'\n")
        return 2
    settings = json.loads(argument)
    params = CommonParams()
    params.model.path = settings["model"]
    params.model_alias = {"kit"}
    params.hostnames = ["127.0.0.1"]
    params.port = settings["port"]
    params.n_parallel = settings["slots"]
    params.n_ctx = settings["slots"] * settings["context_tokens_per_slot"]
    params.n_batch = settings["batch_tokens"]
    params.n_ubatch = settings["ubatch_tokens"]
    params.cpuparams.n_threads = settings["threads"]
    params.cpuparams_batch.n_threads = settings["threads"]
    params.n_gpu_layers = 0
    params.n_threads_http = HTTP_THREADS
    params.kv_unified = False
    params.cont_batching = True
    params.cache_prompt = bool(settings.get("cache_prompt", 0))
    params.cache_ram_mib = settings.get("cache_ram_mib", 0)
    if "kv_type" in settings:
        kept_as = getattr(ggml_type, f"GGML_TYPE_{settings['kv_type'].upper()}")
        params.cache_type_k = params.cache_type_v = kept_as
    params.endpoint_metrics = True
    params.endpoint_slots = True
    server = Server(params)
    sys.stdout.write(f"listening on {server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    # The server has threads of its own that no Python code can join: leave without waiting for them.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
