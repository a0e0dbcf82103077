"""kit reproduce with a witness: frauds have no numbers, honest servers pass, and kit verify derives it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kit import cli
from kit.storage.run_folder import read_folder
from kit.verify.evidence import open_run
from kit.verify.registry import NOTHING_CHECKED
from kit.verify.verdict import verify
from tests.support.witness_server import Manner, WitnessServer

PLATFORM = """
schema: kit/platform/1
name: mine
title: A server with a witness
engine: process
correctness: {{name: none, level: none}}
workload:
  name: short
  prompts: micro
  output_tokens: {{distribution: uniform, min: 12, max: 12}}
  loop: closed
  concurrencies: {levels}
  warmup_s: 0
  window_s: {window}
  drain_s: 5
  replicates: 1
  ignore_eos: true
seed: 1
witness: {witness}
entries:
  - {{name: a, url: "{url}"}}
"""
WITNESS = "{questions: 8, tokens: 10}"
MORE = "{questions: 16, tokens: 10}"
QUIET = ("--no-calibrate", "--quiet-wait", "0", "--attempts", "1", "-q")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, no headers, an empty folder."""
    for name in ("KIT_API_KEY", "KIT_HEADERS", "KIT_INSECURE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def measured(
    capsys: pytest.CaptureFixture[str],
    manner: Manner,
    levels: list[int],
    *options: str,
    witness: str = WITNESS,
    window: float = 2,
) -> tuple[int, str, WitnessServer]:
    """The exit code, all that was printed, and the server."""
    with WitnessServer(manner) as server:
        text = PLATFORM.format(url=server.url, levels=levels, witness=witness, window=window)
        Path("mine.yaml").write_text(text, encoding="utf-8")
        code = cli.run(["reproduce", "mine.yaml", "-o", "it", *QUIET, *options])
    return code, "".join(capsys.readouterr()), server


def cell(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("it", "cells", name, "cell.json").read_bytes())
    return found


def rejected() -> list[str]:
    """What verification refuses, but for a run without one cell that has numbers."""
    found = verify(open_run(read_folder(Path("it")))).findings
    refused = [each for each in found if each.level == "reject" and each.rule != NOTHING_CHECKED]
    return [f"{each.rule} {each.where} {each.message}" for each in refused]


@pytest.mark.parametrize("manner", [Manner(), Manner(tells=True), Manner(refuses=True)])
def test_an_honest_server_passes_whether_it_tells_log_probabilities_or_not(
    capsys: pytest.CaptureFixture[str], manner: Manner
) -> None:
    """It is asked the very requests of its load again, and the run says that nothing differs."""
    code, told, server = measured(capsys, manner, [1, 3])
    assert code == 0, told
    facts = cell("r1-c3-a")["witness"]
    assert (facts["asked"], facts["differ"], facts["repeat_differ"], facts["unmoved"]) == (8, 0, 0, 0)
    assert facts["margins"] is manner.tells
    assert "Witness: 16 of 16 answers under load are those given alone." in told
    assert rejected() == []
    loads = [json.dumps(each["messages"]) for each in server.asked if "logprobs" not in each]
    again = [json.dumps(each["messages"]) for each in server.asked if each["max_tokens"] == 10]
    assert sum(chat in loads for chat in again) >= 16


def test_garbage_above_some_users_costs_these_cells_their_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """The cell of two users keeps its numbers; the one of six says how many answers differ from those at one."""
    code, told, _ = measured(capsys, Manner(garbage_above=4, tells=True), [2, 6], witness=MORE, window=3)
    assert code == 0, told
    assert cell("r1-c2-a")["status"] == "measured"
    failed = cell("r1-c6-a")
    assert (failed["status"], failed["failure"]["kind"], failed["metrics"]) == ("failed", "WrongUnderLoad", None)
    assert "answers at 6 users differ from those at 1:" in told
    assert rejected() == []


def test_near_ties_under_load_are_no_fraud_where_the_server_tells_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Every second answer takes another word that was nearly as likely, as batches do to honest servers."""
    code, told, _ = measured(capsys, Manner(tells=True, flips=50), [3])
    assert code == 0, told
    facts = cell("r1-c3-a")["witness"]
    assert facts["near"] > 0
    assert facts["differ"] == 0
    assert rejected() == []


def test_a_cache_of_prompts_that_begin_alike_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """The demand at the end changes nothing in its answers."""
    code, told, _ = measured(capsys, Manner(fuzzy_cache=True), [1], witness=MORE, window=3)
    assert code == 8, told
    assert "answers do not change with their question: 8 of 8" in told
    assert rejected() == []


def test_answers_from_a_store_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    """What was asked once comes back faster than any model computes."""
    code, told, _ = measured(capsys, Manner(store=True), [1])
    assert code == 8, told
    assert "answers come from a store:" in told


def test_a_server_that_fails_after_its_load_has_no_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """Answers under load and none alone."""
    code, told, _ = measured(capsys, Manner(only_tokens=12), [3])
    assert code == 8, told
    assert "requests that were answered under load are not answered alone: 8 of 8" in told
    assert rejected() == []


def test_answers_changed_by_hand_are_found_by_verification(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever puts the load's garbage into the witness changes what follows from it."""
    measured(capsys, Manner(), [2])
    file = Path("it", "cells", "r1-c2-a", "witness.jsonl")
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join([lines[0].replace(" w", " x"), *lines[1:]]), encoding="utf-8")
    assert any(finding.startswith("witness.derived cells/r1-c2-a/cell.json: witness") for finding in rejected())
    file.write_text("".join(lines[1:]), encoding="utf-8")
    assert any(finding.startswith("witness.answers") for finding in rejected())
    file.write_text("{}", encoding="utf-8")
    assert any(finding.startswith("witness.answers") for finding in rejected())
    file.unlink()
    assert any("witness.jsonl is missing" in finding for finding in rejected())


def test_the_option_gives_a_platform_a_witness(capsys: pytest.CaptureFixture[str]) -> None:
    """With the kit's own number of questions; a platform's own stays as it is."""
    assert cli.run(["plan", "demo", "--witness", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    plan = plan.get("plan", plan)
    assert plan["witness"]["questions"] == 16
    assert set(plan["witness"]["references"]) == {"llamacpp-serial", "llamacpp-batched"}
    assert cli.run(["plan", "demo", "--json"]) == 0
    assert "witness" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("witness", "words"),
    [
        ("{reference: smoll}", "unknown witness reference"),
        ("{questions: 0}", "witness.questions"),
        ("{others: 3}", "others"),
    ],
)
def test_a_witness_that_makes_no_sense_is_refused_with_its_line(
    capsys: pytest.CaptureFixture[str], witness: str, words: str
) -> None:
    """Before anything is asked."""
    code, told, server = measured(capsys, Manner(), [1], witness=witness)
    assert code == 2, told
    assert words in told
    assert server.asked == []
