"""Sessions with real processes: hit rates against the truth log, servers that lie, and a real llama.cpp."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from kit.catalogue import model
from kit.storage.cell_folder import read_records
from kit.supply.weights import weights_path
from tests.support.running import AT_ONCE, kit
from tests.support.scripted import in_process, read_truths

pytestmark = pytest.mark.integration

FORTY = "chat,turns=10,first=100-300,turn=20-60,think=0-20ms,count=40"
CACHE = ("--ttft-ms", "2", "--itl-ms", "0", "--cache-tokens", "2000000")


def loaded(url: str, folder: Path, sessions: str, *more: str) -> dict[str, Any]:
    """cell.json of a load of sessions."""
    words = ("load", url, "--sessions", sessions, "--output-tokens", "8-24", "--out", str(folder), "--json", *more)
    ran = kit(*words)
    assert ran.returncode == 0, ran.stderr
    cell: dict[str, Any] = json.loads(ran.stdout)
    return cell


def test_forty_sessions_of_ten_turns_have_the_hit_rate_of_the_truth_log(tmp_path: Path) -> None:
    """All of their turns, and each its own count: what the kit says is what the endpoint did."""
    with in_process(*CACHE, "--prefill-tok-s", "100000", truth=tmp_path / "truth.jsonl") as url:
        cell = loaded(url, tmp_path / "load", FORTY, "-c", "8")
    truths = read_truths(tmp_path / "truth.jsonl")
    found = cell["metrics"]["sessions"]
    assert (found["begun"], found["whole"], found["failed"], found["cut"]) == (40, 40, 0, 0)
    assert cell["metrics"]["requests"] == {"ok": 400, "failed": 0, "unfinished": 0}
    assert len(truths) == 400
    true_rate = sum(t.cached_tokens or 0 for t in truths) / sum(t.prompt_tokens or 0 for t in truths)
    assert true_rate > 0.7
    assert found["hit_rate"] == pytest.approx(true_rate, rel=0.01)
    told = defaultdict(list)
    for record in read_records(tmp_path / "load" / "records.jsonl"):
        told[record.salt].append((record.prompt_tokens, record.cached_tokens))
    true = defaultdict(list)
    for truth in truths:
        true[truth.salt].append((truth.prompt_tokens, truth.cached_tokens))
    assert told == true
    assert [turn["n"] for turn in found["turns"]] == [40] * 10
    lengths = [turn["prompt_tokens_mean"] for turn in found["turns"]]
    assert lengths == sorted(lengths)


def test_a_cache_that_is_too_small_loses_sessions_and_the_rate_says_so(tmp_path: Path) -> None:
    """Of what eight users say at a time it holds a fraction."""
    small = ("--ttft-ms", "2", "--itl-ms", "0", "--cache-tokens", "2048")
    with in_process(*small, truth=tmp_path / "truth.jsonl") as url:
        cell = loaded(url, tmp_path / "load", FORTY.replace("count=40", "count=16"), "-c", "8")
    truths = read_truths(tmp_path / "truth.jsonl")
    true_rate = sum(t.cached_tokens or 0 for t in truths) / sum(t.prompt_tokens or 0 for t in truths)
    assert 0 <= true_rate < 0.5
    assert cell["metrics"]["sessions"]["hit_rate"] == pytest.approx(true_rate, rel=0.01)


@pytest.mark.parametrize("processes", ["2"])
def test_several_processes_carry_out_the_same_sessions(tmp_path: Path, processes: str) -> None:
    """Each worker has its own, whoever holds it; the load ends when all are over."""
    with in_process(*CACHE) as url:
        cell = loaded(
            url, tmp_path / "load", FORTY.replace("count=40", "count=12"), "-c", "4", "--processes", processes
        )
    found = cell["metrics"]["sessions"]
    assert (found["begun"], found["whole"]) == (12, 12)
    sessions = {(record.session, record.worker) for record in read_records(tmp_path / "load" / "records.jsonl")}
    assert sessions == {(session, session % 4) for session in range(12)}


def test_a_server_that_says_nothing_of_its_cache_has_no_hit_rate(tmp_path: Path) -> None:
    """Not zero, and not that of the answers that do say it."""
    with in_process(*CACHE, "--fault", "no-cached:7") as url:
        cell = loaded(url, tmp_path / "load", "chat,turns=3,first=20,turn=5,think=0,count=8", "-c", "2")
    assert cell["metrics"]["requests"]["ok"] == 24
    assert cell["metrics"]["sessions"]["hit_rate"] is None


PLATFORM = """\
schema: kit/platform/1
name: sessions-here
title: sessions on the embedded llama.cpp
engine: process
model: {model}
correctness: {{name: correctness, level: tiny}}
seed: 2026
workload:
  name: sessions
  prompts: micro
  output_tokens: {{distribution: uniform, min: 4, max: 12}}
  loop: closed
  concurrencies: [2]
  warmup_s: 0.5
  window_s: 12
  drain_s: 60
  replicates: 1
  ignore_eos: true
  sessions:
    kind: chat
    turns: {{min: 4, max: 4}}
    first_tokens: {{min: 60, max: 120}}
    turn_tokens: {{min: 5, max: 20}}
    think_s: {{min: 0, max: 0.1}}
entries:
  - name: cached
    runtime: llamacpp
    variant: embedded
    settings: {{slots: 2, context_tokens_per_slot: 1024, threads: 1}}
"""
MODEL = "smollm2-135m-instruct-q4_1"


@pytest.mark.alone
@pytest.mark.skipif(not weights_path(model(MODEL)).is_file(), reason=f"kit models fetch {MODEL}")
def test_a_real_llama_cpp_keeps_its_sessions_and_the_bundle_is_accepted(tmp_path: Path) -> None:
    """Four turns each: later ones come mostly from its cache, faster than first ones, and verify replays all."""
    pytest.importorskip("xllamacpp")
    (tmp_path / "sessions.yaml").write_text(PLATFORM.format(model=MODEL), encoding="utf-8")
    run = tmp_path / "run"
    words = ("reproduce", str(tmp_path / "sessions.yaml"), "--out", str(run), "--yes", "--no-calibrate", *AT_ONCE)
    ran = kit(*words)
    assert "Cache hit rate" in ran.stdout, ran.stdout + ran.stderr
    cell = json.loads((run / "cells" / "r1-c2-cached" / "cell.json").read_text(encoding="utf-8"))
    assert cell["status"] == "measured"
    found = cell["metrics"]["sessions"]
    assert found["later_hit_rate"] > 0.5
    assert found["turns"][0]["hit_rate"] < 0.2
    assert found["turns"][1]["ttft_p50_ms"] < found["turns"][0]["ttft_p50_ms"]
    verified = kit("verify", str(run), "--json")
    verdict = json.loads(verified.stdout)
    assert verdict["label"] == "self-reported", verified.stdout
    assert verdict["checked"]["sessions.history"] > 8
    assert not {f["rule"] for f in verdict["findings"]} & {"sessions.cached", "sessions.grown", "load.busy"}
