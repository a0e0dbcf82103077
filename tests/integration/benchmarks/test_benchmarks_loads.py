"""Loads of the benchmarks: what `kit load` is asked for, the same requests for the bare loop, and small sums."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import loads
from benchmarks.children import BenchmarkError, Ended
from benchmarks.endpoint import IN_BLOCKS, SATURATED, paced
from benchmarks.figure import Bench
from benchmarks.loads import Ask, Loaded, bare_load, kit_load, lost_tokens, request_file, span_s
from kit import cli
from kit.cli.load import command as load_command
from kit.cli.reference import command as reference_command
from kit.documents import OutputTokens, Window
from kit.storage.names import CELL
from tests.support.hostile import ANSWER, answering, serving
from tests.support.records import MS, make_record

URL = "http://127.0.0.1:9"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, quick=True)


# --- command lines --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "given"),
    [
        (
            Ask(200, concurrency=32, requests=1000),
            {
                "concurrency": 32,
                "requests": 1000,
                "rate": None,
                "duration": None,
                "warmup": 0,
                "ignore_eos": False,
            },
        ),
        (
            Ask((150, 250), concurrency=1000, requests=5_000, warmup_s=1.5, ignore_eos=True),
            {"concurrency": 1000, "requests": 5000, "warmup": 1.5, "ignore_eos": True},
        ),
        (Ask(4, rate=500, duration_s=60), {"rate": 500, "duration": 60, "concurrency": None, "requests": None}),
        (Ask(4, rate=0.125, duration_s=60.25), {"rate": 0.125, "duration": 60.25}),
        (Ask(200, concurrency=32, requests=50_000), {"requests": 50_000}),
        (Ask(20, concurrency=1, requests=1_000_000), {"requests": 1_000_000}),
    ],
)
def test_kit_load_understands_what_is_asked(ask: Ask, given: dict[str, object]) -> None:
    """As its own parser reads the options, large numbers too."""
    params = load_command.make_context(
        "load", ["--url", URL, *ask.options()], help_option_names=["-h", "--help"]
    ).params
    assert {name: params[name] for name in given} == given
    assert (params["output_tokens"].min, params["output_tokens"].max) == (ask.lengths.min, ask.lengths.max)


def test_lengths_are_a_number_or_a_range() -> None:
    """One number is a range of one."""
    assert Ask(200).lengths == OutputTokens("uniform", 200, 200)
    assert Ask((150, 250)).lengths == OutputTokens("uniform", 150, 250)


@pytest.mark.parametrize(
    ("options", "ttft_ms", "itl_ms"),
    [(paced(), 50, 5), (paced(30.5, 0.25), 30.5, 0.25), (SATURATED, 0, 0.001), (IN_BLOCKS, 0, 0)],
)
def test_the_reference_endpoint_understands_its_pace(
    options: tuple[str, ...], ttft_ms: float, itl_ms: float
) -> None:
    """As its own parser reads the options."""
    params = reference_command.make_context(
        "reference", [*options, "--until-stdin-closes"], help_option_names=["-h", "--help"]
    ).params
    assert (params["ttft_ms"], params["itl_ms"]) == (ttft_ms, itl_ms)


# --- one load -------------------------------------------------------------------------------------------


class Programs:
    """Stands for `run_counted`: ends as it is told, after it has left what the program would have left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, code: int = 0, output: str = "", **facts: Any) -> None:
        self.commands: list[list[str]] = []
        self._ended = Ended(code, 2.5, 4.0, None, output)
        self._facts = facts
        monkeypatch.setattr(loads, "run_counted", self._run)

    def _run(self, command: Sequence[str], at: Path, **_: object) -> Ended:
        self.commands.append(list(command))
        if "load" in command and not self._ended.code:
            at.mkdir()
            (at / CELL).write_text(json.dumps({"facts": self._facts}))
        return self._ended


