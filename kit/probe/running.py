"""What is asked of a server that already runs: what it is, which model, right answers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kit.documents import AnswerCheck, Entry, Exchange, FoundServer
from kit.documents.container import ContainerFacts
from kit.documents.shape import Api
from kit.documents.witness import WitnessAnswer
from kit.engines.protocol import RunProbe
from kit.errors import EngineError, InputError, InternalError
from kit.loadgen.asking import Limits, ask, ask_all, question
from kit.loadgen.reach import reach, stands_here
from kit.plan.correctness import SuiteLevel
from kit.plan.target import Access, Target, parse_target
from kit.plan.witness import WitnessQuestion
from kit.probe.examiner import Examiner, OnCheck
from kit.probe.http import CONNECT_S, EndpointError, document_of, whole_body
from kit.probe.operations import Operation
from kit.probe.probe import Probe
from kit.probe.witness import ask_witness
from kit.runtimes.found import QUESTIONS, found_server
from kit.strict import Json, plain
from kit.timestamps import utc_now

LOOK_S = 3.0  # for all questions together: most servers have no answer to most of them
MAX_ANSWER_BYTES = 1 << 20


def access_of(entry: Entry) -> Access:
    """What lets the kit in at an entry's address: the environment's, with the key of the entry's own variable."""
    access = Access.from_environment()
    if entry.api_key_env is None:
        return access
    key = os.environ.get(entry.api_key_env, "")
    if not key:
        raise InputError(
            f"The entry {entry.name} needs a key in the variable {entry.api_key_env}, which is not set.",
            f"Set it: export {entry.api_key_env}=...",
        )
    if not key.isprintable() or not key.isascii():
        raise InputError(
            f"The variable {entry.api_key_env} holds characters that no HTTP header may carry.", "Set it again."
        )
    return replace(access, headers=access.with_headers([("Authorization", f"Bearer {key}")]))


def look_at(target: Target, access: Access) -> FoundServer:
    """What a server says of itself; `UnreachableError` of the kit if nobody answers at its address."""
    address = reach(target, access)
    paths = [target.models_path, *QUESTIONS]
    answers: dict[str, Json] = {}

    def keep(exchange: Exchange) -> None:
        path = paths[exchange.id]
        try:
            answers[path] = document_of(whole_body(exchange), path)
        except EndpointError:
            return  # it does not say

    questions = [question(target, access, path) for path in paths]
    ask_all(target, access, questions, Limits(LOOK_S, MAX_ANSWER_BYTES, CONNECT_S), keep)
    listed = answers.pop(target.models_path, None)
    return found_server(listed, answers, same_machine=stands_here(address))


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that somebody else started: neither its process nor its log is known, and nobody here ends it."""

    url: str
    started_utc: str
    run_probe: RunProbe | None = None

    def exit_code(self) -> int | None:
        return None

    def log_tail(self, lines: int = 15) -> tuple[str, ...]:
        del lines
        return ()

    def log_start(self) -> str:
        return ""

    def run_inside(self, command: tuple[str, ...]) -> tuple[int, str]:
        raise EngineError(f"{command[0]} was not run: the kit did not start this server.")

    def facts(self) -> ContainerFacts | None:
        return None


class RunningProbe(Probe):
    """Asks it the correctness prompts, and how it counts; all else was asked by `look_at`."""

    FIRST_LOOK_S = LOOK_S

    def __init__(self, target: Target, access: Access) -> None:
        super().__init__(RunningServer(target.base_url, utc_now()))
        self._target, self._access = target, access

    def _ask(self, asked: Operation, on_check: OnCheck | None = None) -> Json:  # noqa: ARG002
        raise InternalError(f"A server that already runs is not asked {asked.name}.")

    def examine(
        self, level: SuiteLevel, model: str, requests: int, api: Api = "chat", on_check: OnCheck | None = None
    ) -> list[AnswerCheck]:
        told = on_check or (lambda *_: None)
        examiner = Examiner(self._target, model, level, self._access, api=api, on_check=told)
        return examiner.single() if requests == 1 else examiner.concurrent(requests)

    def witness(self, questions: Sequence[WitnessQuestion], api: Api = "chat") -> list[WitnessAnswer]:
        return ask_witness(self._target, self._access, api, questions)

    def post(self, path: str, document: Mapping[str, object], timeout_s: float) -> Json:
        """How it counts prompts is asked as a load asks: with its key, over the target's own connection."""
        one = question(self._target, self._access, path, json.dumps(plain(document)).encode())
        return document_of(whole_body(ask(self._target, self._access, one, Limits(timeout_s))), path)


def target_of(entry: Entry) -> Target:
    """The address of an entry of a server that already runs."""
    if entry.url is None:
        raise InternalError(f"The entry {entry.name} has no address.")
    return parse_target(entry.url)
