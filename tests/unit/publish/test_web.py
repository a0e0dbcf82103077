"""HTTP: bounds on bytes, time and redirects; passwords stay with the server that they are for."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from kit.errors import SourceError, UnreachableError
from kit.publish.web import MAX_ERROR_BYTES, TooLargeError, Web
from tests.support.oci_registry import Scripted, serving

SECRET = {"Authorization": "Basic c2VjcmV0"}


@pytest.fixture
def one() -> Iterator[Scripted]:
    with serving(Scripted()) as scripted:
        yield scripted


@pytest.fixture
def other() -> Iterator[Scripted]:
    with serving(Scripted()) as scripted:
        yield scripted


def url(scripted: Scripted, path: str = "/x") -> str:
    return f"http://{scripted.host}{path}"


def moved(to: str) -> tuple[int, dict[str, str], bytes]:
    return 307, {"Location": to}, b""


def test_a_redirect_is_followed_and_the_password_stays_behind(one: Scripted, other: Scripted) -> None:
    """Another port is another server."""
    one.answers["GET", "/x"] = moved(url(other, "/y"))
    other.answers["GET", "/y"] = (200, {}, b"data")
    with Web() as web:
        assert web.ask("GET", url(one), max_bytes=10, headers=SECRET).body == b"data"
    assert [each[2] for each in one.seen] == [SECRET["Authorization"]]
    assert [each[2] for each in other.seen] == [None]


def test_on_one_server_the_password_goes_along(one: Scripted) -> None:
    one.answers["GET", "/x"] = moved("/y")
    one.answers["GET", "/y"] = (200, {}, b"data")
    with Web() as web:
        assert web.ask("GET", url(one), max_bytes=10, headers=SECRET).ok
    assert [each[2] for each in one.seen] == [SECRET["Authorization"]] * 2


def test_redirects_end(one: Scripted) -> None:
    one.answers["GET", "/x"] = moved("/x")
    with Web() as web, pytest.raises(SourceError, match="without end"):
        web.ask("GET", url(one), max_bytes=10)
    assert len(one.seen) == 6


@pytest.mark.parametrize("to", ["ftp://host/x", "file:///etc/passwd", "", "http://[::1/", "http://h:x/"])
def test_a_redirect_to_nowhere_good_is_refused(one: Scripted, to: str) -> None:
    one.answers["GET", "/x"] = moved(to)
    with Web() as web, pytest.raises(SourceError, match=r"not followed|Invalid URL"):
        web.ask("GET", url(one), max_bytes=10)
    assert len(one.seen) == 1


def test_what_is_sent_is_never_sent_elsewhere(one: Scripted, other: Scripted) -> None:
    """PUT and POST do not follow."""
    one.answers["PUT", "/x"] = moved(url(other))
    with Web() as web:
        assert web.ask("PUT", url(one), max_bytes=10, content=b"data").status == 307
    assert other.seen == []


@pytest.mark.parametrize(("size", "fits"), [(10, True), (11, False)])
def test_no_more_is_read_than_allowed(one: Scripted, size: int, fits: bool) -> None:
    one.answers["GET", "/x"] = (200, {}, b"a" * size)
    with Web() as web:
        if fits:
            assert len(web.ask("GET", url(one), max_bytes=10).body) == 10
        else:
            with pytest.raises(TooLargeError):
                web.ask("GET", url(one), max_bytes=10)


def test_the_words_of_a_refusal_are_cut(one: Scripted) -> None:
    one.answers["GET", "/x"] = (403, {}, b"a" * (MAX_ERROR_BYTES * 3))
    with Web() as web:
        answer = web.ask("GET", url(one), max_bytes=0)
    assert (answer.status, len(answer.body)) == (403, MAX_ERROR_BYTES)


def test_a_short_answer_is_not_taken_for_a_whole_one(one: Scripted) -> None:
    one.answers["GET", "/x"] = (200, {"Content-Length": "100", "Connection": "close"}, b"half")
    with Web(silence_s=0.5) as web, pytest.raises(SourceError, match="broke off"):
        web.ask("GET", url(one), max_bytes=1000)


def test_an_answer_that_takes_too_long_is_ended(one: Scripted) -> None:
    one.answers["GET", "/x"] = (200, {}, b"late")
    with Web(whole_s=-1) as web, pytest.raises(SourceError, match="too long"):
        web.ask("GET", url(one), max_bytes=1000)


def test_nobody_there_is_told_from_a_refusal() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Web() as web, pytest.raises(UnreachableError) as caught:
        web.ask("GET", f"http://127.0.0.1:{port}/x?token=secret", max_bytes=1)
    assert caught.value.exit_code == 12
    assert "secret" not in str(caught.value)


def test_a_server_without_tls_is_told_from_nobody(one: Scripted) -> None:
    """The option that was forgotten is named."""
    with Web() as web, pytest.raises(UnreachableError) as caught:
        web.ask("GET", url(one).replace("http://", "https://"), max_bytes=1)
    assert "answers without TLS" in caught.value.what
    assert "--plain-http" in caught.value.remedy
