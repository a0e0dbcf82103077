"""Servers that already run, through the commands: a platform of two of them; loads by hand as runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kit import cli
from kit.storage.names import CELL, HOST, PLAN, RECORDS, RESULT, TEXTS
from kit.storage.run_folder import read_folder, read_plan
from kit.verify.evidence import open_run
from kit.verify.verdict import verify
from tests.support.openai_server import Listing, OpenAiServer

GAP_S = 0.03  # slow enough that a late send of the client is no part of an answer that counts
KEY = "sk-of-the-second-server"
VLLM = Listing(body=b'{"data": [{"id": "served-model", "owned_by": "vllm", "max_model_len": 4096}]}')
PLATFORM = """
schema: kit/platform/1
name: mine
title: Two servers that already run
engine: process
correctness: {{name: none, level: none}}
workload:
  name: short
  prompts: micro
  output_tokens: {{distribution: uniform, min: 3, max: 3}}
  loop: closed
  concurrencies: [2]
  warmup_s: 0
  window_s: 0.5
  drain_s: 5
  replicates: 1
  ignore_eos: false
seed: 1
entries:
  - {{name: a, url: "{a}"}}
  - {{name: b, url: "{b}/v1", api_key_env: SECOND_KEY}}
"""
QUIET = ("--no-calibrate", "--quiet-wait", "0", "--attempts", "1", "-q")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, no headers, an empty folder."""
    for name in ("KIT_API_KEY", "KIT_HEADERS", "KIT_INSECURE", "SSL_CERT_FILE", "SECOND_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def rejected(folder: Path) -> list[str]:
    """What verification refuses of a run."""
    return [
        f"{each.rule} {each.message}"
        for each in verify(open_run(read_folder(folder))).findings
        if each.level == "reject"
    ]


def flagged(folder: Path) -> dict[str, str]:
    verdict = verify(open_run(read_folder(folder)))
    assert verdict.label == "self-reported"
    return {each.rule: each.message for each in verdict.findings if each.level == "flag"}


def judged(capsys: pytest.CaptureFixture[str], folder: str) -> None:
    """Every command that takes a run takes this one, and its bundle."""
    for command in (
        ("table", folder),
        ("report", folder, "-o", "page"),
        ("score", folder),
        ("bundle", folder, "-o", "it.tar.gz"),
        ("verify", "it.tar.gz"),
        ("compare", folder, "it.tar.gz"),
        ("status", folder),
    ):
        code, out, err = run(capsys, *command)
        assert code in (0, 8) if command[0] == "score" else code == 0, (command, out, err)


def test_a_platform_of_two_running_servers_is_measured_and_verified(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is started; what they say is kept, what nobody knows is flagged, the key is nowhere."""
    monkeypatch.setenv("SECOND_KEY", KEY)
    with OpenAiServer(gap_s=GAP_S) as a, OpenAiServer(VLLM, key=KEY, gap_s=GAP_S) as b:
        Path("mine.yaml").write_text(PLATFORM.format(a=a.url, b=b.url), encoding="utf-8")
        code, out, err = run(capsys, "reproduce", "mine.yaml", "-o", "it", *QUIET)
    assert code == 0, out + err

    folder = Path("it")
    assert rejected(folder) == []
    flags = flagged(folder)
    assert "not started by the kit" in flags["server.started"]
    cells = {name: json.loads((folder / "cells" / f"r1-c2-{name}" / CELL).read_bytes()) for name in "ab"}
    assert cells["a"]["server"] is None
    assert cells["a"]["found"] == {"models": ["served-model"], "same_machine": True}
    assert cells["b"]["found"]["software"] == "vLLM"
    assert cells["b"]["found"]["settings"] == {"max_model_tokens": 4096}
    phases = [phase["name"] for phase in cells["a"]["phases"]]
    assert (phases[0], phases[-1]) == ("ready", "collect")
    assert not any(KEY.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert all(each.headers.get("authorization") == f"Bearer {KEY}" for each in b.asked)
    assert "authorization" not in a.chats[-1].headers
    judged(capsys, "it")
    page = Path("page/report.html").read_text(encoding="utf-8")
    assert "not started by the kit" in page
    assert "may share a machine" in page


def test_a_key_that_is_not_set_and_a_server_that_is_not_there_are_told_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is measured: no folder is left."""
    with OpenAiServer() as a:
        Path("mine.yaml").write_text(PLATFORM.format(a=a.url, b="http://127.0.0.1:9"), encoding="utf-8")
        code, _, err = run(capsys, "reproduce", "mine.yaml", *QUIET)
        assert code == 2
        assert "needs a key in the variable SECOND_KEY" in err
        monkeypatch.setenv("SECOND_KEY", KEY)
        code, _, err = run(capsys, "reproduce", "mine.yaml", *QUIET)
        assert code == 12
        assert "Nobody answers at http://127.0.0.1:9" in err
    assert not a.chats
    code, out, _ = run(capsys, "doctor", "mine.yaml")
    assert f"{a.url} answers; it does not say what it is" not in out  # it has gone meanwhile
    assert "Nobody answers at" in out
    code, out, _ = run(capsys, "plan", "mine.yaml")
    assert code == 0
    assert "all servers already run" in out
    assert [path.name for path in Path().iterdir()] == ["mine.yaml"]


def test_a_load_by_hand_is_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Its files lie where they always did, and three more beside them."""
    with OpenAiServer(gap_s=GAP_S) as server:
        load = ("load", server.url, "-c", "2", "--duration", "0.6s", "--warmup", "0.3s", "--ramp", "0.2s", "-q")
        code, out, err = run(capsys, *load, "--prompts", "micro", "--output-tokens", "3", "-o", "it")
    assert code == 0, out + err

    assert sorted(path.name for path in Path("it").iterdir()) == sorted([CELL, HOST, PLAN, RECORDS, RESULT, TEXTS])
    assert rejected(Path("it")) == []
    assert "server.started" in flagged(Path("it"))
    assert "correct.level" in flagged(Path("it"))
    judged(capsys, "it")
    code, out, err = run(capsys, "recommend", "it", "--users", "2")
    assert code == 0 or (code == 1 and "SUSPECT: sends were late" in out + err), out + err  # on a busy machine


def test_a_sweep_by_hand_is_a_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its levels lie where they always did, and are cells of the run."""
    with OpenAiServer(gap_s=GAP_S) as server:
        sweep = ("sweep", server.url, "-c", "1,2", "--duration", "0.6s", "--warmup", "0s", "-q", "--no-stop")
        code, out, err = run(capsys, *sweep, "--prompts", "micro", "--output-tokens", "3", "-o", "it")
    assert code == 0, out + err

    assert rejected(Path("it")) == []
    judged(capsys, "it")
    names = read_folder(Path("it")).files
    assert "cells/r1-c2-server/records.jsonl" in names
    assert "sweep.json" not in names


@pytest.mark.parametrize(
    "options",
    [
        ("--requests", "2"),
        ("--rate", "5", "--duration", "0.6s"),
        ("--input-tokens", "8", "--duration", "0.6s"),
        ("--validate", "basic", "--duration", "0.6s"),
    ],
)
def test_what_cannot_be_made_again_is_no_run(options: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """A count of requests, an open loop, prompts of the user, a rule for texts: the folder is as it always was."""
    with OpenAiServer() as server:
        code, out, err = run(capsys, "load", server.url, *options, "-q", "--output-tokens", "3", "-o", "it")
    assert code == 0, out + err
    assert not Path("it", PLAN).exists()
    assert json.loads(Path("it", CELL).read_bytes())["entry"] == "by-hand"


def changed(folder: Path, name: str, change: Any) -> None:
    document = json.loads((folder / name).read_bytes())
    change(document)
    (folder / name).write_text(json.dumps(document), encoding="utf-8")


def test_a_load_that_is_not_the_plans_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Another seed in the plan, or another address of its entry."""
    with OpenAiServer() as server:
        load = ("load", server.url, "--duration", "0.6s", "-q", "--prompts", "micro", "--output-tokens", "3")
        assert run(capsys, *load, "-o", "it")[0] == 0
    good = (Path("it") / PLAN).read_bytes()
    changed(Path("it"), PLAN, lambda plan: plan.update(seed=7))
    assert any(each.startswith("plan.consistent do not give this plan") for each in rejected(Path("it")))
    Path("it", PLAN).write_bytes(good)
    changed(Path("it"), PLAN, lambda plan: plan["entries"][0].update(url="http://example.org"))
    assert any(each.startswith("cell.identity went to another address") for each in rejected(Path("it")))
    Path("it", PLAN).write_bytes(good)
    assert rejected(Path("it")) == []
    assert read_plan(Path("it"))[0].loads[0].lane == "load"


def test_a_cell_at_a_place_that_no_load_has_is_refused_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    """By the rule about the plan; none fails over it."""
    with OpenAiServer() as server:
        load = ("load", server.url, "--duration", "0.6s", "-q", "--prompts", "micro", "--output-tokens", "3")
        assert run(capsys, *load, "-o", "it")[0] == 0
    changed(Path("it"), PLAN, lambda plan: plan["cells"][0].update(order=10**12))
    found = rejected(Path("it"))
    assert any(each.startswith("plan.consistent") for each in found)
    assert not [each for each in found if each.startswith("verifier.crashed")]


def test_a_server_that_was_told_of_no_limit_may_go_beyond_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Its three tokens are more than the two that were not asked for."""
    with OpenAiServer() as server:
        load = ("load", server.url, "--duration", "0.6s", "-q", "--prompts", "micro", "--output-tokens", "2")
        assert run(capsys, *load, "--without", "max_tokens", "-o", "it")[0] == 0
    assert rejected(Path("it")) == []
