"""kit.plan.target: base URLs taken apart, and the bytes of a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import InputError
from kit.plan.target import API_KEY_VARIABLE, Target, parse_target, payload, request_head


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:8080", Target("127.0.0.1", 8080, False, "")),
        ("http://host", Target("host", 80, False, "")),
        ("https://host/", Target("host", 443, True, "")),
        ("http://host:1/v1", Target("host", 1, False, "")),
        ("http://host:1/v1/", Target("host", 1, False, "")),
        ("http://host:1/v1/chat/completions", Target("host", 1, False, "")),
        ("https://host/some/prefix/v1/", Target("host", 443, True, "/some/prefix")),
        ("http://[::1]:8080", Target("::1", 8080, False, "")),
        ("HTTP://HOST:65535", Target("host", 65535, False, "")),
        ("http://h/v10", Target("h", 80, False, "/v10")),
    ],
)
def test_a_base_url_is_taken_apart(url: str, target: Target) -> None:
    """With or without /v1, a port, a prefix; the base URL made again means the same."""
    assert parse_target(url) == target
    assert parse_target(target.base_url) == target


@pytest.mark.parametrize(
    "url",
    [
        *("", "host:80", "127.0.0.1:8080", "ftp://h", "file:///etc/passwd", "http://", "http:///v1", "//host"),
        *("http://user@h", "http://user:word@h", "http://h?x=1", "http://h#x", "http://h:65536", "http://h:-1"),
        *("unix:", "unix:relative", "unix:/a\0b", "http://h:eighty", "http://[::1", "http://[zz]", "http://:80"),
    ],
)
def test_what_is_no_base_url_is_refused(url: str) -> None:
    """With an example of one."""
    with pytest.raises(InputError) as caught:
        parse_target(url)
    assert any(example in caught.value.remedy for example in ("http://127.0.0.1:8080", "unix:/"))


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
