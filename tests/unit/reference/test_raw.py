"""Raw prompts: /v1/completions of the reference endpoint in every shape, read by the kit and asked by its load."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import get_args

import pytest

from kit.documents import LengthFit, Loop, OutputTokens
from kit.engines.process import ProcessEngine
from kit.errors import InputError
from kit.plan.correctness import load_suite
from kit.plan.prompt_files import read_prompt_file
from kit.plan.target import parse_target
from kit.probe.examiner import Examiner, answer_text
from kit.reference.shapes import Shape, text_of
from kit.run.load import load_by_hand
from kit.run.load_request import LoadRequest
from kit.storage.cell_folder import read_records
from kit.stream.record import parse
from kit.stream.template import template_of
from tests.support.scripted import answer, behaving, connected, in_thread

SHAPES: tuple[Shape, ...] = get_args(Shape)


def request(**members: object) -> bytes:
    data = json.dumps({"prompt": "0123456789abcdef is the number.", "max_tokens": 5, **members}).encode()
    return b"POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(data) + data


def asked(url: str, **members: object) -> bytes:
    """The body of one answer."""
    with connected(url) as sock:
        sock.sendall(request(**members))
        return b"".join(data for _, data in answer(sock).pieces)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_of_raw_text_is_read_in_every_shape(shape: Shape) -> None:
    """`choices[].text`, no role, and the end as in chats."""
    with in_thread(behaving(shape=shape)) as url:
        body = asked(url, stream=True, stream_options={"include_usage": True})
    found = parse([(1, body)])
    assert (found.text, found.finish_reason, found.error) == (
        text_of(0, 5), "stop" if shape == "realizar" else "length", None,
    )  # fmt: skip
    assert len(found.chunks) == 5
    assert found.done_seen
    assert b'"delta"' not in body
    assert b'"object":"text_completion"' in body
    if shape != "realizar":
        assert found.usage is not None
        assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (7, 5)


def test_the_usual_event_of_raw_text_becomes_a_template() -> None:
    """So that it is read as fast as that of a chat; an event with both members is read in full."""
    event = b'{"choices":[{"text":" one","index":0,"finish_reason":null}]}'
    found = template_of(event, " one")
    assert found is not None
    assert found.text(event.replace(b" one", b" two")) == " two"
    assert template_of(b'{"text":"a","choices":[{"text":" one"}]}', " one") is None


@pytest.mark.parametrize("shape", SHAPES)
def test_a_whole_raw_answer_has_a_text(shape: Shape) -> None:
    """As the gates of a run read it."""
    with in_thread(behaving(shape=shape)) as url:
        assert answer_text(asked(url)) == text_of(0, 5)


@pytest.mark.parametrize("prompt", [None, 7, ["a"], {"a": 1}])
def test_a_prompt_that_is_no_text_is_refused(prompt: object) -> None:
    """With a status, on a connection that stays."""
    with in_thread(behaving()) as url:
        assert b"prompt is not a text" in asked(url, prompt=prompt)


def test_the_gate_asks_raw_prompts_where_the_load_does() -> None:
    """The reference endpoint knows no answer, so the verdict is wrong; that it was asked is what counts."""
    with in_thread(behaving()) as url:
        checks = Examiner(
            parse_target(url), "m", load_suite("correctness-raw", "tiny"), api="completions"
        ).single()
    assert [check.test for check in checks] == ["capital", "sum", "add", "week"]
    assert {check.answer for check in checks} <= {text_of(0, tokens) for tokens in (6, 8, 12)}


def by_hand(url: str, folder: Path, **more: object) -> LoadRequest:
    values: dict[str, object] = {
        "url": url, "model": "m", "loop": Loop("closed", 2), "warmup_s": 0, "window_s": None, "requests": 6,
        "prompts": read_prompt_file(b"One\nTwo\n", "mine.txt"), "output_tokens": OutputTokens("uniform", 4, 4),
        "ignore_eos": False, "seed": 1,
    }  # fmt: skip
    del folder
    return LoadRequest(**(values | more))  # type: ignore[arg-type]


def test_a_load_by_hand_of_raw_prompts(tmp_path: Path) -> None:
    """Recorded with its interface, and all answered."""
    with in_thread(behaving()) as url:
        request = by_hand(url, tmp_path, api="completions")
        cell = load_by_hand(request, tmp_path / "run", ProcessEngine(), lambda _: None)
    assert cell.load is not None
    assert cell.load.api == "completions"
    assert cell.metrics is not None
    assert (cell.metrics.requests.ok, cell.metrics.requests.failed) == (6, 0)
    assert cell.metrics.tokens.completion == 24


def test_whole_chats_cannot_be_asked_raw(tmp_path: Path) -> None:
    """Said before anything is sent."""
    chats = read_prompt_file(b'{"messages": [{"role": "user", "content": "a"}]}', "chats.jsonl")
    with pytest.raises(InputError, match="cannot be sent as raw prompts"):
        load_by_hand(
            by_hand("http://127.0.0.1:9", tmp_path, api="completions", prompts=chats),
            tmp_path / "run",
            ProcessEngine(),
            lambda _: None,
        )


def test_prompts_by_hand_are_as_long_as_the_server_says(tmp_path: Path) -> None:
    """The reference endpoint counts four bytes a token; the fit finds that out, and the prefill rate is there."""
    with in_thread(behaving()) as url:
        request = by_hand(url, tmp_path, input_tokens=2000)
        cell = load_by_hand(request, tmp_path / "run", ProcessEngine(), lambda _: None)
    assert cell.load is not None
    assert cell.load.made_up is not None
    assert isinstance(cell.load.made_up.fit, LengthFit)
    counts = [each.prompt_tokens or 0 for each in read_records(tmp_path / "run" / "records.jsonl")]
    assert abs(sorted(counts)[len(counts) // 2] - 2000) <= 40  # four bytes a token is no tokenizer: words differ
    assert cell.metrics is not None
    assert cell.metrics.prefill_tok_s is not None
    assert cell.metrics.prefill_tok_s.n == 6


def test_a_server_that_counts_nothing_gets_nominal_lengths(tmp_path: Path) -> None:
    """It is measured all the same."""
    with in_thread(behaving("no-usage:1")) as url:
        request = by_hand(url, tmp_path, input_tokens=256)
        cell = load_by_hand(request, tmp_path / "run", ProcessEngine(), lambda _: None)
    assert cell.load is not None
    assert cell.load.made_up is not None
    assert (cell.load.made_up.fit, cell.load.made_up.words) == (None, 232)


def test_an_unknown_path_is_still_unknown() -> None:
    """Only the two interfaces are there."""
    with in_thread(behaving()) as url, pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{url}/v1/responses", timeout=5)
