"""Workloads on a real llama.cpp: a grid of lengths, and raw prompts that arrive at a rate; bundles that verify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.running import AT_ONCE, kit

pytestmark = [pytest.mark.integration, pytest.mark.alone]

GRID = {
    "name": "grid", "prompts": "corpus", "input_tokens": [512, 2048], "output_tokens": [32, 64],
    "loop": "closed", "concurrencies": [1], "warmup_s": 1, "window_s": 10, "drain_s": 120, "replicates": 1,
    "ignore_eos": True,
}  # fmt: skip
ARRIVING = {
    "name": "arriving", "prompts": "micro", "output_tokens": {"distribution": "uniform", "min": 8, "max": 24},
    "loop": "open", "arrivals": "gamma", "burstiness": 0.5, "rates": [1, 2.5], "concurrencies": [4],
    "api": "completions", "warmup_s": 1, "window_s": 8, "drain_s": 60, "replicates": 1, "ignore_eos": True,
}  # fmt: skip


def platform(folder: Path, workload: dict[str, Any], suite: str, **settings: int) -> Path:
    """A platform file for the embedded llama.cpp."""
    entry = {"name": "llamacpp", "runtime": "llamacpp", "variant": "embedded", "settings": settings}
    document = {
        "schema": "kit/platform/1", "name": f"{workload['name']}-test", "title": "A test", "engine": "process",
        "model": "smollm2-135m-instruct-q4_1", "correctness": {"name": suite, "level": "tiny"}, "seed": 2026,
        "workload": workload, "entries": [entry],
    }  # fmt: skip
    path = folder / "platform.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def reproduced(folder: Path, file: Path) -> tuple[Path, str]:
    run = folder / "run"
    done = kit("reproduce", str(file), *AT_ONCE, "--no-calibrate", "--yes", "--out", str(run))
    assert done.returncode == 0, done.stderr
    bundle = folder / "run.tar.gz"
    assert kit("bundle", str(run), "-o", str(bundle)).returncode == 0
    return bundle, done.stdout


def verdict(bundle: Path) -> dict[str, Any]:
    done = kit("verify", str(bundle), "--json")
    assert done.returncode == 0, done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.long(part=2)
def test_a_grid_of_lengths(tmp_path: Path) -> None:
    """Prompts are as long as planned by the server's count, and each shape has its tables; the bundle verifies."""
    file = platform(tmp_path, GRID, "correctness", slots=1, context_tokens_per_slot=2304)
    bundle, printed = reproduced(tmp_path, file)
    found = verdict(bundle)
    assert found["label"] == "self-reported"
    assert found["checked"]["load.lengths"] == 4
    assert not [each for each in found["findings"] if each["rule"] in ("load.lengths", "load.nominal")]
    for shape in ("512 in, 32 out", "512 in, 64 out", "2,048 in, 32 out", "2,048 in, 64 out"):
        assert f"**Throughput (tokens/s, all users together): {shape}**" in printed
        assert f"**Prefill p50 (prompt tokens/s until a request's first text): {shape}**" in printed
    result = json.loads(kit("table", str(bundle), "--json").stdout)
    for cell in result["cells"]:
        tokens = cell["metrics"]["tokens"]
        each = tokens["prompt"] / cell["metrics"]["requests"]["ok"]
        wanted = int(cell["shape"].partition("-")[0][1:])
        assert abs(each - wanted) <= wanted / 100


def test_raw_prompts_that_arrive_at_a_rate(tmp_path: Path) -> None:
    """Every arrival is one of the schedule, and a time from arrival is never shorter than one from sending."""
    bundle, printed = reproduced(tmp_path, platform(tmp_path, ARRIVING, "correctness-raw", slots=4))
    found = verdict(bundle)
    assert found["label"] == "self-reported"
    assert found["checked"]["load.arrivals"] > 8
    assert "| requests/s " in printed
    result = json.loads(kit("table", str(bundle), "--json").stdout)
    assert [cell["shape"] for cell in result["cells"]] == ["q1", "q2.5"]
    for cell in result["cells"]:
        metrics = cell["metrics"]
        assert metrics["requests"]["failed"] == 0
        assert metrics["ttft_from_intended_ms"]["p50"] >= metrics["ttft_ms"]["p50"]
