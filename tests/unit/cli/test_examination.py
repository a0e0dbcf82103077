"""`kit test`: live, in the words of the server, and with an exit code that tells dead from wrong."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kit import cli
from kit.strict.schema import problems
from tests.support.fakes import TinyServer
from tests.support.gathering import completion, gathering
from tests.support.hostile import Peer, Play, certificate, serving

LIST = b'{"data": [{"id": "m"}]}'
RIGHT = {
    "2 + 2": "2 + 2 = 4",
    "is_even": "1. Here:\n\n   ~~~python\n   def is_even(n):\n       return n % 2 == 0\n   ~~~",
    "SQL query": "SELECT * FROM users WHERE age > 30;",
    "JSON": '<think>{"city": ""}? No.</think>{"city": "Paris", "country": "France"}',
    "compiler": "It translates code into machine code.",
    "HTML": "<h1>Hello</h1>",
    "SQL stand": "Structured Query Language",
}


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(["test", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def right_answer(body: bytes) -> str:
    prompt = json.loads(body)["messages"][-1]["content"]
    return next(answer for words, answer in RIGHT.items() if words in prompt)


def page(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


def chatting(answer: Callable[[bytes], bytes], heads: list[bytes] | None = None) -> Play:
    """A server with a list of models that answers questions so; `answer` gets the body."""

    def play(peer: Peer) -> None:
        head = peer.head()
        if not head:
            return  # who only looked whether somebody is there
        if heads is not None:
            heads.append(head)
        if head.startswith(b"GET"):
            peer.send(page(LIST))
            return
        length = re.search(rb"Content-Length: (\d+)", head)
        assert length is not None
        peer.send(answer(peer.read(int(length[1]))))

    return play


def right(body: bytes) -> bytes:
    return completion(right_answer(body))


def test_right_answers_end_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    """The URL is an argument; each verdict with question, answer and what was expected."""
    with serving(chatting(right)) as server:
        code, out, err = run(capsys, server.url, "--level", "tiny", "-c", "3")
    assert (code, err) == (0, "")
    assert out.count("right  single") == 7
    assert out.count("right  concurrent") == 3
    assert "question  What is 2 + 2?" in out
    assert "answer    2 + 2 = 4" in out
    assert "expected  Python code that defines is_even" in out
    assert out.endswith("10 of 10 answers right (model m).\n")


def test_a_wrong_answer_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    """Quietly, what is wrong is told all the same."""
    with TinyServer(answer="five") as server:
        code, out, _ = run(capsys, server.url, "--level", "tiny", "-q")
    assert code == 1
    assert out.count("WRONG") == 7
    assert "answer    five" in out


@pytest.mark.parametrize("model", [(), ("--model", "m")])
@pytest.mark.parametrize("quiet", [(), ("-q",), ("--json",)])
def test_a_dead_server_ends_with_6(
    model: tuple[str, ...], quiet: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Within three seconds, with one line of what failed and one of what to do."""
    began = time.monotonic()
    code, out, err = run(capsys, "http://127.0.0.1:9", "--level", "tiny", *model, *quiet)
    assert time.monotonic() - began < 3
    assert (code, out) == (6, "")
    assert "Nobody answers at http://127.0.0.1:9" in err
    assert "refused" in err
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (400, {"error": {"message": "no room for 4096 tokens"}}),
        (401, {"error": "no room for 4096 tokens"}),
        (403, {"errors": [{"message": "no room for 4096 tokens"}]}),
        (404, {"object": "error", "message": "no room for 4096 tokens"}),
        (422, {"detail": [{"msg": "no room for 4096 tokens"}]}),
        (429, {"detail": "no room for 4096 tokens"}),
        (500, "no room for 4096 tokens"),
        (503, "<html><h1>no room for 4096 tokens</h1></html>"),
    ],
)
def test_a_refusal_is_told_once_in_the_words_of_the_server(
    status: int, document: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its status; it is no answer, so no wrong one either."""
    body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
    with serving(chatting(lambda _: page(body, f"{status} No"))) as server:
        code, out, _ = run(capsys, server.url, "--level", "tiny", "-q")
    assert code == 1
    assert out.count(f"HTTP status {status}") == out.count("no room for 4096 tokens") == 1
    assert out.endswith("0 of 7 answers right (model m). 7 questions got no answer.\n")


def test_verdicts_are_printed_as_they_come() -> None:
    """Also into a pipe: the second question is answered only after the first verdict was read."""
    read = threading.Event()
    asked: list[bytes] = []

    def answer(body: bytes) -> bytes:
        asked.append(body)
        if len(asked) == 2:
            assert read.wait(10)
        return right(body)

    with serving(chatting(answer)) as server:
        program = [sys.executable, "-c", "from kit.cli import main; main()", "test", server.url, "--level", "tiny"]
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "right  single      sum\n"
            read.set()
            assert "7 of 7 answers right" in child.stdout.read()
    assert child.returncode == 0


def test_what_a_server_says_is_printed_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    """No control, no C1, no direction; in text and in JSON."""
    evil = "\x1b[2J\x9b31m\u202e\x07\x7f"
    with serving(chatting(lambda _: completion(f"x{evil}"))) as server:
        text = run(capsys, server.url, "--level", "tiny")[1]
    with serving(chatting(lambda _: page(evil.encode(), "500 No"))) as server:
        text += run(capsys, server.url, "--level", "tiny")[1]
    assert all(character.isprintable() or character == "\n" for character in text)


def test_json_holds_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """By its schema: questions, answers, expectations, verdicts."""
    with serving(chatting(right)) as server:
        code, out, err = run(capsys, server.url, "--level", "tiny", "-c", "2", "--json")
        document = json.loads(out)
        assert document["url"] == server.url
    assert (code, err, problems(document, "examination")) == (0, "", [])
    assert (document["model"], document["level"], document["right"], document["wrong"]) == ("m", "tiny", 9, 0)
    first = document["checks"][0]
    assert first["question"].startswith("What is 2 + 2?")
    assert first["answer"] == "2 + 2 = 4"
    assert first["expected"][0].startswith("a match of")


@pytest.mark.parametrize("at_once", [100, 150, 500])
def test_as_many_are_asked_at_once_as_told(at_once: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The server answers none of them before all are there; one by one comes first, and is not held up."""
    single: list[bytes] = []

    def answer(body: bytes) -> bytes:
        single.append(body)
        return right(body)

    with gathering(at_once, answer, alone=7) as server:
        code, out, _ = run(capsys, server.url, "--model", "m", "--level", "tiny", "-c", str(at_once), "-q")
    assert server.most == at_once
    assert (code, out) == (0, f"{at_once + 7} of {at_once + 7} answers right (model m).\n")


def test_a_stall_ends_with_its_limit(capsys: pytest.CaptureFixture[str]) -> None:
    """--timeout-total is for each answer, and nothing is asked after one that did not come."""

    def play(peer: Peer) -> None:
        peer.head()
        peer.wait()

    with serving(play) as server:
        began = time.monotonic()
        code, out, _ = run(capsys, server.url, "--model", "m", "--level", "tiny", "--timeout-total", "300ms")
    assert time.monotonic() - began < 2
    assert code == 1
    assert "NONE   single      sum  no whole answer within 0.3 s" in out
    assert "not asked: no whole answer within 0.3 s to sum" in out


def test_headers_and_key_go_with_every_question(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the list of models too, and under one Host."""
    monkeypatch.setenv("KIT_API_KEY", "sesame")
    heads: list[bytes] = []
    with serving(chatting(right, heads)) as server:
        assert run(capsys, server.url, "--level", "tiny", "--header", "X-Team: a")[0] == 0
        host = f"Host: {server.url.removeprefix('http://')}".encode()
    assert len(heads) == 8
    for head in heads:
        assert {b"Authorization: Bearer sesame", b"X-Team: a", host} <= set(head.split(b"\r\n"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program makes certificates")
@pytest.mark.parametrize("trust", ["--cacert", "SSL_CERT_FILE", "--insecure", ""])
def test_a_certificate_is_trusted_as_told(
    trust: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By option or variable, for the list and for the questions; else nobody is asked anything."""
    cert, context = certificate(tmp_path)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    words: tuple[str, ...] = (trust,) if trust == "--insecure" else ()
    if trust == "--cacert":
        words = ("--cacert", str(cert))
    if trust == "SSL_CERT_FILE":
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    with serving(chatting(right), tls=context) as server:
        code, out, err = run(capsys, server.url, "--level", "tiny", "--json", *words)
    if trust:
        assert (code, json.loads(out)["insecure"]) == (0, trust == "--insecure")
    else:
        assert (code, out) == (6, "")
        assert "certificate" in err


def test_no_list_and_no_model_is_told_before_anything_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is ever asked by a made-up name."""
    heads: list[bytes] = []

    def play(peer: Peer) -> None:
        heads.append(peer.head())
        peer.send(page(b"Internal Server Error", "500 No"))

    with serving(play) as server:
        code, out, err = run(capsys, server.url, "--level", "tiny")
    assert (code, out) == (2, "")
    assert "500" in err
    assert "--model" in err
    assert not any(head.startswith(b"POST") for head in heads)
