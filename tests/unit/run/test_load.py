"""A load by hand: what is asked becomes one exact load, and its folder holds what the numbers come from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit.documents import Load, Loop, OutputTokens, Slo, TextPin
from kit.engines.protocol import OnLine
from kit.errors import InputError
from kit.plan.plan import TIMEOUTS
from kit.plan.prompt_files import read_prompt_file
from kit.plan.prompts import load_prompts
from kit.plan.target import Access
from kit.plan.traces import pinned_trace
from kit.run.load import load_by_hand
from kit.run.load_request import LoadRequest, make_load
from kit.storage.cell_folder import read_texts
from kit.strict import plain, read_json, typed
from kit.strict.schema import problems
from tests.support.fakes import FakeEngine

TRACE = b'{"at_ms":0}\n{"at_ms":1000,"output_tokens":9}\n{"at_ms":4000}\n'
REQUEST = LoadRequest(
    url="http://127.0.0.1:9/v1",
    model="m",
    loop=Loop("closed", 2),
    warmup_s=1,
    window_s=10,
    requests=None,
    prompts="micro",
    output_tokens=OutputTokens("uniform", 16, 64),
    ignore_eos=False,
    seed=0,
)
TRACED = replace(REQUEST, loop=Loop("open", None, "trace"), window_s=None, trace=TRACE, trace_name="day 1.jsonl")


class Seeing(FakeEngine):
    """Keeps the load and the files that lay beside it when it was started."""

    def __init__(self) -> None:
        super().__init__("")
        self.loads: list[Load] = []
        self.beside: dict[str, bytes] = {}

    def run_load(self, load: Path, out: Path, on_line: OnLine) -> int:
        self.loads.append(typed(Load, read_json(load.read_bytes(), "load"), "load"))
        self.beside = {path.name: path.read_bytes() for path in load.parent.iterdir()}
        return super().run_load(load, out, on_line)


class Failing(FakeEngine):
    """Reports an error before anything is written."""

    def run_load(self, load: Path, out: Path, on_line: OnLine) -> int:  # noqa: ARG002
        on_line(json.dumps({"event": "error", "what": "No such host.", "remedy": "Look."}))
        return InputError.exit_code


def ignore(_: object) -> None: ...


def made(request: LoadRequest) -> Load:
    assert isinstance(request.prompts, str)
    return make_load(request, load_prompts(request.prompts))


def test_what_judges_a_load_stands_in_it() -> None:
    """Limits, rule and ramp, exact."""
    load = made(replace(REQUEST, slo=Slo(ttft_ns=5), validate="basic", ramp_s=0.5, lane="sweep-c2", processes=2))
    assert load.processes == 2
    assert (load.slo, load.validate, load.ramp_ns, load.lane) == (Slo(ttft_ns=5), "basic", 500_000_000, "sweep-c2")
    assert (load.trace, load.window_ns, load.requests) == (None, 10**10, None)
    assert typed(Load, plain(load), "load") == load


def test_a_plain_load_is_judged_by_nothing() -> None:
    """The fields are there and empty."""
    load = made(REQUEST)
    assert (load.slo, load.validate, load.ramp_ns, load.trace, load.lane) == (None, None, 0, None, "load")


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (replace(REQUEST, ramp_s=1.001), "longer than the warm-up"),
        (
            replace(REQUEST, loop=Loop("open", None, "poisson", 1000), ramp_s=0.5),
            "--ramp applies to closed loops only",
        ),
        (replace(REQUEST, validate="regex:("), "not a regular expression"),
        (replace(TRACED, trace=b""), "day 1.jsonl: a trace needs"),
        (replace(TRACED, warmup_s=4.1), "ends before the warm-up"),
        (replace(TRACED, window_s=3.1), "ends 4 s after its start"),
        (replace(TRACED, requests=3), "has 2 requests after the warm-up"),
        (replace(TRACED, trace=b'{"at_ms":604800000}\n', trace_speed_milli=999), "more than seven days"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused(request_: LoadRequest, words: str, tmp_path: Path) -> None:
    """Before a folder is made or a server is asked."""
    engine = FakeEngine("")
    with pytest.raises(InputError) as raised:
        load_by_hand(request_, tmp_path / "out", engine, ignore)
    assert words in str(raised.value)
    assert engine.log == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("request_", "window_ns", "requests"),
    [
        (TRACED, None, 2),
        (replace(TRACED, warmup_s=0), None, 3),
        (replace(TRACED, requests=1), None, 1),
        (replace(TRACED, window_s=3), 3 * 10**9, None),
        (replace(TRACED, trace_speed_milli=2000), None, 1),
    ],
)
def test_a_trace_is_measured_from_the_warm_up_to_its_end(
    request_: LoadRequest, window_ns: int | None, requests: int | None
) -> None:
    """Or for as many requests, or as long, as was asked; faster traces have less after the warm-up."""
    load = made(request_)
    assert (load.window_ns, load.requests) == (window_ns, requests)
    assert load.trace is not None
    assert (load.trace.name, load.trace.count, load.trace.speed_milli) == (
        "day-1.jsonl",
        3,
        request_.trace_speed_milli,
    )


def test_the_load_generator_finds_the_trace_beside_its_load(tmp_path: Path) -> None:
    """Byte for byte, and it stays with the records; load.json goes into cell.json."""
    engine = Seeing()
    cell = load_by_hand(TRACED, tmp_path / "out", engine, ignore)
    assert set(engine.beside) == {"load.json", "prompts.json", "trace.jsonl"}
    assert engine.loads == [cell.load]
    assert engine.loads[0].trace is not None
    assert len(pinned_trace(engine.beside["trace.jsonl"], engine.loads[0].trace, "trace.jsonl")) == 3
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "trace.jsonl", "cell.json", "records.jsonl", "texts.jsonl",
    }  # fmt: skip


def test_goodput_and_validation_come_from_records_and_texts(tmp_path: Path) -> None:
    """Two requests in one second, first texts after 50 ms, of x alone."""
    request = replace(REQUEST, slo=Slo(ttft_ns=50_000_000, tpot_ns=1), validate="regex:x{3}")
    metrics = load_by_hand(request, tmp_path / "out", FakeEngine(""), ignore).metrics
    assert metrics is not None
    assert (metrics.goodput_req_s, metrics.goodput_share) == (0.0, 0.0)
    assert metrics.validation is not None
    assert (metrics.validation.checked, metrics.validation.failed_by_reason) == (2, {"no_match": 1})
    loose = load_by_hand(replace(request, slo=Slo(ttft_ns=50_000_000)), tmp_path / "2", FakeEngine(""), ignore)
    assert loose.metrics is not None
    assert loose.metrics.goodput_req_s == 2.0


@pytest.mark.parametrize("request_", [REQUEST, TRACED])
def test_a_load_that_never_began_leaves_nothing_behind(request_: LoadRequest, tmp_path: Path) -> None:
    """Not even the trace."""
    with pytest.raises(InputError, match="No such host"):
        load_by_hand(request_, tmp_path / "out", Failing(""), ignore)
    assert not (tmp_path / "out").exists()


def test_texts_are_read_strictly(tmp_path: Path) -> None:
    """By request id; another key is an error with its line."""
    path = tmp_path / "texts.jsonl"
    path.write_bytes(b'{"id":1,"text":"b"}\n{"id":0,"text":"a"}\n')
    assert read_texts(path) == {0: "a", 1: "b"}
    path.write_bytes(b'{"id":1,"text":"b"}\n{"id":0,"txt":"a"}\n')
    with pytest.raises(InputError, match=":2"):
        read_texts(path)


def test_prompts_are_pinned() -> None:
    """By name, hash and count."""
    pin = made(REQUEST).prompts
    assert isinstance(pin, TextPin)
    assert (pin.name, len(pin.sha256)) == ("micro", 64)


MINE = read_prompt_file(b"why?\nhow?\n", "mine.txt")


def test_prompts_of_a_user_stay_with_the_records(tmp_path: Path) -> None:
    """As they were given; the load pins them."""
    engine = Seeing()
    cell = load_by_hand(replace(REQUEST, prompts=MINE), tmp_path / "out", engine, ignore)
    assert engine.beside["prompts.source"] == b"why?\nhow?\n"
    assert (tmp_path / "out" / "prompts.source").read_bytes() == b"why?\nhow?\n"
    assert cell.load is not None
    assert (cell.load.prompts, cell.load.prompts_from) == (TextPin("mine", MINE.sha256, 2), "file")


def test_prompts_of_a_load_that_never_began_go_again(tmp_path: Path) -> None:
    """With the folder."""
    with pytest.raises(InputError, match="No such host"):
        load_by_hand(replace(REQUEST, prompts=MINE), tmp_path / "out", Failing(""), ignore)
    assert not (tmp_path / "out").exists()


def test_what_lets_the_kit_in_is_recorded_by_name() -> None:
    """Never by value; the key of the environment not even by name."""
    access = Access((("Authorization", "Bearer s3cret"), ("X-Team", "s3cret")), "/ca.pem", insecure=True)
    load = made(replace(REQUEST, access=access, url="https://h"))
    assert (load.headers, load.insecure, load.url) == (("X-Team",), True, "https://h")
    assert "s3cret" not in repr(replace(REQUEST, access=access))
    assert not made(replace(REQUEST, access=access)).insecure


def test_members_and_time_outs_stand_in_the_load() -> None:
    """As they were given."""
    request = replace(
        REQUEST,
        body={"temperature": 0.7},
        without=("top_p",),
        limit_key="max_completion_tokens",
        system=False,
        ignore_eos=True,
        timeouts=replace(TIMEOUTS, total_ns=10**12),
    )
    load = made(request)
    assert load.extra_body == {"ignore_eos": True, "temperature": 0.7}
    assert (load.without, load.limit_key, load.chat) == (("top_p",), "max_completion_tokens", "user")
    assert (load.timeouts.total_ns, load.drain_ns) == (10**12, 10**12)
    assert problems(plain(load), "load") == []


@pytest.mark.parametrize("members", [{"body": {"stream": False}}, {"without": ("messages",)}])
def test_members_that_decide_the_measurement_are_refused(members: dict[str, Any], tmp_path: Path) -> None:
    """Before a folder is made."""
    with pytest.raises(InputError, match=r"stream|messages"):
        load_by_hand(replace(REQUEST, **members), tmp_path / "out", FakeEngine(""), ignore)
    assert not (tmp_path / "out").exists()
