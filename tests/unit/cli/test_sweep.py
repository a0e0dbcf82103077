"""kit sweep and the options that kit load has with it: tables, documents, exit codes, what bad input is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kit import cli
from kit.report.load_tables import judged_lines, sweep_table
from kit.run.load import load_by_hand
from tests.support.fakes import FakeEngine
from tests.support.sweeping import REQUEST, Serving, dead, swept, users


def test_the_table_has_a_row_a_level_and_names_frontier_and_knee(tmp_path: Path) -> None:
    """And why it ended, and what goodput meant."""
    text = sweep_table(swept(tmp_path / "s", users(1, 2, 4, 8, 16, 32), Serving()))
    row = next(line for line in text.splitlines() if line.startswith("|       4 "))
    assert [part.strip() for part in row.strip("|").split("|")] == [
        "4", "200.0", "100.0", "10.0", "– (max 10.0)", "20.00", "0.0 %", "Pareto, knee",  # noqa: RUF001
    ]  # fmt: skip
    for words in (
        "Stopped early: twice in a row",
        "within e2e 100 ms",
        "throughput, decode and TTFT): 4 users.",
        "Knee of throughput: 4 users;",
    ):
        assert words in text


def test_a_table_without_numbers_has_dashes(tmp_path: Path) -> None:
    """A level that failed entirely is a row, not a gap."""
    text = sweep_table(swept(tmp_path / "s", users(3), Serving(dead)))
    assert "100.0 %" in text
    assert "none in these levels" in text
    assert "Pareto" not in text


def test_goodput_and_validation_are_said_only_where_asked(tmp_path: Path) -> None:
    """In words, with the limits and the reasons."""
    asked = replace(REQUEST, validate="basic")
    cell = load_by_hand(asked, tmp_path / "a", FakeEngine(""), lambda _: None)
    assert cell.load is not None
    assert cell.metrics is not None
    first, second = judged_lines(cell.load, cell.metrics)
    assert first == "Goodput: 2.00 requests/s, 100.0 % of ended requests, within e2e 100 ms."
    assert second == "Validation: 2 of 2 answers passed, 2 distinct."
    silent = replace(cell.load, slo=None)
    assert judged_lines(silent, replace(cell.metrics, validation=None)) == []


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Serving:
    """The command line with an engine that starts nothing, in an empty folder."""
    engine = Serving()
    monkeypatch.setattr("kit.engines.process.ProcessEngine", lambda *_: engine)
    monkeypatch.chdir(tmp_path)
    return engine


URL = ("--url", "http://127.0.0.1:9", "--model", "m")


def test_the_command_prints_the_table_or_the_document(
    serving: Serving, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0; the phases carry their level."""
    options = ("--concurrency", "1,2", "--duration", "1", "--slo", "ttft=1s", "--validate", "contains:x")
    assert cli.run(["sweep", *URL, *options, "--out", "a"]) == 0
    out, err = capsys.readouterr()
    assert "Saved to a." in out
    assert "c1 measuring ..." in err
    assert "c2 measuring ..." in err
    assert cli.run(["sweep", *URL, *options, "--json", "--out", "b"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["slo"]["ttft_ns"] == 10**9
    assert serving.loads[0].warmup_ns == 2 * 10**9
    assert serving.loads[0].validate == "contains:x"


def test_a_sweep_without_one_answer_is_exit_code_8(serving: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    """As for one load."""
    serving.answer = dead
    assert cli.run(["sweep", *URL, "--concurrency", "3", "-q"]) == 8
    assert "no request of" in capsys.readouterr().out


def test_a_load_shows_its_goodput(serving: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    """Below the table."""
    options = ("--slo", "ttft=200ms,e2e=1s", "--ramp", "1", "--warmup", "1", "--concurrency", "4")
    assert cli.run(["load", *URL, *options]) == 0
    assert "Goodput: 20.00 requests/s" in capsys.readouterr().out
    assert serving.loads[0].ramp_ns == 10**9


def test_a_trace_is_given_to_the_load(serving: Serving, tmp_path: Path) -> None:
    """With its speed; the whole of it is the window."""
    (tmp_path / "t.jsonl").write_bytes(b'{"at_ms":0}\n{"at_ms":10}\n')
    assert cli.run(["load", *URL, "--trace", "t.jsonl", "--rate-scale", "2.5", "-q", "--out", "o"]) == 8
    load = serving.loads[0]
    assert load.trace is not None
    assert (load.trace.speed_milli, load.requests, load.window_ns) == (2500, 2, None)
    assert (load.loop.kind, load.loop.arrivals, load.loop.rate_milli_per_s) == ("open", "trace", None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sweep", *URL), ("Give either",)),
        (("sweep", *URL, "--concurrency", "1", "--rate", "1"), ("Give either",)),
        (("sweep", *URL, "--concurrency", "4,2"), ("must rise",)),
        (("sweep", *URL, "--rate", "2,1"), ("must rise",)),
        (("sweep", *URL, "--rate", "0"), ("above 0",)),
        (("sweep", *URL, "--rate", "1,x"), ("1,x",)),
        (("sweep", *URL, "--concurrency", "1", "--arrivals", "gamma"), ("--rate",)),
        (("sweep", *URL, "--rate", "1", "--ramp", "1"), ("closed loops only",)),
        (("sweep", *URL, "--concurrency", "1", "--ramp", "3"), ("longer than the warm-up",)),
        (("sweep", *URL, "--concurrency", "1", "--validate", "regex:["), ("not a regular expression",)),
        (("load", *URL, "--slo", "tftt=1ms"), ("Did you mean 'ttft'",)),
        (("load", *URL, "--slo", ""), ("METRIC=TIME",)),
        (("load", *URL, "--validate", "basik"), ("Did you mean 'basic'",)),
        (("load", *URL, "--rate-scale", "2"), ("--trace",)),
        (("load", *URL, "--trace", "t", "--rate", "2"), ("only one of",)),
        (("load", *URL, "--trace", "t", "--arrivals", "poisson"), ("--rate",)),
        (("load", *URL, "--trace", "no-such-file"), ("no-such-file cannot be read",)),
    ],
)
def test_bad_input_is_told_before_anything_starts(
    arguments: tuple[str, ...],
    words: tuple[str, ...],
    serving: Serving,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2, words on standard error, no folder."""
    assert cli.run(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert all(word in err for word in words), err
    assert serving.loads == []
    assert list(tmp_path.iterdir()) == []
