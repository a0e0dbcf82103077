"""The kit's ordinary HTTP against a server with scripted answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from kit.errors import WrongAnswersError
from kit.plan.target import parse_target
from kit.probe import http
from tests.support.fakes import SUITE, TinyServer


@pytest.fixture
def server() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


def test_polling_ends_when_the_server_answers_200(server: TinyServer) -> None:
    """One look is enough."""
    assert http.poll_ready(server.url + "/health", 5) is None
    assert server.paths == ["/health"]


def test_polling_ends_with_its_limit_and_tells_the_last_answer(server: TinyServer) -> None:
    """At least one look is had."""
    server.health = 503
    assert http.poll_ready(server.url + "/health", 0) == "HTTP status 503"
    assert len(server.paths) == 1


def test_documents_are_read_strictly(server: TinyServer) -> None:
    """A page that is no JSON and a page that is not there are endpoint errors."""
    assert http.fetch_json(server.url + "/health") == {}
    with pytest.raises(http.EndpointError):
        http.fetch_json(server.url + "/metrics")
    with pytest.raises(http.EndpointError, match="404"):
        http.fetch_text(server.url + "/nothing")


def test_a_fault_of_our_own_is_no_missing_answer(server: TinyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the reader, in the judge or in how httpx is called must be seen, not blamed on the server."""

    def bug(*_: object, **__: object) -> object:
        raise TypeError("a bug of ours")

    examiner = http.Examiner(server.url, "tiny", SUITE)
    asked: list[tuple[str, Callable[[], object]]] = [
        ("read_json", lambda: http.fetch_json(server.url + "/health")),
        ("read_json", lambda: http.post_json(server.url + "/x", b"{}", 5)),
        ("read_json", examiner.single),
        ("judge", examiner.single),
        ("httpx.Client.get", lambda: http.fetch_text(server.url + "/health")),
        ("httpx.Client.post", examiner.single),
    ]
    for place, ask in asked:
        with monkeypatch.context() as patched:
            patched.setattr(f"kit.probe.http.{place}", bug)
            with pytest.raises(TypeError, match="a bug of ours"):
                ask()


def test_the_served_model_is_the_first_listed(server: TinyServer) -> None:
    """An error when nobody answers."""
    assert http.served_model(parse_target(server.url)) == "tiny"
    with pytest.raises(http.UnreachableError):
        http.served_model(parse_target("http://127.0.0.1:9"))


def test_right_answers_pass(server: TinyServer) -> None:
    """Alone and three at once."""
    examiner = http.Examiner(server.url, "tiny", SUITE)
    checks = examiner.single() + examiner.concurrent(3)
    assert [(check.round, check.copy, check.passed) for check in checks] == [
        ("single", 0, True),
        ("concurrent", 0, True),
        ("concurrent", 1, True),
        ("concurrent", 2, True),
    ]
    http.require_right(checks)


@pytest.mark.parametrize(("answer", "status", "reason"), [("five", 200, "4"), ("4", 500, "500"), ("", 200, "")])
def test_wrong_answers_are_refused_with_their_reason(
    answer: str, status: int, reason: str, server: TinyServer
) -> None:
    """Wrong text, an error status, nothing at all."""
    server.answer, server.chat_status = answer, status
    checks = http.Examiner(server.url, "tiny", SUITE).single()
    assert not checks[0].passed
    assert reason in checks[0].reason
    with pytest.raises(WrongAnswersError, match="1 of 1"):
        http.require_right(checks)


def test_no_answers_are_not_right_answers() -> None:
    """A suite that asked nothing proves nothing."""
    with pytest.raises(WrongAnswersError):
        http.require_right([])


def test_a_dead_server_gives_wrong_answers_not_a_traceback() -> None:
    """Nobody listens on port 9."""
    checks = http.Examiner("http://127.0.0.1:9", "tiny", SUITE).single()
    assert not checks[0].passed
    assert "ConnectError" in checks[0].reason
