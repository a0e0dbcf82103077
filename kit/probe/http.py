"""The kit's ordinary HTTP: readiness, facts, counters and correctness prompts. Carries no load.

The only module besides `kit.supply.download` that imports httpx.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from kit.debuglog import logged
from kit.documents import AnswerCheck
from kit.errors import WrongAnswersError
from kit.loadgen.connector import tls_context
from kit.plan.correctness import MAX_REASON_CHARS, SuiteLevel, Test, judge, test_body, turns
from kit.plan.target import Access, Target
from kit.strict import Json, StrictError, read_json
from kit.text import plain_text

POLL_S = 0.05
ANSWER_TIMEOUT_S = 180.0
MAX_ANSWER_BYTES = 4 << 20
MAX_KEPT_CHARS = 4000  # of a correctness answer, in correct.jsonl


class EndpointError(Exception):
    """A server did not answer as asked; the message is safe to show."""


def _client(timeout_s: float) -> httpx.Client:
    # No proxy and no .netrc of the user: what is measured is reached directly.
    return httpx.Client(timeout=timeout_s, trust_env=False, follow_redirects=False)


@contextlib.contextmanager
def _endpoint_errors() -> Iterator[None]:
    """What httpx raises about a server and its answer as an `EndpointError`; our own faults stay what they are."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EndpointError(f"{type(error).__name__}: {error}") from None


def _get(client: httpx.Client, url: str) -> bytes:
    with _endpoint_errors():
        answer = client.get(url)
    if answer.status_code != 200:
        raise EndpointError(f"HTTP status {answer.status_code}")
    return answer.content


@logged("http")
def poll_ready(url: str, limit_s: float) -> str | None:
    """Ask again and again until `url` answers 200: None if it does within the limit, else its last answer."""
    deadline = time.monotonic() + limit_s
    with _client(5.0) as client:
        while True:
            try:
                _get(client, url)
            except EndpointError as error:
                if time.monotonic() + POLL_S >= deadline:
                    return str(error)
                time.sleep(POLL_S)
            else:
                return None


def _document(data: bytes, where: str) -> Json:
    try:
        return read_json(data, where, max_bytes=MAX_ANSWER_BYTES)
    except StrictError as error:
        raise EndpointError(str(error)) from None


@logged("http")
def fetch_json(url: str) -> Json:
    """The JSON document at `url`; `EndpointError` if there is none."""
    with _client(10.0) as client:
        data = _get(client, url)
    return _document(data, url)


@logged("http")
def fetch_text(url: str) -> str:
    """The text at `url`; `EndpointError` if there is none."""
    with _client(10.0) as client:
        return _get(client, url)[:MAX_ANSWER_BYTES].decode("utf-8", "replace")


def _answered(method: Callable[[httpx.Client], httpx.Response], timeout_s: float) -> httpx.Response:
    with _endpoint_errors(), _client(timeout_s) as client:
        answer = method(client)
    if not 200 <= answer.status_code < 300:
        raise EndpointError(f"HTTP status {answer.status_code}: {plain_text(answer.text, 200)}")
    return answer


@logged("http")
def post_json(url: str, document: bytes, timeout_s: float) -> Json:
    """The JSON that a server answers to a JSON document, None if nothing; `EndpointError` if it refuses."""
    kind = {"Content-Type": "application/json"}
    answer = _answered(lambda client: client.post(url, content=document, headers=kind), timeout_s)
    return _document(answer.content, url) if answer.content.strip() else None


@logged("http")
def post_file(url: str, path: Path, timeout_s: float) -> None:
    """Send a file as it is, without holding it in memory; `EndpointError` if the server refuses it."""
    try:
        with path.open("rb") as data:
            size = str(path.stat().st_size)
            _answered(lambda client: client.post(url, content=data, headers={"Content-Length": size}), timeout_s)
    except OSError as error:
        raise EndpointError(f"{path.name}: {error.strerror or error}") from None


class UnreachableError(EndpointError):
    """Nobody answers at the server's address."""


