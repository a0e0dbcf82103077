"""kit models show, kit plan and kit doctor with a model that no catalogue has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from kit.assets import asset
from kit.cli import run
from tests.support.gguf_files import Hub, gguf, serving

DATA = gguf()
SHA = sha256(DATA).hexdigest()
DEMO = asset("compose", "platforms", "demo.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(Hub({"tiny.gguf": DATA})) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


def mine(tmp_path: Path, block: str = "{file: a.gguf}") -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(DEMO.replace("model: smollm2-135m-instruct-q4_1", f"model: {block}"), encoding="utf-8")
    return str(path)


def test_show_says_what_a_file_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In words, and as JSON."""
    (tmp_path / "a.gguf").write_bytes(DATA)
    assert run(["models", "show", "a.gguf"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("a: not of the catalogue, from file\n")
    assert f"sha256        {SHA}" in said
    assert "2 layers, 4 heads, 2 of keys and values" in said
    assert "template of the family chatml" in said
    assert "256 B a token as F16" in said
    assert run(["models", "show", "a.gguf", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["sha256"], document["kv_bytes_per_token"], document["chat_family"]) == (SHA, 256, "chatml")


def test_show_and_fetch_take_a_repository(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """Shown without a download; fetched under its hash."""
    assert run(["models", "show", "hf:Org/Repo"]) == 0
    assert "tiny: not of the catalogue, from hf:Org/Repo:tiny.gguf@" in capsys.readouterr().out
    assert run(["models", "fetch", "hf:Org/Repo:tiny.gguf@main", "--quiet"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("tiny: ")
    assert SHA in line
    hub.seen.clear()
    assert run(["models", "show", "hf:Org/Repo"]) == 0
    assert len(hub.seen) == 1


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("gone.gguf", 4, "cannot be read"),
        ("no-such-model", 2, "The catalogue has no model"),
        ("smollm2-135m-instruct-q4_1", 4, "is not here"),
        ("hf:nothing", 2, "names no repository"),
    ],
)
def test_show_says_what_is_not_there(text: str, code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And what to do."""
    assert run(["models", "show", text]) == code
    assert words in capsys.readouterr().err


def test_plan_says_whether_a_model_fits_before_it_is_downloaded(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the header at the hub; the plan as JSON names the commit."""
    assert run(["plan", mine(tmp_path, "{hf: Org/Repo}")]) == 0
    said = capsys.readouterr().out
    assert "not of the catalogue, from hf:Org/Repo:tiny.gguf@" in said
    assert "chat template chatml" in said
    assert "memory      llamacpp-serial: " in said
    assert "(1 x 640 tokens)" in said
    assert not list((tmp_path / "cache").rglob("*.gguf"))
    assert run(["plan", mine(tmp_path, "{hf: Org/Repo}"), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["model"]["sha256"], plan["model"]["catalogue"]) == (SHA, False)
    assert all("bytes=" in (each[3] or "bytes=") for each in hub.seen)


def test_doctor_says_whether_a_model_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And whether it is one of the catalogue; a file that is not there is a failure, not a crash."""
    (tmp_path / "a.gguf").write_bytes(DATA)
    run(["doctor", mine(tmp_path)])
    said = capsys.readouterr().out
    assert "model a: is here; not of the catalogue" in said
    assert "memory of llamacpp-batched: " in said
    assert ": fits" in said
    (tmp_path / "a.gguf").unlink()
    assert run(["doctor", mine(tmp_path)]) == 1
    assert "a.gguf cannot be read" in capsys.readouterr().out
