"""The comparison with other load generators: what a tool said, what was true, and what that cost. No network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from benchmarks.children import BenchmarkError, Ended
from benchmarks.peers import __main__ as table
from benchmarks.peers import compare
from benchmarks.peers.compare import STREAMS, TOKENS, Cost, Fidelity, fidelity, saturated, true_of
from benchmarks.peers.known import GAP, KIT, MEAN, PEERS
from benchmarks.peers.tokenizer import byte_letters, write_tokenizer
from benchmarks.peers.tool import Job, Said, Tool
from kit.cli.load import command as kit_load
from kit.reference.truth import Truth
from kit.storage.names import CELL, RECORDS
from kit.strict import plain, write_jsonl_line
from tests.support.records import MS, make_record

URL = "http://127.0.0.1:9"
SAID = Said(256, 51.0, 60.0, 5.0, 7.0)
TOOLS = {tool.name: tool for tool in (KIT, *PEERS)}
DASH = "\N{EN DASH}"  # no data


def job(folder: Path, requests: int = 256) -> Job:
    return Job(URL, STREAMS, requests, TOKENS, folder / "tokenizer", folder / "run")


def true(received_ms: float, *left_ms: float) -> Truth:
    """A request and the chunks of its answer, in ms of one clock."""
    sent = tuple((round(at * MS), 1) for at in left_ms)
    return Truth(0, None, round(received_ms * MS), None, sent[0][0] if sent else None, sent, None, len(sent))


# --- what was true --------------------------------------------------------------------------------------

LOG = (true(0, 50, 55, 65), true(10, 70, 72))


def test_the_truth_of_every_gap_is_what_a_hand_computes() -> None:
    """TTFT 50 and 60 ms; gaps 5, 10 and 2 ms, of which 5 is the middle."""
    assert true_of(LOG, GAP) == Said(2, 50.0, 60.0, 5.0, 10.0)


def test_the_truth_of_means_has_one_value_for_each_request() -> None:
    """(65 - 50) / 2 and (72 - 70) / 1: what tools say that even out single gaps."""
    assert true_of(LOG, MEAN) == Said(2, 50.0, 60.0, 2.0, 7.5)


@pytest.mark.parametrize("itl", [GAP, MEAN])
def test_an_answer_of_one_chunk_or_none_has_no_gaps_and_does_not_count(itl: str) -> None:
    """Nor does its TTFT: a request that was cut is none that a tool would call good."""
    assert true_of([true(0), *LOG, true(0, 900)], itl) == true_of(LOG, itl)


@pytest.mark.parametrize("itl", [GAP, MEAN])
def test_the_order_of_the_log_is_all_one(itl: str) -> None:
    """Answers are logged as they end."""
    assert true_of(LOG[::-1], itl) == true_of(LOG, itl)


def test_p99_leaves_out_the_one_worst_of_a_hundred() -> None:
    """Nearest rank: of 100 requests the 99th."""
    log = [true(0, at, at + at / 10) for at in range(1, 101)]
    assert true_of(log, GAP) == Said(100, 50.0, 99.0, 5.0, 9.9)


# --- a run ----------------------------------------------------------------------------------------------


class Bench:
    """Stands for the reference endpoint and the tool's process, and keeps what they were asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, said: Said | Exception, ended: Ended) -> None:
        self.endpoints: list[tuple[tuple[str, ...], Path | None]] = []
        self.commands: list[Sequence[str]] = []
        self.environments: list[Mapping[str, str]] = []
        self._said, self._ended = said, ended
        monkeypatch.setattr(compare, "reference", self._reference)
        monkeypatch.setattr(compare, "run_counted", self._run)
        monkeypatch.setattr(compare, "truths", lambda _: list(LOG))

    def _reference(self, *options: str, truth: Path | None = None) -> nullcontext[str]:
        self.endpoints.append((options, truth))
        return nullcontext(URL)

    def _run(self, command: Sequence[str], _at: Path, *, environment: Mapping[str, str], limit_s: float) -> Ended:
        assert limit_s == compare.LIMIT_S
        self.commands.append(command)
        self.environments.append(environment)
        return self._ended

    def _answer(self, _job: Job) -> Said:
        if isinstance(self._said, Exception):
            raise self._said
        return self._said

    def tool(self, *, offline: bool = True, itl: str = GAP) -> Tool:
        return Tool("toy", "toy", (), _command, self._answer, itl, offline=offline)


