"""`python -m kit.loadgen LOAD.json OUT`: what it writes, says and returns, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from kit.documents import Load, LoadFacts, Metrics, Record, TextPin
from kit.errors import InputError
from kit.loadgen import __main__ as program
from kit.loadgen.__main__ import main
from kit.loadgen.loadrun import LoadRun
from kit.loadgen.spool import Spool
from kit.metrics.aggregate import cell_metrics
from kit.output import NOBODY_READS
from kit.plan.prompts import load_prompts, prompt_set_names
from kit.plan.schedule import planned_request
from kit.strict import plain, read_json, read_jsonl, typed, write_json
from kit.strict.schema import problems
from tests.support.framing import CHUNKED, chunked
from tests.support.hostile import TEXT, Peer, answering, asked, serving
from tests.support.scripted import MS, behaving, in_thread

WAIT_S = 30.0
FILES = ["facts.json", "records.jsonl", "texts.jsonl"]
Event = dict[str, Any]


def pinned(url: str, **changes: Any) -> Load:
    """A load with a prompt set that this kit has."""
    prompts = load_prompts(prompt_set_names()[0])
    pin = TextPin(prompts.name, prompts.sha256, len(prompts.texts))
    return replace(asked(url, **changes), prompts=pin)


@contextmanager
def started(load: Load, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The program at work; its files go to `folder`/out."""
    (folder / "load.json").write_bytes(write_json(plain(load)))
    (folder / "out").mkdir()
    command = [sys.executable, "-m", "kit.loadgen", str(folder / "load.json"), str(folder / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            yield child
        finally:
            child.kill()


def said(output: bytes) -> list[Event]:
    return [json.loads(line) for line in output.splitlines()]


def kept(folder: Path) -> tuple[list[Record], list[Event], LoadFacts]:
    """The files, read strictly and against their schemas; each hash and number is right, nothing else is there."""
    out = folder / "out"
    names = sorted(path.name for path in out.iterdir())
    lines = [value for _, value in read_jsonl((out / "records.jsonl").read_bytes(), "r", max_line_bytes=1 << 24)]
    assert [problem for line in lines for problem in problems(line, "record")] == []
    texts: list[Any] = [
        value for _, value in read_jsonl((out / "texts.jsonl").read_bytes(), "t", max_line_bytes=1 << 24)
    ]
    assert [problem for text in texts for problem in problems(text, "text")] == []
    facts = typed(LoadFacts, read_json((out / "facts.json").read_bytes(), "facts"), "facts")
    assert facts.records_sha256 == sha256((out / "records.jsonl").read_bytes()).hexdigest()
    assert facts.texts_sha256 == sha256((out / "texts.jsonl").read_bytes()).hexdigest()
    assert facts.requests == len(lines) == len(texts)
    records = [typed(Record, line, "r") for line in lines]
    if facts.window is None:
        assert names == FILES
    else:
        assert names == sorted([*FILES, "metrics.json"])
        numbers = typed(Metrics, read_json((out / "metrics.json").read_bytes(), "m"), "m")
        assert numbers == cell_metrics(records, facts.window, open_loop=False)
    return records, texts, facts


def test_a_load_is_carried_out_and_kept(tmp_path: Path) -> None:
    """Records and texts in the order of ids, as the schedule says; events in the order of the phases."""
    with in_thread(behaving(ttft_ms=5)) as url:
        load = pinned(url, requests=None, concurrency=3, warmup_ns=60 * MS, window_ns=100 * MS, drain_ns=900 * MS)
        with started(load, tmp_path) as child:
            output, errors = child.communicate(timeout=WAIT_S)
    assert (child.returncode, errors) == (0, b"")
    records, texts, facts = kept(tmp_path)
    assert [record.id for record in records] == [text["id"] for text in texts] == list(range(len(records)))
    for record, text in zip(records, texts, strict=True):
        request = planned_request(load.seed, load.lane, record.id, load.prompts.count, load.output_tokens)
        assert (record.prompt, record.salt, record.max_tokens) == (
            request.prompt,
            request.salt,
            request.max_tokens,
        )
        assert record.text_sha256 == sha256(text["text"].encode()).hexdigest()
    assert facts.window is not None
    assert (facts.window.start_ns, facts.window.end_ns, facts.interrupted) == (60 * MS, 160 * MS, False)
    events = said(output)
    assert [event["event"] for event in events[-2:]] == ["parse", "end"]
    phases = [event["phase"] for event in events if event["event"] == "progress"]
    assert phases[:2] == ["warm-up", "window"]
    assert events[-1]["interrupted"] is False


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_load_soon_and_keeps_what_there_is(name: signal.Signals, tmp_path: Path) -> None:
    """Exit code 0: the load ran, and its facts say how far."""
    with serving(answering(CHUNKED + chunked(TEXT))) as server:
        load = pinned(server.url, requests=None, concurrency=2, window_ns=60_000 * MS)
        with started(load, tmp_path) as child:
            assert child.stdout is not None
            assert json.loads(child.stdout.readline())["event"] == "progress"
            time.sleep(0.1)
            child.send_signal(name)
            begun = time.monotonic()
            output, errors = child.communicate(timeout=WAIT_S)
    assert (child.returncode, errors) == (0, b"")
    assert time.monotonic() - begun < 1.5
    records, _, facts = kept(tmp_path)
    assert [(record.outcome, len(record.chunks)) for record in records] == [("unfinished", 1)] * 2
    assert (facts.interrupted, facts.window) == (True, None)
    assert said(output)[-1] == {"event": "end", "interrupted": True}


PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="this system does not tell the memory of a child")
def test_a_hostile_server_cannot_make_the_program_grow(tmp_path: Path) -> None:
    """Eighty megabytes in one line: at most four times the limit of a body, and the program itself."""

    def play(peer: Peer) -> None:
        if peer.request():
            peer.send(CHUNKED)
            for _ in range(320):
                peer.send(chunked(b"x" * 250_000))

    with serving(play) as server:
        (tmp_path / "load.json").write_bytes(write_json(plain(pinned(server.url))))
        (tmp_path / "out").mkdir()
        # By a parent of its own: a child's peak counts what it had of its parent, and this one may be large.
        command = [sys.executable, "-m", "kit.loadgen", str(tmp_path / "load.json"), str(tmp_path / "out")]
        done = subprocess.run([sys.executable, "-c", PEAK, *command], capture_output=True, check=True)
    assert [record.error for record in kept(tmp_path)[0]] == ["protocol"]
    assert int(done.stdout.split()[-1]) * (1 if sys.platform == "darwin" else 1024) < 384 << 20


# --- refused --------------------------------------------------------------------------------------------


def changed(**members: object) -> bytes:
    document = plain(pinned("http://127.0.0.1:9"))
    assert isinstance(document, dict)
    return write_json(document | members)


@pytest.mark.parametrize(
    ("document", "code", "words"),
    [
        (b"", 2, "load.json"),
        (b"{}", 2, "load.json"),
        (b"{", 2, "load.json"),
        (b"[1]", 2, "load.json"),
        (b'{"a":NaN}', 2, "load.json"),
        (changed(url="ftp://h"), 2, "ftp://h"),
        (changed(url=None), 2, "url"),
        (changed(schema="kit/load/9"), 2, "schema"),
        (changed(more=1), 2, "more"),
        (changed(prompts={"name": "no-such-set", "sha256": "0" * 64, "count": 1}), 2, "no-such-set"),
        (changed(prompts={"name": prompt_set_names()[0], "sha256": "0" * 64, "count": 1}), 2, "not the one"),
    ],
)
def test_a_load_that_cannot_be_carried_out_is_refused(
    document: bytes, code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By one event that says why, with its exit code; nothing is left behind."""
    (tmp_path / "load.json").write_bytes(document)
    (tmp_path / "out").mkdir()
    assert main([str(tmp_path / "load.json"), str(tmp_path / "out")]) == code
    (event,) = said(capsys.readouterr().out.encode())
    assert (event["event"], event["code"]) == ("error", code)
    assert words in event["what"]
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["one"], ["one", "two", "three"]])
def test_other_arguments_are_refused_with_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """On the error stream: there is no event for it."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.startswith("usage: ")) == ("", True)


def test_files_that_are_not_there_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The load, and the folder for what it leaves."""
    missing = tmp_path / "missing"
    assert main([str(missing), str(tmp_path)]) == 2
    (tmp_path / "load.json").write_bytes(changed(requests=1))
    handlers = [signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)]
    assert main([str(tmp_path / "load.json"), str(missing)]) == 10
    for name, handler in zip((signal.SIGTERM, signal.SIGINT), handlers, strict=True):
        signal.signal(name, handler)
    events = said(capsys.readouterr().out.encode())
    assert [event["code"] for event in events if event["event"] == "error"] == [2, 10]
    assert all("missing" in event["what"] for event in events if event["event"] == "error")


def test_a_spool_that_cannot_be_closed_is_taken_away_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk in the load: told with exit code 10, and nothing of the spool stays on it."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    close = Spool.close

    def closed_badly(spool: Spool) -> None:
        close(spool)
        full()

    monkeypatch.setattr("kit.loadgen.__main__.carry_out", full)
    monkeypatch.setattr(Spool, "close", closed_badly)
    (tmp_path / "load.json").write_bytes(changed(requests=1))
    assert main([str(tmp_path / "load.json"), str(tmp_path)]) == 10
    assert "No space left" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["load.json"]


@pytest.mark.parametrize("allowed", [True, False])
def test_the_load_runs_ahead_of_others_where_it_may(
    allowed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no longer than it lasts; a user without the right to it is not troubled."""
    steps: list[int] = []

    def nice(step: int) -> int:
        if not allowed and step < 0:
            raise PermissionError
        steps.append(step)
        return 0

    monkeypatch.setattr(os, "nice", nice)
    seen: list[list[int]] = []

    def carry_out(*_: object) -> LoadRun:
        seen.append(list(steps))
        raise InputError("The load is not carried out.", "It is a test.")

    monkeypatch.setattr(program, "carry_out", carry_out)
    (tmp_path / "load.json").write_bytes(write_json(plain(pinned("http://127.0.0.1:9"))))
    (tmp_path / "out").mkdir()
    assert main([str(tmp_path / "load.json"), str(tmp_path / "out")]) == 2
    assert seen == [[-10] if allowed else []]
    assert sum(steps) == 0


def test_a_load_that_nobody_listens_to_ends_quietly(tmp_path: Path) -> None:
    """Who started it has gone, so it goes too, with the exit code of a closed pipe and without a traceback."""
    with in_thread(behaving(ttft_ms=5)) as url:
        load = pinned(url, requests=None, concurrency=1, warmup_ns=0, window_ns=20_000 * MS, drain_ns=900 * MS)
        with started(load, tmp_path) as child:
            assert child.stdout is not None
            child.stdout.readline()
            child.stdout.close()
            assert child.wait(WAIT_S) == NOBODY_READS
            assert child.stderr is not None
            assert child.stderr.read() == b""
