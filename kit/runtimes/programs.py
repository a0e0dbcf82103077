"""Programs of this machine as servers: which one a runtime has, and how each is started as a process. Pure.

The variant `program` keeps to the CPU, `program-gpu` is to compute on a GPU. Values are those of the compose
files: what a server would otherwise fit to the machine is given, caches are off, and it listens on the loopback
address.
"""

from __future__ import annotations

from collections.abc import Mapping

from kit.documents import Setting
from kit.runtimes.protocol import ServerSpec

PROGRAM, PROGRAM_GPU = "program", "program-gpu"
VARIANTS = (PROGRAM, PROGRAM_GPU)
NO_MODULE = ""  # what such a variant needs of Python
# The program of each runtime, as it is called on the PATH.
PROGRAMS: Mapping[str, str] = {
    "llamacpp": "llama-server",
    "ollama": "ollama",
    "realizar": "apr",
    "vllm": "vllm",
}
HOST = "127.0.0.1"
MODEL_NAME = "kit"  # what requests call the model, where a server must be told
# No GPU of whichever maker for a server that is to keep to the CPU.
NO_GPU: Mapping[str, str] = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "HIP_VISIBLE_DEVICES": "-1",
    "ROCR_VISIBLE_DEVICES": "-1",
    "GGML_VK_VISIBLE_DEVICES": "-1",
}
VULKAN = "GGML_VK_VISIBLE_DEVICES"
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def only_gpus(numbers: str) -> dict[str, str]:
    """The variables that show a process these GPUs alone, whoever made them: "0,2"."""
    return dict.fromkeys(NO_GPU, numbers)


def program_of(runtime: str, variant: str) -> str | None:
    """The program that an entry of this variant runs; None for those that run none of this machine."""
    from kit.runtimes import RUNTIMES
    from kit.runtimes.outside.declared import DeclaredRuntime

    if runtime in PROGRAMS:
        return PROGRAMS[runtime] if variant in VARIANTS else None
    found = RUNTIMES.get(runtime)
    return found.PROGRAMS.get(variant) if isinstance(found, DeclaredRuntime) else None


def llama_server(
    name: str, variant: str, settings: Mapping[str, Setting], model_path: str, port: int, ready_path: str
) -> ServerSpec:
    """`llama-server`; verbosity 4 makes its log say which layers lie on which device."""
    slots, threads = int(settings["slots"]), str(settings["threads"])
    devices = ("--n-gpu-layers", str(settings["gpu_layers"])) if variant == PROGRAM_GPU else _LLAMA_ON_CPU
    command = (
        PROGRAMS["llamacpp"], "--model", model_path, "--alias", MODEL_NAME,
        "--host", HOST, "--port", str(port), "--offline", "--no-webui", "--timeout", "600",
        *devices, "--fit", "off", "--flash-attn", "on" if settings["flash_attention"] else "off",
        "--parallel", str(slots), "--cont-batching",
        "--ctx-size", str(slots * int(settings["context_tokens_per_slot"])), "--no-kv-unified",
        "--batch-size", str(settings["batch_tokens"]), "--ubatch-size", str(settings["ubatch_tokens"]),
        "--threads", threads, "--threads-batch", threads,
        "--no-context-shift", "--no-cache-prompt", "--cache-ram", "0", "--metrics", "--slots", "--verbosity", "4",
    )  # fmt: skip
    budget_s = 600.0 if variant == PROGRAM_GPU else 120.0
    return ServerSpec(name, command, port, ready_path, budget_s)


_LLAMA_ON_CPU = ("--device", "none", "--n-gpu-layers", "0")


def ollama_serve(
    name: str, variant: str, settings: Mapping[str, Setting], port: int, ready_path: str
) -> ServerSpec:
    """`ollama serve`, with a folder for models and keys of its own: the user's are neither seen nor changed."""
    on_cpu = variant == PROGRAM
    environment = {
        "OLLAMA_HOST": f"{HOST}:{port}",
        "OLLAMA_NUM_PARALLEL": str(settings["num_parallel"]),
        "OLLAMA_CONTEXT_LENGTH": str(settings["context_tokens"]),
        "OLLAMA_FLASH_ATTENTION": str(settings["flash_attention"]),
        "OLLAMA_KV_CACHE_TYPE": "f16",
        "OLLAMA_KEEP_ALIVE": "-1",
        "OLLAMA_LOAD_TIMEOUT": "15m",
        "OLLAMA_MAX_LOADED_MODELS": "1",
        "OLLAMA_MAX_QUEUE": "4096",
        "OLLAMA_NOPRUNE": "1",
        "OLLAMA_NO_CLOUD": "1",
        **({"OLLAMA_VULKAN": "0", **NO_GPU} if on_cpu else {}),
    }
    own = ("HOME", "OLLAMA_MODELS")
    return ServerSpec(
        name, (PROGRAMS["ollama"], "serve"), port, ready_path, 120.0, environment=environment, own_folders=own
    )


def apr_serve(
    name: str, settings: Mapping[str, Setting], model_path: str, port: int, ready_path: str
) -> ServerSpec:
    """`apr serve run`, on the CPU."""
    command = (
        PROGRAMS["realizar"], "serve", "run", model_path, "--host", HOST, "--port", str(port),
        "--context-length", str(settings["context_tokens"]),
    )  # fmt: skip
    environment = {"RAYON_NUM_THREADS": str(settings["threads"]), **NO_GPU}
    return ServerSpec(name, command, port, ready_path, 300.0, environment=environment)


def vllm_serve(
    name: str, variant: str, settings: Mapping[str, Setting], model_path: str, port: int, ready_path: str
) -> ServerSpec:
    """`vllm serve` on a folder of weights; its build must be one for the variant's device."""
    on_cpu = variant == PROGRAM
    command = [
        PROGRAMS["vllm"], "serve", model_path, "--served-model-name", MODEL_NAME,
        "--host", HOST, "--port", str(port), "--dtype", "bfloat16" if on_cpu else "auto", "--seed", "0",
        "--max-model-len", str(settings["max_model_len"]), "--max-num-seqs", str(settings["max_num_seqs"]),
        "--generation-config", "vllm", "--no-enable-prefix-caching", "--enable-prompt-tokens-details",
    ]  # fmt: skip
    environment = {"VLLM_NO_USAGE_STATS": "1", **_OFFLINE}
    if on_cpu:
        environment["VLLM_CPU_KVCACHE_SPACE"] = str(settings["kv_gib"])
        environment["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"
        environment["OMP_NUM_THREADS"] = str(settings["threads"])
    else:
        command += ["--gpu-memory-utilization", f"{int(settings['gpu_memory_percent']) / 100:.2f}"]
    return ServerSpec(name, tuple(command), port, ready_path, 900.0, environment=environment)