def _command(python: Path, job: Job) -> list[str]:
    assert job.folder.is_dir()
    return [str(python), job.url, str(job.requests), str(job.streams), str(job.tokens)]


def done(cpu_s: float = 4.0, wall_s: float = 6.0, code: int = 0, output: str = "") -> Ended:
    return Ended(code, cpu_s, wall_s, None, output)


def test_what_a_tool_said_stands_beside_the_truth_of_that_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The truth by the tool's own definition of ITL; the endpoint keeps its pace."""
    bench = Bench(monkeypatch, SAID, done())
    found = fidelity(bench.tool(itl=MEAN), Path("python"), tmp_path, tmp_path, 256)
    assert found == Fidelity(said=SAID, true=true_of(LOG, MEAN), cpu_s=4.0)
    assert bench.endpoints == [(("--ttft-ms", "50", "--itl-ms", "5"), tmp_path / "toy-truth.jsonl")]
    assert bench.commands == [["python", URL, "256", "32", "200"]]


def test_tokens_per_cpu_second_are_those_of_good_answers_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """995 good answers of 1,000, of 200 tokens each, in 4 CPU seconds; how long it took is kept beside."""
    bench = Bench(monkeypatch, Said(995, None, None, None, None), done())
    found = saturated(bench.tool(), Path("python"), tmp_path, tmp_path, 1000)
    assert found == Cost(answered=995, tokens_per_cpu_s=49_750.0, cpu_s=4.0, wall_s=6.0)
    assert bench.endpoints == [(("--ttft-ms", "0", "--itl-ms", "0.001"), None)]


