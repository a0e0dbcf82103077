"""A platform that plays a trace of the user: pinned, in the run and its bundle, verified without the file."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from kit import cli
from kit.errors import InputError
from kit.plan.choosing.platform_file import platform_text
from kit.plan.platforms import load_platform
from kit.storage.bundle import pack_files
from kit.storage.run_folder import read_bundle_files
from kit.strict import write_jsonl_line
from kit.verify.evidence import open_bundle
from kit.verify.verdict import verify
from tests.support.good_bundle import Files
from tests.support.openai_server import OpenAiServer

CSV = b"TIMESTAMP,ContextTokens,GeneratedTokens\n" + b"".join(
    b"2023-11-16 18:17:%02d.%03d,9,3\n" % divmod(100 * at, 1000) for at in range(20)
)
PLATFORM = """
schema: kit/platform/1
name: mine
title: A trace of mine
engine: process
correctness: {{name: none, level: none}}
workload:
  name: short
  prompts: micro
  output_tokens: {{distribution: uniform, min: 3, max: 3}}
  loop: open
  trace: {trace}
  speeds: [1, 2]
  concurrencies: [2]
  warmup_s: 0.1
  window_s: 0.6
  drain_s: 5
  replicates: 1
  ignore_eos: false
seed: 1
entries:
  - {{name: a, url: "{url}"}}
"""
QUIET = ("--no-calibrate", "--quiet-wait", "0", "--attempts", "1", "-q")


@pytest.fixture(autouse=True)
def with_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder with a trace, and no key."""
    monkeypatch.delenv("KIT_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("day.csv").write_bytes(CSV)


def platform(trace: str, url: str = "http://127.0.0.1:9") -> Path:
    """A platform file in a folder of its own, beside the trace."""
    path = Path("mine.yaml")
    path.write_text(PLATFORM.format(trace=trace, url=url), encoding="utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = cli.run(list(arguments))
    out, err = capsys.readouterr()
    return code, out + err


def refused(files: Files) -> set[str]:
    """The rules that refuse a bundle of these files."""
    findings = verify(open_bundle(pack_files(files).data)).findings
    return {each.rule for each in findings if each.level == "reject"}


def beyond_the_trace(files: Files) -> Files:
    """Every request of the trace was sent, and then one that is none of it."""
    name = "cells/r1-x1-c2-a/records.jsonl"
    record = json.loads(files[name].splitlines()[0])
    lines = [{**record, "id": at, "intended_ns": 100_000_000 * min(at, 19)} for at in range(21)]
    return {**files, name: b"".join(map(write_jsonl_line, lines))}


def test_a_trace_of_the_user_is_played_and_verified(capsys: pytest.CaptureFixture[str]) -> None:
    """The bundle holds times and lengths; another trace there, or none, is refused."""
    with OpenAiServer(gap_s=0.01) as server:
        platform(f"{{file: day.csv, sha256: {sha256(CSV).hexdigest()}}}", server.url)
        code, said = run(capsys, "reproduce", "mine.yaml", "-o", "it", *QUIET)
    assert code == 0, said
    plan = json.loads(Path("it/plan.json").read_bytes())
    kept = Path("it/trace.jsonl").read_bytes()
    assert plan["workload"]["trace"]["file_sha256"] == sha256(CSV).hexdigest()
    assert plan["workload"]["trace"]["sha256"] == sha256(kept).hexdigest()
    assert kept.startswith(b'{"at_ms":0.0,"output_tokens":3}\n{"at_ms":100.0,')

    files = dict(read_bundle_files(Path("it")))
    assert "trace.jsonl" in files
    assert refused(files) == set()
    other = kept.replace(b'"at_ms":100.0', b'"at_ms":100.5')
    assert "plan.shapes" in refused({**files, "trace.jsonl": other})
    assert "load.arrivals" in refused(beyond_the_trace(files))
    del files["trace.jsonl"]
    assert {"plan.shapes", "files.expected"} <= refused(files)
    code, said = run(capsys, "table", "it")
    assert (code, "trace 'day.csv' (a file" in said) == (0, True)
    code, said = run(capsys, "bundle", "it", "--list")
    assert (code, "When requests arrived" in said) == (0, True)


def test_a_run_without_its_trace_is_not_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    """It says which file is missing."""
    with OpenAiServer(gap_s=0.01) as server:
        platform("{file: day.csv}", server.url)
        assert run(capsys, "reproduce", "mine.yaml", "-o", "it", *QUIET)[0] == 0
        Path("it/trace.jsonl").unlink()
        code, said = run(capsys, "reproduce", "--resume", "it", "-q")
    assert (code, "is not the trace of the plan" in said) == (2, True)


def test_the_platform_is_written_and_read_back() -> None:
    """With the place of the file, from wherever it is read."""
    found = load_platform(str(platform("{file: day.csv}")))
    Path("elsewhere").mkdir()
    copy = Path("elsewhere/again.yaml")
    copy.write_text(platform_text(found), encoding="utf-8")
    assert load_platform(str(copy)) == found


@pytest.mark.parametrize(
    ("trace", "words"),
    [
        ("{file: none.csv}", "line 12: The trace .*none.csv cannot be read"),
        ("{file: mine.yaml}", "line 12: .*mine.yaml"),
        (f"{{file: day.csv, sha256: {'0' * 64}}}", "line 12: The trace .* the platform says 0000"),
        ("{fil: day.csv}", 'unknown key "fil"'),
        ("{file: 7}", "file"),
        ("day.csv", "unknown trace 'day.csv'"),
    ],
)
def test_a_trace_that_cannot_be_is_refused_with_its_line(trace: str, words: str) -> None:
    """Before anything is planned."""
    path = platform(trace)
    with pytest.raises(InputError, match=words):
        load_platform(str(path))


def test_a_table_is_played_by_hand_too(capsys: pytest.CaptureFixture[str]) -> None:
    """As the kit's own form; the command says what of it is not played."""
    with OpenAiServer(gap_s=0.01) as server:
        code, said = run(capsys, "load", server.url, "--trace", "day.csv", "--rate-scale", "4", "-o", "it", "-q")
    assert code == 0, said
    assert "input lengths" in said
    assert len(Path("it/records.jsonl").read_bytes().splitlines()) == 20
