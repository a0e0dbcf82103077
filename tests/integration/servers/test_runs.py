"""Servers that already run, as a run: llama.cpp's own, and LiteLLM's proxy in front of another of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.integration.servers.gateways import litellm
from tests.integration.servers.llamacpp import SLOTS, Settings, llamacpp
from tests.support.running import AT_ONCE, kit

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="requirements.txt pins wheels for Linux"),
]

MODEL = "smol"
ENGINE_KEY, MASTER_KEY = "sk-of-the-engine-0123", "sk-of-the-proxy-4567"
PLATFORM = """
schema: kit/platform/1
name: mine
title: An engine, and a gateway in front of another
engine: process
correctness: {{name: correctness, level: tiny}}
workload:
  name: short
  prompts: micro
  output_tokens: {{distribution: uniform, min: 8, max: 16}}
  loop: closed
  concurrencies: [1, 2]
  warmup_s: 1
  window_s: 4
  drain_s: 30
  replicates: 1
  ignore_eos: true
seed: 1
entries:
  - {{name: engine, url: "{engine}"}}
  - {{name: gateway, url: "{gateway}", served_model: smol, api_key_env: GATEWAY_KEY}}
"""


def test_an_engine_and_a_gateway_are_one_run(weights: Path, tmp_path: Path) -> None:
    """Measured, on a page, compared, bundled, verified: and no key left anywhere."""
    with (
        llamacpp(Settings(weights, MODEL), tmp_path / "engine.log") as engine,
        llamacpp(Settings(weights, MODEL, ENGINE_KEY), tmp_path / "behind.log") as behind,
        litellm(behind, ENGINE_KEY, MODEL, MASTER_KEY, tmp_path) as gateway,
    ):
        (tmp_path / "mine.yaml").write_text(PLATFORM.format(engine=engine, gateway=gateway), encoding="utf-8")
        options = ("--no-calibrate", "--yes", "-q", "-o", "it", *AT_ONCE)
        ended = kit("reproduce", "mine.yaml", *options, cwd=tmp_path, environment={"GATEWAY_KEY": MASTER_KEY})
    assert ended.returncode == 0, ended.stdout + ended.stderr

    found = {
        name: json.loads((tmp_path / "it" / "cells" / f"r1-c2-{name}" / "cell.json").read_bytes())["found"]
        for name in ("engine", "gateway")
    }
    assert found["engine"]["software"] == "llama.cpp"
    assert found["engine"]["settings"]["slots"] == SLOTS
    assert found["gateway"]["software"] == "LiteLLM"
    for command in (
        ("report", "it", "-o", "page"),
        ("compare", "it:engine", "it:gateway"),
        ("bundle", "it", "-o", "it.tar.gz"),
        ("verify", "it.tar.gz"),
    ):
        done = kit(*command, cwd=tmp_path)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert "self-reported" in done.stdout
    assert "it says that it is LiteLLM" in done.stdout
    page = (tmp_path / "page" / "report.html").read_text(encoding="utf-8")
    assert "not started by the kit" in page
    kept = (path for path in (tmp_path / "it").rglob("*") if path.is_file())
    assert not any(key.encode() in path.read_bytes() for path in kept for key in (MASTER_KEY, ENGINE_KEY))