@pytest.mark.parametrize("offline", [True, False])
def test_tools_are_told_to_be_quiet(offline: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No telemetry ever; the model hub is out of reach for all that can do without."""
    bench = Bench(monkeypatch, SAID, done())
    fidelity(bench.tool(offline=offline), Path("python"), tmp_path, tmp_path, 256)
    (environment,) = bench.environments
    assert environment.items() >= compare.QUIET.items()
    assert environment.get("HF_HUB_OFFLINE") == ("1" if offline else None)


@pytest.mark.parametrize(
    ("answered", "requests", "good"), [(99, 100, True), (98, 100, False), (0, 100, False), (100, 100, True)]
)
def test_a_tool_may_lose_one_answer_of_a_hundred(
    answered: int, requests: int, good: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that loses more has no result: its numbers would be of another load."""
    bench = Bench(monkeypatch, Said(answered, None, None, None, None), done())
    with nullcontext() if good else pytest.raises(BenchmarkError, match=f"toy counts {answered} good .* 100"):
        saturated(bench.tool(), Path("python"), tmp_path, tmp_path, requests)


@pytest.mark.parametrize(
    ("said", "ended", "words"),
    [
        (KeyError("itl"), done(), r"toy left no result that can be read: KeyError\('itl'\)"),
        (StopIteration(), done(), "no result that can be read"),
        (FileNotFoundError("vllm.json"), done(), "no result that can be read.*vllm.json"),
        (json.JSONDecodeError("bad", "{", 1), done(), "no result that can be read"),
        (SAID, done(code=3, output="first\nout of memory\n"), "(?s)toy ended with code 3: .*out of memory$"),
    ],
)
def test_a_tool_that_fails_is_told_with_its_reason(
    said: Said | Exception, ended: Ended, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its exit code with its last words, or what is wrong with its result."""
    bench = Bench(monkeypatch, said, ended)
    with pytest.raises(BenchmarkError, match=words):
        fidelity(bench.tool(), Path("python"), tmp_path, tmp_path, 256)


# --- what each tool says --------------------------------------------------------------------------------


def test_what_aiperf_says(tmp_path: Path) -> None:
    """Its report lies in a folder of its own naming."""
    numbers = {"p50": 51.0, "p99": 60.0}
    report = {
        "request_count": {"avg": 256.0},
        "time_to_first_token": numbers,
        "inter_token_latency": {"p50": 5.0, "p99": 7.0},
    }
    path = tmp_path / "run" / "some" / "profile_export_aiperf.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(report))
    assert TOOLS["aiperf"].said(job(tmp_path)) == SAID


def test_what_guidellm_says(tmp_path: Path) -> None:
    """Of successful requests only."""

    def values(p50: float, p99: float) -> dict[str, object]:
        return {"successful": {"percentiles": {"p50": p50, "p99": p99}}, "errored": None}

    metrics = {
        "request_totals": {"successful": 256, "errored": 3},
        "time_to_first_token_ms": values(51.0, 60.0),
        "inter_token_latency_ms": values(5.0, 7.0),
    }
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "guidellm.json").write_text(json.dumps({"benchmarks": [{"metrics": metrics}]}))
    assert TOOLS["guidellm"].said(job(tmp_path)) == SAID


def test_what_vllm_says(tmp_path: Path) -> None:
    """Its ITL, not its TPOT."""
    report = {
        "completed": 256,
        "p50_ttft_ms": 51.0,
        "p99_ttft_ms": 60.0,
        "p50_itl_ms": 5.0,
        "p99_itl_ms": 7.0,
        "p50_tpot_ms": 1.0,
        "p99_tpot_ms": 1.0,
    }
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "vllm.json").write_text(json.dumps(report))
    assert TOOLS["vllm"].said(job(tmp_path)) == SAID


def test_what_the_kit_says(tmp_path: Path) -> None:
    """All from its tables but the p99 of TTFT, which it does not print of 256: that is taken from its records."""
    metrics = {
        "requests": {"ok": 256},
        "ttft_ms": {"p50": 51.0, "p99": None},
        "itl_ms": {"p50": 5.0, "p99": 7.0},
    }
    records = [make_record(at, sent_ms=10, chunks_ms=(10 + at, 200, 300)) for at in range(1, 101)]
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / CELL).write_text(json.dumps({"metrics": metrics}))
    (folder / RECORDS).write_bytes(b"".join(write_jsonl_line(plain(record)) for record in records))
    assert KIT.said(job(tmp_path)) == Said(256, 51.0, 99.0, 5.0, 7.0)


@pytest.mark.parametrize("name", TOOLS)
def test_without_its_result_a_tool_says_nothing(name: str, tmp_path: Path) -> None:
    """An empty folder is one of the errors that a run takes for a reason."""
    (tmp_path / "run").mkdir()
    with pytest.raises((OSError, StopIteration)):
        TOOLS[name].said(job(tmp_path))


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_is_asked_for_the_same_load(name: str, tmp_path: Path) -> None:
    """The same address, requests, streams and tokens stand in every command line."""
    words = TOOLS[name].command(Path("/venv/bin/python"), Job(URL, 31, 257, 199, tmp_path, tmp_path / "run"))
    assert Path(words[0]).parent == Path("/venv/bin")
    line = " ".join(words)
    assert all(value in line for value in (URL, "31", "257", "199", str(tmp_path / "run")))


def test_the_kit_understands_its_own_command_line(tmp_path: Path) -> None:
    """As its own parser reads it."""
    words = KIT.command(Path("python"), job(tmp_path))
    assert words[:4] == ["python", "-m", "kit", "load"]
    given = kit_load.make_context("load", words[4:], help_option_names=["-h", "--help"]).params
    assert (given["url"], given["concurrency"], given["requests"]) == (URL, STREAMS, 256)
    assert (given["output_tokens"].min, given["output_tokens"].max) == (TOKENS, TOKENS)
    assert given["out"] == tmp_path / "run"


# --- the table ------------------------------------------------------------------------------------------

TRUE = Said(256, 50.0, 50.25, 5.0, 5.5)
KIT_ROW = table.Row("kit 1.0", GAP, Fidelity(TRUE, TRUE, 1.0), Cost(1000, 60_000.0, 3.3, 4.0))
PEER_ROW = table.Row("toy 2.0", MEAN, Fidelity(SAID, TRUE, 9.0), Cost(996, 12_500.0, 15.9, 16.0))
BROKEN_ROW = table.Row("odd", GAP, None, None, "pip install failed: no such version")


@pytest.mark.parametrize(
    ("said", "true", "words"),
    [
        (51.0, 50.0, "51.00 (+1.00)"),
        (49.5, 50.25, "49.50 (-0.75)"),
        (50.0, 50.0, "50.00 (+0.00)"),
        (None, 50.0, DASH),
        (50.0, None, DASH),
    ],
)
def test_a_number_is_shown_with_its_error(said: float | None, true: float | None, words: str) -> None:
    """The sign says to which side; no number has no error."""
    assert table.beside(said, true) == words


@pytest.mark.parametrize(
    ("row", "kit", "cells"),
    [
        (
            PEER_ROW,
            KIT_ROW.cost,
            ("51.00 (+1.00)", "60.00 (+9.75)", "5.00 (+0.00)", "7.00 (+1.50)", "12,500", "4.8 x"),
        ),
        (PEER_ROW, None, ("51.00 (+1.00)", "60.00 (+9.75)", "5.00 (+0.00)", "7.00 (+1.50)", "12,500", "")),
        (BROKEN_ROW, KIT_ROW.cost, (*[DASH] * 5, "could not run")),
    ],
)
def test_a_row_says_how_many_times_the_kit_is_cheaper(
    row: table.Row, kit: Cost | None, cells: tuple[str, ...]
) -> None:
    """60,000 / 12,500 tokens per CPU second; nothing where the kit has no result itself."""
    assert table.cells(row, kit) == (row.name, *cells)


def test_the_report_compares_with_the_kit_and_names_what_is_wrong() -> None:
    """The kit is 1.0 times itself; answers lost and tools that could not run are told below the table."""
    text = table.report([KIT_ROW, PEER_ROW, BROKEN_ROW], 1000)
    rows = {line.split("|")[1].strip(): line.split("|")[-2].strip() for line in text.splitlines() if "|" in line}
    assert rows.items() >= {"kit 1.0": "1.0 x", "toy 2.0": "4.8 x", "odd": "could not run"}.items()
    assert "kit 1.0: every gap; toy 2.0: mean of each request" in text
    assert "toy 2.0 counts 996 of 1000 answers as good." in text
    assert "kit 1.0 counts" not in text
    assert "odd could not run here: pip install failed: no such version" in text


def _raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_a_tool_that_cannot_be_installed_has_a_row_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others go on."""
    monkeypatch.setattr(table, "installed", _raising(BenchmarkError("pip install failed: no index")))
    found = table.row(PEERS[0], tmp_path, tmp_path, quick=True)
    assert found == table.Row("aiperf", MEAN, None, None, "pip install failed: no index")


@pytest.mark.parametrize(("quick", "requests"), [(True, 250), (False, 1000)])
def test_the_kit_is_run_as_it_is_installed(
    quick: bool, requests: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is installed for it; a quick comparison saturates with a quarter of the requests."""
    asked: list[int] = []

    def cost(_tool: Tool, _python: Path, _folder: Path, _tokenizer: Path, requests: int) -> Cost | None:
        asked.append(requests)
        return KIT_ROW.cost

    monkeypatch.setattr(table, "installed", _raising(AssertionError("the kit is there")))
    monkeypatch.setattr(table, "fidelity", lambda *_: KIT_ROW.fidelity)
    monkeypatch.setattr(table, "saturated", cost)
    found = table.row(KIT, tmp_path, tmp_path, quick=quick)
    assert found.name.startswith("kit ")
    assert (found.fidelity, found.cost, found.failure) == (KIT_ROW.fidelity, KIT_ROW.cost, None)
    assert asked == [requests]


def test_an_unknown_tool_is_a_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is installed or run."""
    with pytest.raises(SystemExit, match="2"):
        table.main(["--only", "aiperf,oops"])
    assert "no tool oops" in capsys.readouterr().err


# --- the tokenizer --------------------------------------------------------------------------------------


def test_every_byte_has_a_letter_of_its_own() -> None:
    """Printable ones are their own letters; blank and line feed are those of GPT-2's table."""
    letters = byte_letters()
    assert len(set(letters)) == 256
    assert (letters[ord("A")], letters[ord(" ")], letters[ord("\n")]) == ("A", "\u0120", "\u010a")
    assert all(letter.isprintable() and not letter.isspace() for letter in letters)


def test_the_tokenizer_has_one_token_a_byte_and_an_end(tmp_path: Path) -> None:
    """Its files are whole JSON, and all three that AutoTokenizer reads are there."""
    folder = write_tokenizer(tmp_path / "new" / "tokenizer")
    read = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.iterdir()}
    model = read["tokenizer.json"]["model"]
    assert (sorted(model["vocab"].values()), model["merges"]) == (list(range(257)), [])
    assert read["config.json"]["vocab_size"] == 257
    assert read["tokenizer_config.json"]["eos_token"] == "<end>"
