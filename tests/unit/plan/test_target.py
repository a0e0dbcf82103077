"""kit.plan.target: base URLs taken apart, and the bytes of a request."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import InputError
from kit.plan.target import (
    API_KEY_VARIABLE,
    HEADERS_VARIABLE,
    INSECURE_VARIABLE,
    Access,
    Target,
    checked_header,
    get_request,
    parse_target,
    payload,
    request_head,
)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:8080", Target("127.0.0.1", 8080, False)),
        ("http://host", Target("host", 80, False)),
        ("https://host/", Target("host", 443, True)),
        ("http://host:1/v1", Target("host", 1, False)),
        ("http://host:1/v1/", Target("host", 1, False)),
        ("http://host:1/v1/chat/completions", Target("host", 1, False)),
        ("https://host/some/prefix/v1/", Target("host", 443, True, "/some/prefix/v1")),
        ("https://host/some/prefix", Target("host", 443, True, "/some/prefix/v1")),
        ("http://[::1]:8080", Target("::1", 8080, False)),
        ("HTTP://HOST:65535", Target("host", 65535, False)),
        ("http://h/v10", Target("h", 80, False, "/v10")),
        ("http://h/v3", Target("h", 80, False, "/v3")),
        ("http://h/v3/chat/completions", Target("h", 80, False, "/v3")),
        ("http://h/v1beta/openai/", Target("h", 80, False, "/v1beta/openai")),
        ("http://h/v1beta/openai/v1", Target("h", 80, False, "/v1beta/openai/v1")),
        ("http://h/api/paas/v4/chat/completions", Target("h", 80, False, "/api/paas/v4")),
        ("http://h/openai", Target("h", 80, False, "/openai/v1")),
        ("http://h/openai/v1", Target("h", 80, False, "/openai/v1")),
        ("http://h/api/openai/v1/chat/completions", Target("h", 80, False, "/api/openai/v1")),
        ("http://h/chat/completions", Target("h", 80, False, "")),
        ("http://h/devices/chat/completions", Target("h", 80, False, "/devices")),
        ("http://h/@cf/v1", Target("h", 80, False, "/@cf/v1")),
        (
            "https://h/openai/deployments/d/chat/completions?api-version=2024-10-21",
            Target("h", 443, True, "/openai/deployments/d", query="?api-version=2024-10-21"),
        ),
    ],
)
def test_a_url_is_taken_apart(url: str, target: Target) -> None:
    """Base URL, prefix or whole endpoint; the URL made again means the same."""
    assert parse_target(url) == target
    assert parse_target(target.base_url) == target
    assert target.chat_path == f"{target.api}/chat/completions{target.query}"
    assert target.models_path == f"{target.api}/models{target.query}"


@pytest.mark.parametrize(
    ("url", "host", "base"),
    [
        ("http://localhost", "localhost", "http://localhost"),
        ("http://localhost:80/v1", "localhost", "http://localhost"),
        ("https://h:443", "h", "https://h"),
        ("http://h:443", "h:443", "http://h:443"),
        ("https://h:80", "h:80", "https://h:80"),
        ("http://[::1]:80", "[::1]", "http://[::1]"),
        ("http://[::1]:8080", "[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_the_usual_port_is_not_in_the_host(url: str, host: str, base: str) -> None:
    """A gateway that routes by name knows localhost, not localhost:80."""
    target = parse_target(url)
    assert f"\r\nHost: {host}\r\n".encode() in request_head(target)
    assert f"\r\nHost: {host}\r\n".encode() in get_request(target, target.models_path, Access())
    assert target.base_url == base


@pytest.mark.parametrize(
    "url",
    [
        *("", "host:80", "127.0.0.1:8080", "ftp://h", "file:///etc/passwd", "http://", "http:///v1", "//host"),
        *("http://h:65536", "http://h:-1"),
        *("unix:", "unix:relative", "unix:/a\0b", "http://h:eighty", "http://[::1", "http://[zz]", "http://:80"),
    ],
)
def test_what_is_no_base_url_is_refused(url: str) -> None:
    """With an example of one."""
    with pytest.raises(InputError) as caught:
        parse_target(url)
    assert any(example in caught.value.remedy for example in ("http://127.0.0.1:8080", "unix:/", f"http://{url}"))


@pytest.mark.parametrize(
    "url",
    [
        *("http://user:s3cret@h", "http://s3cret@h", "https://user:s3cret@h:1/v1", "http://user:a/s3cret@h"),
        *("http://user:s3cret@h:x", "http://user:s3cret@[zz", "http://user:s3cret@cret@h a", "user:s3cret@h"),
        *("ftp://user:s3cret@h", "http://us\xe4r:s3cret@h", "http://h/v1?key=s3cret", "http://h/v1#s3cret"),
        *("http://h/v1/chat/completions?api_key=s3cret", "http://h/v1/chat/completions?code=s3cret"),
        *("http://user:s3cret@h?x=1", "http://user:a#s3cret@h"),
    ],
)
def test_a_secret_in_a_url_is_refused_and_never_shown(url: str) -> None:
    """A CI log keeps what an error prints."""
    with pytest.raises(InputError) as caught:
        parse_target(url)
    assert "s3cret" not in str(caught.value)
    assert "cret@" not in str(caught.value)


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/completions", "/p/v1/embeddings", "/v1/responses", "/api/chat", "/api/generate/"]
)
def test_another_interface_is_refused(path: str) -> None:
    """The kit asks chat completions, and says so."""
    with pytest.raises(InputError, match="another interface"):
        parse_target(f"http://h{path}")


@pytest.mark.parametrize(
    "url", ["http://h/\xe4", "http://h\xf6", "http://h/a b", "http://h/a\0b", "http://a b", "http://h:0"]
)
def test_what_no_request_can_carry_is_refused(url: str) -> None:
    """Or is made into what it means; never a broken head, and never a UnicodeError."""
    try:
        target = parse_target(url)
    except InputError:
        return
    lines = request_head(target).split(b"\r\n")
    assert len(lines[0].split()) == 3
    assert b"\0" not in lines[0]
    assert b" " not in lines[1].removeprefix(b"Host: ")
    assert target.port == 0 or ":0" not in url


@pytest.mark.parametrize("url", ["unix:/run/kit.sock", "unix:/a b/\xe4"])
def test_a_unix_socket_is_named_by_its_path(url: str) -> None:
    """The Host header says localhost."""
    target = parse_target(url)
    assert (target.unix, target.base_url) == (url.removeprefix("unix:"), url)
    assert b"\r\nHost: localhost" in request_head(target)


@given(st.text(max_size=40) | st.text(st.sampled_from("htps:/[]@?#.0 \r\nv1"), max_size=30).map("http://".__add__))
def test_no_text_raises_anything_else(text: str) -> None:
    """A target or an InputError, and never a second header line."""
    try:
        target = parse_target(text)
    except InputError:
        return
    head = request_head(target)
    assert head.count(b"\r\n") == head.count(b"\n") == 5


def test_a_request_has_the_headers_of_a_stream() -> None:
    """Host with the port and brackets, and the length of the body at the very end of the head."""
    data = payload(request_head(parse_target("http://[::1]:8080/p/v1")), b'{"x":1}')
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /p/v1/chat/completions HTTP/1.1"
    assert {b"Host: [::1]:8080", b"Accept: text/event-stream", b"Content-Type: application/json"} < set(lines)
    assert (lines[-1], body) == (b"Content-Length: 7", b'{"x":1}')
    assert not any(line.startswith(b"Authorization") for line in lines)


def test_the_key_of_the_environment_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a bearer token."""
    monkeypatch.setenv(API_KEY_VARIABLE, "secret")
    assert b"\r\nAuthorization: Bearer secret\r\n" in request_head(parse_target("http://h"))


