"""What asks a server: a `DirectProbe` where its address can be reached, else a `ContainerProbe`."""

from __future__ import annotations

import json
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from kit.documents import AnswerCheck
from kit.documents.shape import Api
from kit.documents.witness import WitnessAnswer
from kit.engines.protocol import Running, RunProbe
from kit.errors import EngineError, InternalError, RuntimeNotReadyError
from kit.plan.correctness import SuiteLevel, turns
from kit.plan.witness import WitnessQuestion
from kit.probe.examiner import ANSWER_S, OnCheck
from kit.probe.http import EndpointError
from kit.probe.operations import GRACE_S, Operation, perform
from kit.probe.witness import ANSWER_S as WITNESS_ANSWER_S
from kit.strict import Json, StrictError, plain, read_json, typed
from kit.text import plain_text

QUICK_S = 30.0
SHA256_S = 3600.0
LONGEST_LOOK_S = 5.0  # one look at a server that is not ready takes no longer, nor does one answer to it
MAX_PRINTED_BYTES = 32 << 20
MAX_ERROR_CHARS = 400
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Checks:
    checks: tuple[AnswerCheck, ...]


@dataclass(frozen=True, slots=True)
class _Answers:
    answers: tuple[WitnessAnswer, ...]


class Probe(ABC):
    """Asks one server. Every question but `wait_ready` raises `EndpointError` where there was no good answer,

    and `EngineError` if it could not even be asked.
    """

    # Between two looks we see whether the server still lives, and in the beginning most of them that fail do.
    FIRST_LOOK_S: float

    def __init__(self, running: Running) -> None:
        self._running = running
        self._url = running.url

    @property
    def running(self) -> Running:
        """The server that it asks."""
        return self._running

    @abstractmethod
    def _ask(self, asked: Operation, on_check: OnCheck | None = None) -> Json: ...

    def wait_ready(self, path: str, budget_s: float) -> None:
        """Wait until the server answers 200 at `path`; `RuntimeNotReadyError` if it ends or is too slow."""
        began = time.monotonic()
        last: str | None = "no answer"
        while (waited := time.monotonic() - began) < budget_s:
            code = self._running.exit_code()
            if code is not None:
                raise RuntimeNotReadyError(
                    f"The server ended with exit code {code} before it was ready.",
                    "Read its last log lines below; the whole log is in the cell's folder.",
                    self._running.log_tail(),
                )
            last = self._look(path, min(LONGEST_LOOK_S, self.FIRST_LOOK_S + waited / 4, budget_s - waited))
            if last is None:
                return
        raise RuntimeNotReadyError(
            f"The server was not ready within {budget_s:g} s (last answer: {last}).",
            "Read its last log lines below; a slow disk or a large model needs a longer start budget.",
            self._running.log_tail(),
        )

    def _look(self, path: str, limit_s: float) -> str | None:
        """None if the server is ready within the limit, else its last answer."""
        try:
            last = self._ask(Operation("ready", limit_s, self._url, path))
        except EndpointError as error:
            return str(error)
        except EngineError:
            if self._running.exit_code() is None:
                raise
            return "no answer"  # it ended while we looked, and took with it the place to look from
        return None if last is None else plain_text(_string(last), 200)

    def fetch_json(self, path: str) -> Json:
        """The JSON document at `path`."""
        return self._ask(Operation("json", QUICK_S, self._url, path))

    def fetch_text(self, path: str) -> str:
        """The text at `path`."""
        return _string(self._ask(Operation("text", QUICK_S, self._url, path)))

    def served_model(self) -> str | None:
        """The first model the server lists at /v1/models, or None."""
        name = self._ask(Operation("model", QUICK_S, self._url))
        return None if name is None else _string(name)

    def examine(
        self, level: SuiteLevel, model: str, requests: int, api: Api = "chat", on_check: OnCheck | None = None
    ) -> list[AnswerCheck]:
        """The answers to the tests of a level: one after the other if `requests` is 1, else so many at once.

        `on_check` gets each verdict as it comes, where the questions are asked from here.
        """
        tests = level.tests
        if requests == 1:
            expected = [("single", test.name, 0) for test in tests]
        else:
            expected = [("concurrent", test.name, copy) for test, copy in turns(tests, requests)]
        limit_s = ANSWER_S * (len(tests) if requests == 1 else 1) + QUICK_S
        asked = Operation("examine", limit_s, self._url, model=model, requests=requests, level=level, api=api)
        value = self._ask(asked, on_check)
        try:
            checks = typed(_Checks, {"checks": value}, "the answers").checks
        except StrictError as error:
            raise _not_ours(error.message) from None
        if [(check.round, check.test, check.copy) for check in checks] != expected:
            raise _not_ours("it tells of other tests than were asked")
        return list(checks)

    def witness(self, questions: Sequence[WitnessQuestion], api: Api = "chat") -> list[WitnessAnswer]:
        """The answers to the questions of a witness, asked one after the other."""
        limit_s = WITNESS_ANSWER_S * len(questions) + QUICK_S
        value = self._ask(Operation("witness", limit_s, self._url, questions=tuple(questions), api=api))
        try:
            answers = typed(_Answers, {"answers": value}, "the answers").answers
        except StrictError as error:
            raise _not_ours(error.message) from None
        if [(each.round, each.id) for each in answers] != [(each.round, each.id) for each in questions]:
            raise _not_ours("it tells of other questions than were asked")
        return list(answers)

    def post(self, path: str, document: Mapping[str, object], timeout_s: float) -> Json:
        """POST a JSON document; any answer from 200 to 299 without an `error` in it is good."""
        return self._ask(Operation("post", timeout_s, self._url, path, document=json.dumps(plain(document))))

    def upload(self, path: str, file: str, timeout_s: float) -> None:
        """POST a file as it is. `file` is its path where the question is asked: here, or beside the server."""
        self._ask(Operation("upload", timeout_s, self._url, path, file=file))

    def sha256(self, file: str) -> str:
        """sha256 (hexadecimal) of a file or folder (see kit.catalogue), by its path where this is asked."""
        found = _string(self._ask(Operation("sha256", SHA256_S, file=file)))
        return found if _SHA256.fullmatch(found) else _refuse("a sha256 of another form")

    def mark(self, file: str) -> str:
        """What changes when a file or folder is written to (kit.storage.marks); its path is as in `sha256`."""
        return _string(self._ask(Operation("mark", QUICK_S, file=file)))


