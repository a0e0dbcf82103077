"""What the kit asks a server besides load: readiness, facts, counters, the list of models.

Every question has a cap on the bytes of its answer and a total deadline, whatever the server sends. Files go
through httpx, which is imported here and in `kit.supply.download` only.
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

from kit.debuglog import logged
from kit.documents import Exchange
from kit.loadgen.asking import Limits, ask, question
from kit.plan.target import Access, Target, parse_target
from kit.stream.error_words import words_of_body
from kit.stream.record import is_success
from kit.strict import Json, StrictError, read_json
from kit.text import plain_text

POLL_S = 0.05
SHORTEST_LOOK_S = 0.25  # a look that gets less time than this would see no server at all
QUESTION_S = 10.0
CONNECT_S = 3.0  # a server that nobody reaches is told from a slow one within this
MAX_ANSWER_BYTES = 4 << 20
MAX_WORDS_CHARS = 200  # of what a server says when it refuses
MAX_NAME_CHARS = 1000  # of a model: some are named by their path
NO_ACCESS = Access()


class EndpointError(Exception):
    """A server did not answer as asked; the message is safe to show."""


class UnreachableError(EndpointError):
    """Nobody answers at the server's address."""


def own_words(body: bytes) -> str:
    """What a server says about itself when it refuses, on one line; empty if it says nothing."""
    return plain_text(" ".join(words_of_body(body).split()), MAX_WORDS_CHARS) if body.strip() else ""


def whole_body(exchange: Exchange) -> bytes:
    """The body of a good answer; `EndpointError` with the status and the server's own words for any other."""
    body = b"".join([data for _, data in exchange.pieces])
    if exchange.failure == "connect":
        raise UnreachableError(plain_text(exchange.failure_detail, MAX_WORDS_CHARS))
    if exchange.status is not None and not is_success(exchange.status):
        words = exchange.failure_detail or own_words(body)
        raise EndpointError(f"HTTP status {exchange.status}{f': {words}' if words else ''}")
    if exchange.failure is not None:
        raise EndpointError(plain_text(exchange.failure_detail, MAX_WORDS_CHARS))
    if not exchange.complete:
        raise EndpointError("the connection closed before the end of the answer")
    return body


def _get(target: Target, path: str, access: Access, limit_s: float) -> bytes:
    limits = Limits(limit_s, MAX_ANSWER_BYTES, CONNECT_S)
    return whole_body(ask(target, access, question(target, access, path), limits))


@logged("http")
def poll_ready(url: str, path: str, limit_s: float) -> str | None:
    """Ask until the server answers well at `path`: None if it does within the limit, else its last answer."""
    target, deadline = parse_target(url), time.monotonic() + limit_s
    while True:
        left_s = deadline - time.monotonic()
        try:
            _get(target, path, NO_ACCESS, max(left_s, SHORTEST_LOOK_S))
        except EndpointError as error:
            if time.monotonic() + POLL_S >= deadline:
                return str(error)
            time.sleep(POLL_S)
        else:
            return None


def document_of(data: bytes, where: str) -> Json:
    """A strictly read document of a server; `EndpointError` if it is none."""
    try:
        return read_json(data, where, max_bytes=MAX_ANSWER_BYTES)
    except StrictError as error:
        raise EndpointError(str(error)) from None


@logged("http")
def fetch_json(url: str, path: str) -> Json:
    """The JSON document of the server at `path`; `EndpointError` if there is none."""
    return document_of(_get(parse_target(url), path, NO_ACCESS, QUESTION_S), url + path)


@logged("http")
def fetch_text(url: str, path: str) -> str:
    """The text of the server at `path`; `EndpointError` if there is none."""
    return _get(parse_target(url), path, NO_ACCESS, QUESTION_S).decode("utf-8", "replace")


@logged("http")
def post_json(url: str, path: str, document: bytes, timeout_s: float) -> Json:
    """The JSON that a server answers to a JSON document, None if nothing; `EndpointError` if it refuses."""
    target = parse_target(url)
    limits = Limits(timeout_s, MAX_ANSWER_BYTES)
    answer = whole_body(ask(target, NO_ACCESS, question(target, NO_ACCESS, path, document), limits))
    return document_of(answer, url + path) if answer.strip() else None


@logged("http")
def post_file(url: str, path: Path, timeout_s: float) -> None:
    """Send a file as it is, not held in memory; `EndpointError` if the server refuses it or is too slow."""
    ended: list[BaseException | None] = []

    def send() -> None:
        try:
            _send_file(url, path, timeout_s)
        except BaseException as error:
            ended.append(error)
        else:
            ended.append(None)

    # httpx knows no total time: a server that takes or says one byte a second would hold us for ever.
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    sender.join(timeout_s)
    if not ended:
        raise EndpointError(f"{path.name} was not taken within {timeout_s:g} s")
    if ended[0] is not None:
        raise ended[0]


def _send_file(url: str, path: Path, timeout_s: float) -> None:
    import httpx  # only here: it takes longer to import than all the rest of a load to start

    try:
        # No proxy and no .netrc of the user: what is measured is reached directly.
        with (
            path.open("rb") as data,
            httpx.Client(timeout=timeout_s, trust_env=False, follow_redirects=False) as client,
            client.stream(
                "POST",
                url,
                content=data,
                headers={"Content-Length": str(path.stat().st_size), "Accept-Encoding": "identity"},
            ) as answer,
        ):
            if not is_success(answer.status_code):
                # One part is enough of what it says, and what comes after it is not waited for.
                said = next(answer.iter_raw(), b"")
                raise EndpointError(f"HTTP status {answer.status_code}: {own_words(said)}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EndpointError(f"{type(error).__name__}: {plain_text(str(error), MAX_WORDS_CHARS)}") from None
    except OSError as error:
        raise EndpointError(f"{path.name}: {error.strerror or error}") from None


# --- the list of models ---------------------------------------------------------------------------------


@logged("http", lambda target, *_, **__: str(target.base_url))
def served_model(target: Target, access: Access = NO_ACCESS, limit_s: float = QUESTION_S) -> str:
    """The first model that the server lists; `EndpointError` says why there is none, `UnreachableError` if nobody

    answers there. It is asked with the load's own client, key, authorities and Host.
    """
    data = _get(target, target.models_path, access, limit_s)
    try:
        # Leniently: what a server says about its models beside their names is no business of ours.
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise EndpointError("the list of models is no JSON") from None
    rows = document.get("data") if isinstance(document, dict) else document
    if not isinstance(rows, list) or not rows:
        raise EndpointError("the list of models has no model in it")
    name = rows[0].get("id") if isinstance(rows[0], dict) else rows[0]
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise EndpointError("the first model of the list has no name that could be asked for")
    return name
