"""KIT_DEBUG=1: a line for each call through a door, nothing private in it; without the variable nothing."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from kit import debuglog
from kit.cli import cli, run
from kit.debuglog import harmless, logged, start, watch_answers
from kit.storage.cell_folder import write_checks

ESCAPE = "\x1b[31m"


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """With the variable; afterwards the logger is as it was."""
    logger = logging.getLogger("kit")
    before = logger.level
    monkeypatch.setenv("KIT_DEBUG", "1")
    yield
    logger.handlers.clear()
    logger.setLevel(before)


@logged("door")
def answer(url: str, *, fails: bool = False) -> int:
    if fails:
        raise ValueError("with a secret")
    return len(url)


def test_nothing_is_said_without_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """And the decorated function is what it was."""
    monkeypatch.delenv("KIT_DEBUG", raising=False)
    assert not start()
    assert answer("http://a/") == 9
    assert answer.__name__ == "answer"
    session = requests.Session()
    watch_answers(session)
    assert session.hooks["response"] == []
    write_checks(tmp_path, [])
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("on")
def test_a_call_is_a_line_with_what_it_was_and_how_long_it_took(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Also one that fails, by the name of its error and without its words; starting twice adds no second line."""
    assert start()
    assert start()
    answer("http://a/")
    with pytest.raises(ValueError, match="secret"):
        answer("http://a/", fails=True)
    write_checks(tmp_path, [])

    lines = capsys.readouterr().err.splitlines()
    for line, told in zip(
        lines,
        ("door answer http://a/ (ok", "door answer http://a/ (ValueError", f"file write_checks {tmp_path} (ok"),
        strict=True,
    ):
        assert re.fullmatch(rf"debug +\d+ ms  {re.escape(told)}, \d+\.\d ms\)", line)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("GET http://me:pw@host:1/v1", "GET http://host:1/v1"),
        ("GET https://host/file?token=abc&x=1 (200)", "GET https://host/file (200)"),
        ("argument hf_abc and key-1", "argument *** and ***"),
        (f"{ESCAPE}red\nline", "\ufffd[31mred\ufffdline"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_a_line_holds_nothing_private_and_nothing_that_a_terminal_obeys(
    monkeypatch: pytest.MonkeyPatch, line: str, shown: str
) -> None:
    """Users and queries of addresses, the values of secret variables, control characters, length."""
    monkeypatch.setenv("HF_TOKEN", "hf_abc")
    monkeypatch.setenv("KIT_API_KEY", "key-1")
    assert harmless(line) == shown


@pytest.mark.usefixtures("on")
def test_an_answer_of_an_engine_is_a_line_without_its_query(capsys: pytest.CaptureFixture[str]) -> None:
    """The arguments of a build stand in the query."""
    start()
    session = requests.Session()
    watch_answers(session)
    made = requests.Response()
    made.status_code = 404
    made.request = requests.Request("POST", "http://engine/v1.41/build?buildargs=secret").prepare()
    for hook in session.hooks["response"]:
        hook(made)
    assert "engine POST /v1.41/build (404, 0.0 ms)" in capsys.readouterr().err


@pytest.mark.usefixtures("on")
def test_a_crash_shows_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Line by line, made harmless, beside the file that is always written."""

    def crash(*_: object, **__: object) -> None:
        raise RuntimeError(ESCAPE)

    monkeypatch.setattr(cli, "main", crash)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert run([]) == 3
    told = capsys.readouterr().err
    assert "RuntimeError: \ufffd[31m" in told
    assert ESCAPE not in told
    assert "in crash" in told


def test_what_runs_in_a_window_knows_no_log() -> None:
    """The load generator, the streams and the metrics have no door that could be logged."""
    folder = Path(debuglog.__file__).parent
    for package in ("loadgen", "stream", "metrics", "reference"):
        for path in (folder / package).rglob("*.py"):
            assert "debuglog" not in path.read_text(encoding="utf-8"), path