@pytest.mark.parametrize("key", ["a\r\nX: y", "a\nb", "schlüssel", "a\tb"])
def test_a_key_that_no_header_can_carry_is_refused(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named by its variable, never shown."""
    monkeypatch.setenv(API_KEY_VARIABLE, key)
    with pytest.raises(InputError, match=API_KEY_VARIABLE) as caught:
        request_head(parse_target("http://h"))
    assert key not in str(caught.value)


def test_headers_of_the_environment_go_with_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """A header of the same name stands for the kit's, Host and Authorization included."""
    monkeypatch.setenv(API_KEY_VARIABLE, "other")
    monkeypatch.setenv(
        HEADERS_VARIABLE, json.dumps({"X-Team": "a", "host": "model.internal", "authorization": "Basic s3cret"})
    )
    target, access = parse_target("http://h:1"), Access.from_environment()
    for data in (request_head(target), get_request(target, "/v1/models", access)):
        lines = data.split(b"\r\n")
        assert {b"X-Team: a", b"Host: model.internal", b"authorization: Basic s3cret"} < set(lines)
        assert sum(line.lower().startswith((b"host:", b"authorization:")) for line in lines) == 2
    assert "s3cret" not in repr(access)


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("", "a", "not the name"),
        ("X Y", "a", "not the name"),
        ("X\r\nY", "a", "not the name"),
        ("X", "s3cret\r\nY: z", "no header may carry"),
        ("X", "s3cret\xe4", "no header may carry"),
        ("X", 5, "no header may carry"),
        ("Content-Length", "5", "kit's own"),
        ("accept-encoding", "gzip", "kit's own"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused(name: str, value: object, word: str) -> None:
    """By its name; the value may be a secret."""
    with pytest.raises(InputError, match=word) as caught:
        checked_header(name, value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("text", ["[]", "{", '"a"', '{"X": null}', "null"])
def test_a_variable_that_is_no_object_of_headers_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is asked."""
    monkeypatch.setenv(HEADERS_VARIABLE, text)
    with pytest.raises(InputError):
        Access.from_environment()


@pytest.mark.parametrize(
    "access",
    [
        Access(),
        Access((("Authorization", "Bearer k"), ("X-A", "b")), "/ca.pem", insecure=True),
        Access((("Host", "a"),)),
    ],
)
def test_a_child_is_let_in_as_its_parent_is(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """By variables alone: secrets stand in no command line and no file."""
    for name in (API_KEY_VARIABLE, HEADERS_VARIABLE, "SSL_CERT_FILE", INSECURE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    for name, value in access.environment().items():
        monkeypatch.setenv(name, value)
    assert Access.from_environment() == access