class DirectProbe(Probe):
    """Asks a server whose address is reached from here."""

    FIRST_LOOK_S = 0.5

    def _ask(self, asked: Operation, on_check: OnCheck | None = None) -> Json:
        return perform(asked, on_check)


class ContainerProbe(Probe):
    """Asks a server in a network of its own: the engine carries the questions there and the answers back."""

    FIRST_LOOK_S = 1.0

    def __init__(self, running: Running, run_probe: RunProbe) -> None:
        super().__init__(running)
        self._run_probe = run_probe

    def _ask(self, asked: Operation, on_check: OnCheck | None = None) -> Json:  # noqa: ARG002
        document = json.dumps(plain(asked)).encode()
        return value_of(self._run_probe(document, asked.limit_s + 2 * GRACE_S))


def probe_of(running: Running) -> Probe:
    """The probe that reaches this server."""
    return DirectProbe(running) if running.run_probe is None else ContainerProbe(running, running.run_probe)


def value_of(printed: bytes) -> Json:
    """What `python -m kit.probe` printed as "ok"; `EndpointError` for its "error", `EngineError` for the rest."""
    try:
        answer = read_json(printed, "answer", max_bytes=MAX_PRINTED_BYTES)
    except StrictError as error:
        raise _not_ours(error.message) from None
    if not isinstance(answer, dict) or len(answer) != 1:
        raise _not_ours("no ok and no error")
    if "ok" in answer:
        return answer["ok"]
    if "fault" in answer:
        raise InternalError(f"Beside the server: {plain_text(_string(answer['fault']), MAX_ERROR_CHARS)}")
    raise EndpointError(plain_text(_string(answer.get("error")), MAX_ERROR_CHARS))


def _string(value: Json) -> str:
    return value if isinstance(value, str) else _refuse("no text where one must be")


def _refuse(why: str) -> NoReturn:
    raise _not_ours(why)


def _not_ours(why: str) -> EngineError:
    return EngineError(
        f"The probe beside the server returned something unexpected: {plain_text(why, 200)}.",
        "The load generator's image may be of another version of the kit: kit images build loadgen",
    )
