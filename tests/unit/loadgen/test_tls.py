"""kit.loadgen over TLS: trusted, wrong and missing certificates, stale connections, no handshake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.framing import CHUNKED, END, OK, chunked
from tests.support.hostile import (
    ANSWER,
    STREAM,
    TEXT,
    Peer,
    answering,
    asked,
    carried_out,
    certificate,
    limits,
    serving,
    verdict,
)

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program makes certificates")


@needs_openssl
def test_a_trusted_certificate_is_spoken_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a kept connection, an answer of many TLS records; a stale connection is replaced here too."""
    cert, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    answer = CHUNKED + chunked(*[TEXT] * 2_000, STREAM) + END

    def play(peer: Peer) -> None:
        while peer.request():
            if len(peer.server.requests) == 3:
                return
            peer.send(answer)

    with serving(play, tls=context) as server:
        ran = carried_out(asked(server.url, requests=3), pad_bytes=100_000)
    assert [(verdict(each), len(each.chunks)) for each in ran.records] == [("ok", 2_004)] * 3
    assert [server.connections, ran.run.stale_retries, ran.run.stamp_source] == [2, 1, "user"]


@needs_openssl
@pytest.mark.parametrize("trusted", [True, False])
def test_a_wrong_certificate_is_a_connect_failure(
    trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of nobody we know, and one of another host; no request is sent."""
    cert, context = certificate(tmp_path, "DNS:elsewhere.invalid")
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    with serving(answering(ANSWER), tls=context) as server:
        ran = carried_out(asked(server.url))
    record = ran.records[0]
    assert [verdict(record), record.sent_ns, server.requests] == ["connect", None, []]
    assert "certificate" in record.error_detail.lower()


def test_a_server_that_never_shakes_hands_is_a_connect_failure() -> None:
    """It has accepted, and speaks no TLS."""
    with serving(lambda peer: peer.wait()) as server:
        url = server.url.replace("http:", "https:")
        ran = carried_out(asked(url, timeouts=limits(connect_ms=60)))
    assert [verdict(ran.records[0]), ran.records[0].sent_ns] == ["connect", None]


def test_a_server_that_speaks_plainly_where_tls_is_wanted_is_a_connect_failure() -> None:
    """Its words are no handshake."""
    with serving(lambda peer: peer.send(OK)) as server:
        ran = carried_out(asked(server.url.replace("http:", "https:")))
    assert verdict(ran.records[0]) == "connect"