@logged("http", lambda target, *_, **__: str(target.base_url))
def served_model(target: Target, access: Access | None = None) -> str:
    """The first model that the server lists; `EndpointError` says why there is none, `UnreachableError` if nobody

    answers there.
    """
    asker = Access.from_environment() if access is None else access
    transport = httpx.HTTPTransport(verify=tls_context(asker) if target.tls else False, uds=target.unix)
    headers = {"Host": target.authority, **dict(asker.headers)}
    root = "http://localhost" if target.unix is not None else target.root
    with (
        _endpoint_errors(),
        httpx.Client(timeout=10.0, trust_env=False, transport=transport) as client,
    ):
        try:
            answer = client.get(f"{root}{target.models_path}", headers=headers)
        except httpx.ConnectError as error:
            raise UnreachableError(str(error)) from None
    if answer.status_code != 200:
        words = plain_text(" ".join(answer.text.split()), 200)
        raise EndpointError(f"HTTP status {answer.status_code}{f': {words}' if words else ''}")
    return _first_model(answer.content)


def _first_model(data: bytes) -> str:
    try:
        # Leniently: what a server says about its models beside their names is no business of ours.
        document = json.loads(data[:MAX_ANSWER_BYTES].decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise EndpointError("the list of models is no JSON") from None
    rows = document.get("data") if isinstance(document, dict) else document
    first = rows[0] if isinstance(rows, list) and rows else None
    name = first.get("id") if isinstance(first, dict) else first
    if not isinstance(name, str) or not name.strip():
        raise EndpointError("the list of models has no model in it")
    return name


def _answer_text(document: Json) -> str:
    choices = document.get("choices") if isinstance(document, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    text = message.get("content") if isinstance(message, dict) else None
    if not isinstance(text, str):
        raise EndpointError("the answer has no text at choices[0].message.content")
    return text


@logged("http")
def ask(client: httpx.Client, url: str, body: Mapping[str, object], headers: Mapping[str, str]) -> str:
    """The text of one non-streaming chat completion; `EndpointError` if there is none."""
    with _endpoint_errors():
        answer = client.post(f"{url}/v1/chat/completions", json=body, headers=dict(headers))
    if answer.status_code != 200:
        raise EndpointError(f"HTTP status {answer.status_code}")
    return _answer_text(_document(answer.content, "answer"))


class Examiner:
    """Asks the correctness prompts of one level and judges the answers."""

    def __init__(self, url: str, model: str, level: SuiteLevel, api_key: str = "") -> None:
        self._url = url
        self._model = model
        self._level = level
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}

    def single(self) -> list[AnswerCheck]:
        """Every test once, one after the other."""
        with _client(ANSWER_TIMEOUT_S) as client:
            return [self._check(client, "single", test, 0) for test in self._level.tests]

    def concurrent(self, requests: int) -> list[AnswerCheck]:
        """`requests` tests at the same time, going round the level's tests."""
        jobs = turns(self._level.tests, requests)
        with _client(ANSWER_TIMEOUT_S) as client, ThreadPoolExecutor(max_workers=requests) as pool:
            return list(pool.map(lambda job: self._check(client, "concurrent", *job), jobs))

    def _check(self, client: httpx.Client, round_: str, test: Test, copy: int) -> AnswerCheck:
        try:
            answer = ask(client, self._url, test_body(test, self._model), self._headers)
            reason = judge(test, answer)
        except EndpointError as error:
            answer, reason = "", str(error)
        return AnswerCheck(
            round="single" if round_ == "single" else "concurrent",
            test=test.name,
            copy=copy,
            passed=not reason,
            answer=answer[:MAX_KEPT_CHARS],
            reason=reason[:MAX_REASON_CHARS],
        )


def require_right(checks: Sequence[AnswerCheck]) -> None:
    """`WrongAnswersError` if there is no answer or one that is wrong."""
    wrong = [check for check in checks if not check.passed]
    if wrong or not checks:
        lines = tuple(f"{check.round} {check.test}: {check.reason}" for check in wrong[:5])
        raise WrongAnswersError(
            f"{len(wrong)} of {len(checks)} correctness answers are wrong.",
            "The cell is not measured; correct.jsonl in its folder has the answers.",
            lines,
        )