def test_a_load_leaves_its_folder_and_cost(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Window and origin are those of the facts."""
    programs = Programs(monkeypatch, window={"start_ns": 5, "end_ns": 9}, origin_ns=77)
    found = kit_load(bench, URL, Ask(8, concurrency=2, requests=4))
    assert (found.window, found.origin_ns, found.ended.cpu_s) == (Window(5, 9), 77, 2.5)
    (command,) = programs.commands
    params = load_command.make_context("load", command[4:], help_option_names=["-h", "--help"]).params
    assert (params["url"], params["seed"], params["out"]) == (URL, loads.SEED, found.folder)


@pytest.mark.parametrize(
    ("ask", "kept"),
    [
        (Ask(8, concurrency=2, duration_s=4, warmup_s=1), True),
        (Ask(8, rate=2, duration_s=4), False),
        (Ask(8, concurrency=2, requests=4, warmup_s=1), False),
    ],
)
def test_only_a_stationary_load_is_kept_for_littles_law(
    ask: Ask, kept: bool, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Load before its window and after it."""
    Programs(monkeypatch, window={"start_ns": 5, "end_ns": 9})
    found = kit_load(bench, URL, ask)
    assert bench.stationary == ([found.folder] if kept else [])


def test_facts_without_window_or_origin_give_none() -> None:
    """A load that was given up has closed no window."""
    found = Loaded(Path(), {"facts": {"window": None}}, Ended(0, 0, 0, None, ""))
    assert (found.window, found.origin_ns) == (None, None)


def test_a_load_that_fails_is_told_and_not_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the program's last words."""
    Programs(monkeypatch, code=8, output="No numbers.\n")
    with pytest.raises(BenchmarkError, match="kit load ended with code 8: No numbers"):
        kit_load(bench, URL, Ask(8, concurrency=2, requests=4))
    assert bench.stationary == []


def test_what_the_bare_loop_says_is_kept_beside_its_whole_cost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last line is the result; the CPU of the whole program is what was counted from outside."""
    said = {"ended": 4, "broken": 0, "bytes": 9, "wall_s": 1.25, "cpu_s": 0.5}
    programs = Programs(monkeypatch, output=f"a warning\n{json.dumps(said)}\n")
    found = bare_load(bench, URL, Ask(8, concurrency=2, requests=4))
    assert (found.wall_s, found.loop_cpu_s, found.whole_cpu_s) == (1.25, 0.5, 2.5)
    (command,) = programs.commands
    assert command[2:4] == ["benchmarks.bare_loop", URL]
    assert (len(Path(command[4]).read_bytes().splitlines()), command[5]) == (4, "2")


@pytest.mark.parametrize(("ended", "broken"), [(3, 1), (3, 0), (4, 1), (0, 2)])
def test_a_bare_loop_that_lost_an_answer_has_no_cost(
    ended: int, broken: int, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Less work would look like less cost."""
    said = {"ended": ended, "broken": broken, "bytes": 9, "wall_s": 1.0, "cpu_s": 1.0}
    Programs(monkeypatch, output=json.dumps(said))
    with pytest.raises(BenchmarkError, match="lost answers"):
        bare_load(bench, URL, Ask(8, concurrency=2, requests=4))


def test_the_bare_loop_is_given_the_very_bodies_that_kit_load_sends(bench: Bench) -> None:
    """Prompts, salts, lengths and all: `kit load` itself against a server that keeps what it gets."""
    ask = Ask((8, 64), concurrency=2, requests=5, ignore_eos=True)
    with serving(answering(ANSWER)) as server:
        words = ["--url", server.url, "--model", loads.MODEL, "--prompts", loads.PROMPTS]
        out = ["--seed", str(loads.SEED), "--out", str(bench.folder / "load"), "--quiet"]
        assert cli.run(["load", *words, *ask.options(), *out]) == 0
        bodies = request_file(bench, server.url, ask).read_bytes().splitlines()
    sent = [request.partition(b"\r\n\r\n")[2] for request in server.requests]
    assert sorted(map(_read, sent)) == sorted(map(_read, bodies))
    assert len(set(bodies)) == ask.requests


def _read(body: bytes) -> str:
    return json.dumps(json.loads(body), sort_keys=True)


# --- sums -----------------------------------------------------------------------------------------------


def test_lost_tokens_are_those_asked_for_and_not_received() -> None:
    """Of 1,000 each: one whole, one cut by 10, one that failed without any."""
    whole, cut = make_record(0, tokens=1000), make_record(1, tokens=990)
    failed = make_record(2, chunks_ms=(), outcome="failed")
    assert lost_tokens([whole, cut, failed]) == 1010
    assert lost_tokens([whole]) == lost_tokens([]) == 0


def test_a_load_spans_from_its_first_send_to_its_last_end() -> None:
    """Whichever requests these are; one that was never sent begins nothing, but its end counts."""
    records = [
        make_record(0, sent_ms=500, done_ms=900),
        make_record(1, sent_ms=250, done_ms=700),
        make_record(2, sent_ms=None, intended_ms=0, chunks_ms=(), done_ms=1750, outcome="failed"),
    ]
    assert span_s(records) == 1.5
    assert span_s(records[:2]) == 0.65
    assert loads.NS_PER_S == 1000 * MS
