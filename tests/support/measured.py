"""What `kit load`, `kit sweep` and `kit test` make of somebody else's server, and what must be true of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.running import kit

LIMIT = 12  # output tokens asked for
REQUESTS = 6
MICRO = ("--prompts", "micro", "--quiet", "--json")
TINY_TESTS = 7  # prompts of the level tiny
TOGETHER = 2
SWEEP_S = 2
NAME_CHARS = 200  # so much of a model's name is kept in each record


@dataclass(frozen=True, slots=True)
class Served:
    """A server as a person would name it, and what is known about its answers.

    `asked` is the model that the kit asks for, `answers_as` what the answers call it. `ends_early`: it may stop
    before the token limit, because it cannot be told to ignore the end of text. `reasons`: how answers may end.
    """

    url: str
    asked: str
    answers_as: str
    words: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    ends_early: bool = False
    reasons: frozenset[str] = frozenset({"length"})
    dialect: tuple[str, ...] = ()

    @property
    def forced(self) -> tuple[str, ...]:
        return () if self.ends_early else ("--ignore-eos",)


def records_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "records.jsonl").read_bytes().splitlines()]


def require_right_answers(served: Served, records: list[dict[str, Any]]) -> None:
    """Every answer whole, its tokens counted by the server and possible, and nothing odd about its stream.

    But for those that were cut off when the window was over.
    """
    ended = [record for record in records if record["outcome"] != "unfinished"]
    assert ended
    for record in ended:
        assert record["outcome"] == "ok", (record["error"], record["error_detail"])
        assert record["token_source"] == "usage"
        assert record["finish_reason"] in served.reasons
        assert record["model"] == served.answers_as[:NAME_CHARS]
        counted, limit = record["completion_tokens"], record["max_tokens"]
        assert 1 <= counted <= limit if served.ends_early else counted == limit
        assert 1 <= len(record["chunks"]) <= counted
        assert record["text_chars"] > 0
        assert record["prompt_tokens"] > 0
        assert tuple(record.get("dialect", ())) == served.dialect
        assert record.get("count_fault") is None
        assert record.get("untimed_tokens", 0) == 0


def require_right_load(served: Served, folder: Path) -> None:
    """`kit load URL`: the model found or as named, every request ok, each token counted."""
    asked = ("--concurrency", "2", "--requests", str(REQUESTS), "--output-tokens", str(LIMIT))
    done = kit(
        *("load", served.url, *served.words, *served.forced, *MICRO, *asked, "--out", str(folder)),
        environment=served.environment,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    cell = json.loads(done.stdout)
    assert cell["load"]["model"] == served.asked
    assert cell["metrics"]["requests"] == {"ok": REQUESTS, "failed": 0, "unfinished": 0}
    records = records_of(folder)
    assert len(records) == REQUESTS
    require_right_answers(served, records)
    tokens = cell["metrics"]["tokens"]
    assert tokens["source"] == "usage"
    assert tokens["completion"] == sum(record["completion_tokens"] for record in records)
    assert tokens["chunks"] == sum(len(record["chunks"]) for record in records)
    for secret in served.environment.values():
        assert not any(secret.encode() in file.read_bytes() for file in folder.iterdir())


def require_right_sweep(served: Served, folder: Path) -> None:
    """`kit sweep --url URL`: two levels, each with good answers only.

    By rate: on a machine that is busy with other things a short window still has requests in it.
    """
    asked = ("--rate", "1,2", "--arrivals", "constant", "--duration", str(SWEEP_S), "--warmup", "0.5")
    done = kit(
        *("sweep", "--url", served.url, *served.words, *served.forced, *MICRO, *asked, "--no-stop"),
        *("--output-tokens", "4", "--out", str(folder)),
        environment=served.environment,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    levels = json.loads(done.stdout)["levels"]
    assert [level["rate_milli_per_s"] for level in levels] == [1000, 2000]
    for level in levels:
        counts = level["metrics"]["requests"]
        sent = level["rate_milli_per_s"] * SWEEP_S // 1000
        assert counts == {"ok": sent, "failed": 0, "unfinished": 0}
        assert level["metrics"]["ttft_ms"]["n"] == sent
        require_right_answers(served, records_of(folder / level["id"]))


def examined(served: Served) -> tuple[int, dict[str, Any]]:
    """`kit test URL`: exit code and verdict."""
    asked = ("--level", "tiny", "--concurrency", str(TOGETHER), "--json")
    done = kit("test", served.url, *served.words, *asked, environment=served.environment)
    assert done.stderr == ""
    verdict = json.loads(done.stdout)
    assert verdict["model"] == served.asked
    assert len(verdict["checks"]) == verdict["right"] + verdict["wrong"] == TINY_TESTS + TOGETHER
    return done.returncode, verdict


def require_right_test(served: Served) -> None:
    """`kit test URL`: every answer right."""
    code, verdict = examined(served)
    assert (code, verdict["wrong"]) == (0, 0), [check for check in verdict["checks"] if not check["passed"]]
