"""One question to a server, or about a file beside it, and how it is carried out where this code runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Literal

from kit.catalogue import folder_sha256
from kit.documents.shape import Api
from kit.plan.correctness import SuiteLevel
from kit.plan.target import parse_target
from kit.plan.witness import WitnessQuestion
from kit.probe import http
from kit.probe.examiner import Examiner, OnCheck
from kit.probe.http import NO_ACCESS, EndpointError
from kit.probe.witness import ask_witness
from kit.storage.marks import mark_of
from kit.strict import Json, plain
from kit.text import plain_text

Name = Literal["ready", "json", "text", "model", "examine", "witness", "post", "upload", "sha256", "mark"]

GRACE_S = 10.0  # beyond the limit of an operation, for what has time-outs of its own


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation and what it needs; it ends after `limit_s`. `document` is JSON text to be posted."""

    name: Name
    limit_s: float
    url: str = ""
    path: str = ""
    model: str = ""
    requests: int = 1
    level: SuiteLevel | None = None
    document: str = ""
    file: str = ""
    api: Api = "chat"
    questions: tuple[WitnessQuestion, ...] = ()


def _examine(asked: Operation, on_check: OnCheck = lambda *_: None) -> Json:
    if asked.level is None:
        raise EndpointError("there are no tests to ask")
    examiner = Examiner(parse_target(asked.url), asked.model, asked.level, api=asked.api, on_check=on_check)
    checks = examiner.single() if asked.requests == 1 else examiner.concurrent(asked.requests)
    return plain(checks)


def _witness(asked: Operation) -> Json:
    return plain(ask_witness(parse_target(asked.url), NO_ACCESS, asked.api, asked.questions))


def _model(asked: Operation) -> Json:
    try:
        return http.served_model(parse_target(asked.url))
    except EndpointError:
        return None


def _post(asked: Operation) -> Json:
    answer = http.post_json(asked.url, asked.path, asked.document.encode(), asked.limit_s)
    if isinstance(answer, dict) and answer.get("error"):
        raise EndpointError(f"the server says: {plain_text(str(answer['error']), 300)}")
    return answer


def _upload(asked: Operation) -> Json:
    http.post_file(asked.url + asked.path, Path(asked.file), asked.limit_s)
    return None


def _sha256(asked: Operation) -> Json:
    path = Path(asked.file)
    if not path.is_dir():
        return _file_sha256(path)
    files = (file for file in path.rglob("*") if file.is_file())
    return folder_sha256({file.relative_to(path).as_posix(): _file_sha256(file) for file in files})


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


_OPERATIONS: Mapping[Name, Callable[[Operation], Json]] = {
    "ready": lambda asked: http.poll_ready(asked.url, asked.path, asked.limit_s),
    "json": lambda asked: http.fetch_json(asked.url, asked.path),
    "text": lambda asked: http.fetch_text(asked.url, asked.path),
    "model": _model,
    "examine": _examine,
    "witness": _witness,
    "post": _post,
    "upload": _upload,
    "sha256": _sha256,
    "mark": lambda asked: mark_of(Path(asked.file)),
}


def perform(asked: Operation, on_check: OnCheck | None = None) -> Json:
    """Carry out one operation here; `EndpointError` if the server or the file did not give what was asked.

    `on_check` gets each verdict of an examination as it comes.
    """
    try:
        if asked.name == "examine" and on_check is not None:
            return _examine(asked, on_check)
        return _OPERATIONS[asked.name](asked)
    except OSError as error:
        raise EndpointError(f"{asked.file or asked.url}: {error.strerror or error}") from None
