"""kit reference: options that do not fit together, and how the command starts and ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kit.cli import run
from kit.reference.faults import FAULTS
from kit.reference.listening import listen
from tests.support.scripted import STARTUP_S, in_process, loaded, read_truths


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--ttft-dist", "normal"], "--ttft-dist normal needs --ttft-sd-ms"),
        (["--itl-sd-ms", "1"], "--itl-sd-ms needs --itl-dist normal or lognormal"),
        (["--itl-dist", "lognormal", "--itl-sd-ms", "1", "--itl-ms", "0"], "needs a --itl-ms above 0"),
        (["--batching", "serial", "--slots", "2"], "serial has one slot"),
        (["--batching", "continuous", "--itl-ms", "0"], "continuous needs --itl-ms 0.01 or more"),
        (["--fault", "cutt:3"], 'did you mean "cut"?'),
        (["--fault", "cut:0"], "is not KIND:EVERY"),
        (["--slots", "0"], "0: expected one whole number from 1 to 65536."),
        (["--ttft-ms", "-1"], "-1: expected one number from 0 to 3600000."),
        (["--shape", "gpt"], "is not one of"),
        (["--host", "no such host"], "has no address"),
    ],
)
def test_options_that_mean_nothing_are_refused_in_words(
    options: list[str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and nothing is served."""
    assert run(["reference", *options]) == 2
    assert words in " ".join(capfd.readouterr().err.split())


def test_a_port_in_use_has_its_own_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    """9."""
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert run(["reference", "--port", str(port)]) == 9
    assert f"Port {port} is in use." in capfd.readouterr().err


def test_a_truth_file_that_cannot_be_written_is_refused_before_anything_is_served(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No line about listening."""
    assert run(["reference", "--truth", str(tmp_path / "none" / "t.jsonl")]) == 2
    assert capfd.readouterr().out == ""


def test_help_names_every_fault_and_an_example(capfd: pytest.CaptureFixture[str]) -> None:
    """What the user needs is on one page."""
    assert run(["reference", "--help"]) == 0
    text = capfd.readouterr().out
    assert "Example: kit reference --ttft-ms 50" in text
    assert [fault for fault in FAULTS if fault not in text] == []


def test_options_reach_the_endpoint(tmp_path: Path) -> None:
    """Distributions, seed, shape and faults; SIGTERM ends it with exit code 0 and a whole log."""
    path = tmp_path / "truth.jsonl"
    options = (
        *("--ttft-ms", "10", "--ttft-dist", "lognormal", "--ttft-sd-ms", "3", "--seed", "7"),
        *("--itl-ms", "1", "--itl-dist", "normal", "--itl-sd-ms", "0.2", "--shape", "realizar"),
        *("--fault", "status-500:2", "--fault", "empty:3"),
    )
    waits = []
    for _ in range(2):
        with in_process(*options, truth=path) as url:
            records = loaded(url, requests=3)
        assert [record.error for record in records] == [None, "http_status", "empty"]
        assert records[0].token_source == "chunks"
        truth = read_truths(path)[0]
        waits.append((truth.due_ns or 0) - truth.received_ns)
    assert waits[0] == waits[1] != 10_000_000


def test_it_serves_until_its_input_closes_when_asked_to() -> None:
    """One line with the URL, then nothing."""
    program = [sys.executable, "-c", "from kit.cli import main; main()", "reference", "--until-stdin-closes"]
    done = subprocess.run(program, input="", capture_output=True, text=True, timeout=STARTUP_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    event = json.loads(done.stdout)
    assert event["event"] == "listening"
    assert event["url"].startswith("http://127.0.0.1:")
