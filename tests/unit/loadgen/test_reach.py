"""Whether anybody answers: found out at once, for each way of not answering."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path

import pytest

from kit.errors import InputError, UnreachableError
from kit.loadgen.connector import tls_context
from kit.loadgen.reach import reach
from kit.plan.target import Access, parse_target
from tests.support.hostile import certificate
from tests.support.openai_server import OpenAiServer

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program makes certificates")
NOBODY = Access()


def test_a_server_that_listens_is_reached() -> None:
    """Its address comes back; it was asked nothing."""
    with OpenAiServer() as server:
        family, address = reach(parse_target(server.url), NOBODY)
        assert (family, address[0]) == (socket.AF_INET, "127.0.0.1")
        assert server.asked == []


def test_of_several_addresses_the_one_that_accepts_is_taken() -> None:
    """localhost may be ::1 first, where nobody listens."""
    with OpenAiServer() as server:
        _, address = reach(parse_target(server.url.replace("127.0.0.1", "localhost")), NOBODY)
    assert address[1] == int(server.url.rpartition(":")[2])


def test_a_unix_socket_is_reached(tmp_path: Path) -> None:
    """By its path; one that is not there is unreachable."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        assert reach(parse_target(f"unix:{path}"), NOBODY) == (socket.AF_UNIX, path)
    with pytest.raises(UnreachableError, match="No such file"):
        reach(parse_target(f"unix:{path}x"), NOBODY)


def test_a_closed_port_is_unreachable_at_once() -> None:
    """With the address and the words of the system."""
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"http://127\.0\.0\.1:9: Connection refused") as caught:
        reach(parse_target("http://127.0.0.1:9"), NOBODY)
    assert time.monotonic() - began < 1
    assert caught.value.exit_code == 12


def test_an_address_that_swallows_everything_is_unreachable_in_time() -> None:
    """A full backlog answers no more than a firewall does."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        time.sleep(0.05)
        began = time.monotonic()
        with pytest.raises(UnreachableError, match=r"no answer within 0\.3 s"):
            reach(parse_target(f"http://127.0.0.1:{listener.getsockname()[1]}"), NOBODY, 0.3)
        assert time.monotonic() - began < 2


def test_a_name_without_an_address_is_wrong_input() -> None:
    """A typing mistake, most likely."""
    with pytest.raises(InputError, match=r"nobody\.invalid"):
        reach(parse_target("http://nobody.invalid"), NOBODY)


def test_a_name_that_is_never_looked_up_is_unreachable_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own patience is longer than ours."""

    def slow(*_: object, **__: object) -> list[object]:
        time.sleep(1)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(UnreachableError, match=r"not looked up within 0\.05 s"):
        reach(parse_target("http://slow.invalid"), NOBODY, 0.05)


@needs_openssl
def test_a_certificate_is_judged_before_the_load(tmp_path: Path) -> None:
    """Trusted by its file, or by nobody; with --insecure any will do."""
    cert, context = certificate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    wrong, _ = certificate(other)
    with OpenAiServer(tls=context) as server:
        target = parse_target(server.url)
        assert reach(target, Access(ca_file=str(cert)))
        assert reach(target, Access(insecure=True))
        for access in (NOBODY, Access(ca_file=str(wrong))):
            with pytest.raises(UnreachableError, match="certificate verify failed") as caught:
                reach(target, access)
            assert "--cacert" in caught.value.remedy


@needs_openssl
def test_a_certificate_of_another_host_is_told(tmp_path: Path) -> None:
    """Though its authority is trusted."""
    cert, context = certificate(tmp_path, "DNS:elsewhere.invalid")
    with OpenAiServer(tls=context) as server, pytest.raises(UnreachableError, match="mismatch"):
        reach(parse_target(server.url), Access(ca_file=str(cert)))


def test_a_server_without_tls_is_told() -> None:
    """Perhaps it is http:// after all."""
    with OpenAiServer() as server, pytest.raises(UnreachableError, match="No TLS connection") as caught:
        reach(parse_target(server.url.replace("http:", "https:")), NOBODY, 1.0)
    assert "http://" in caught.value.remedy


@pytest.mark.parametrize("content", [None, b"", b"no certificate\n"])
def test_a_file_without_certificates_is_wrong_input(content: bytes | None, tmp_path: Path) -> None:
    """It is named; OpenSSL alone would ignore it without a word."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"ca\.pem"):
        tls_context(Access(ca_file=str(path)))
