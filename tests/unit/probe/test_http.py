"""The kit's ordinary HTTP against a server with scripted answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kit.errors import RuntimeNotReadyError, WrongAnswersError
from kit.probe import http
from tests.support.fakes import SUITE, TinyServer


@pytest.fixture
def server() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


def tail() -> tuple[str, ...]:
    return ("the last line",)


def test_waiting_ends_when_the_server_answers_200(server: TinyServer) -> None:
    """One look is enough."""
    http.wait_ready(server.url, "/health", 5, lambda: None, tail)
    assert server.paths == ["/health"]


def test_a_server_that_never_gets_ready_is_named_with_its_last_answer(server: TinyServer) -> None:
    """The budget, the status and the last log line."""
    server.health = 503
    with pytest.raises(RuntimeNotReadyError, match=r"within 0\.1 s .*503") as caught:
        http.wait_ready(server.url, "/health", 0.1, lambda: None, tail)
    assert caught.value.detail == ("the last line",)


def test_waiting_ends_at_once_when_the_server_has_ended(server: TinyServer) -> None:
    """No need to wait for the budget."""
    with pytest.raises(RuntimeNotReadyError, match="exit code 7"):
        http.wait_ready(server.url, "/health", 60, lambda: 7, tail)
    assert server.paths == []


def test_documents_are_read_strictly(server: TinyServer) -> None:
    """A page that is no JSON and a page that is not there are endpoint errors."""
    assert http.fetch_json(server.url + "/health") == {}
    with pytest.raises(http.EndpointError):
        http.fetch_json(server.url + "/metrics")
    with pytest.raises(http.EndpointError, match="404"):
        http.fetch_text(server.url + "/nothing")


def test_the_served_model_is_the_first_listed(server: TinyServer) -> None:
    """None when nobody lists any."""
    assert http.served_model(server.url) == "tiny"
    assert http.served_model("http://127.0.0.1:9") is None


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
