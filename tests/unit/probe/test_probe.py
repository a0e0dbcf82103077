"""What is asked of a server besides load: here, and beside it by the same code; no answer is believed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from kit.documents.container import ContainerFacts
from kit.engines.protocol import RunProbe
from kit.errors import EngineError, InternalError, RuntimeNotReadyError
from kit.probe import Probe, probe_of
from kit.probe import __main__ as program
from kit.probe.http import EndpointError
from kit.probe.operations import Operation, perform
from kit.strict import plain, read_json, typed
from tests.support.fakes import SUITE, TinyServer


class Server:
    """A started server, to be asked directly or by a probe that is run beside it."""

    def __init__(self, url: str, run_probe: RunProbe | None = None) -> None:
        self.url = url
        self.run_probe = run_probe
        self.started_utc = ""
        self.code: int | None = None

    def exit_code(self) -> int | None:
        return self.code

    def log_tail(self, lines: int = 15) -> tuple[str, ...]:
        return ("last words",)[:lines]

    def log_start(self) -> str:
        return "first words"

    def run_inside(self, command: tuple[str, ...]) -> tuple[int, str]:
        raise EngineError(command[0])

    def facts(self) -> ContainerFacts | None:
        return None


def carried(operation: bytes, timeout_s: float) -> bytes:
    """What the program beside a server does, in this process."""
    asked = typed(Operation, read_json(operation, "operation"), "operation")
    assert timeout_s > asked.limit_s
    try:
        return json.dumps({"ok": perform(asked)}).encode() + b"\n"
    except EndpointError as error:
        return json.dumps({"error": str(error)}).encode() + b"\n"


def saying(printed: bytes) -> RunProbe:
    return lambda operation, timeout_s: printed  # noqa: ARG005


@pytest.fixture
def tiny() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


@pytest.fixture(params=["here", "beside"])
def probe(request: pytest.FixtureRequest, tiny: TinyServer) -> Probe:
    return probe_of(Server(tiny.url, None if request.param == "here" else carried))


def test_questions_and_answers(probe: Probe) -> None:
    """Ready, documents, texts, the model's name."""
    probe.wait_ready("/health", 5)
    assert probe.fetch_json("/v1/models") == {"data": [{"id": "tiny"}]}
    assert probe.fetch_text("/metrics").startswith("llamacpp:prompt_tokens_total 10")
    assert probe.served_model() == "tiny"


def test_what_is_not_there_is_an_endpoint_error(probe: Probe) -> None:
    """A page, a document, a file."""
    with pytest.raises(EndpointError, match="404"):
        probe.fetch_text("/nothing")
    with pytest.raises(EndpointError, match="JSON"):
        probe.fetch_json("/metrics")
    with pytest.raises(EndpointError, match="No such file"):
        probe.sha256("/no/such/file")
    with pytest.raises(EndpointError, match="No such file"):
        probe.upload("/blob", "/no/such/file", 1)


def test_the_examination_is_single_or_at_once(probe: Probe) -> None:
    """One request means one by one."""
    single, many = probe.examine(SUITE, "tiny", 1), probe.examine(SUITE, "tiny", 3)
    assert [(check.round, check.copy, check.passed) for check in single] == [("single", 0, True)]
    assert [(check.round, check.copy) for check in many] == [("concurrent", copy) for copy in range(3)]


def test_posts_give_the_answer_or_its_error(probe: Probe, tiny: TinyServer) -> None:
    """Any status from 200 to 299 is good."""
    assert probe.post("/x", {"model": "m"}, 5) == {"choices": [{"message": {"content": "4"}}]}
    tiny.chat_status = 201
    probe.post("/x", {}, 5)
    tiny.chat_status = 500
    with pytest.raises(EndpointError, match="HTTP status 500"):
        probe.post("/x", {}, 5)


def test_files_and_folders_are_hashed_and_uploaded(probe: Probe, tiny: TinyServer, tmp_path: Path) -> None:
    """A folder by the list that sha256sum would print."""
    (tmp_path / "m" / "sub").mkdir(parents=True)
    (tmp_path / "m" / "a").write_bytes(b"a")
    (tmp_path / "m" / "sub" / "b").write_bytes(b"b")
    digests = [sha256(data).hexdigest() for data in (b"a", b"b")]
    assert probe.sha256(str(tmp_path / "m" / "a")) == digests[0]
    listed = f"{digests[0]}  a\n{digests[1]}  sub/b\n"
    assert probe.sha256(str(tmp_path / "m")) == sha256(listed.encode()).hexdigest()
    probe.upload("/blob", str(tmp_path / "m" / "a"), 5)
    assert tiny.paths == ["/blob"]


def test_a_server_that_has_ended_is_not_waited_for(tiny: TinyServer) -> None:
    """Here and beside, in the same words."""
    for beside in (None, carried):
        server = Server(tiny.url, beside)
        server.code = 7
        with pytest.raises(RuntimeNotReadyError, match="exit code 7") as caught:
            probe_of(server).wait_ready("/health", 60)
        assert caught.value.detail == ("last words",)


def test_a_server_that_is_not_ready_in_time_is_told_with_its_last_answer(tiny: TinyServer) -> None:
    """Here and beside, in the same words."""
    tiny.health = 503
    for beside in (None, carried):
        with pytest.raises(RuntimeNotReadyError, match=r"within 0\.1 s .*503"):
            probe_of(Server(tiny.url, beside)).wait_ready("/health", 0.1)


def test_a_server_that_takes_its_place_with_it_is_one_that_has_ended() -> None:
    """The engine cannot run anything in a container that is gone."""
    server = Server("http://127.0.0.1:9")

    def gone(*_: object) -> bytes:
        server.code = 3
        raise EngineError("the container is not running")

    server.run_probe = gone
    with pytest.raises(RuntimeNotReadyError, match="exit code 3"):
        probe_of(server).wait_ready("/health", 5)


def test_an_engine_that_fails_is_no_server_that_has_ended() -> None:
    """Its own error goes on."""

    def broken(*_: object) -> bytes:
        raise EngineError("the engine went away")

    with pytest.raises(EngineError, match="went away"):
        probe_of(Server("http://127.0.0.1:9", broken)).wait_ready("/health", 5)


def test_a_probe_without_an_answer_is_a_server_that_is_not_ready() -> None:
    """Its words are the last answer."""
    tells = saying(b'{"error": "it took too long"}')
    with pytest.raises(RuntimeNotReadyError, match="last answer: it took too long"):
        probe_of(Server("http://127.0.0.1:9", tells)).wait_ready("/health", 0.01)


def test_a_fault_of_our_own_is_not_hidden_in_an_answer(tiny: TinyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor in one that is carried here from beside the server."""

    def bug(*_: object, **__: object) -> object:
        raise InternalError("a bug of ours")

    monkeypatch.setattr("kit.probe.operations.plain", bug)
    with pytest.raises(InternalError, match="a bug of ours"):
        probe_of(Server(tiny.url)).examine(SUITE, "tiny", 1)


# --- hostile answers ------------------------------------------------------------------------------------

ASKED: list[Callable[[Probe], object]] = [
    lambda probe: probe.wait_ready("/health", 5),
    lambda probe: probe.fetch_json("/x"),
    lambda probe: probe.fetch_text("/x"),
    lambda probe: probe.served_model(),
    lambda probe: probe.examine(SUITE, "m", 1),
    lambda probe: probe.sha256("/x"),
]


@pytest.mark.parametrize(
    "printed",
    [
        b"", b"Traceback", b"[]", b"{}", b"\xff", b'{"ok": 1}{"ok": 2}', b'{"ok": 1, "ok": 2}', b'{"ok": NaN}',
        b'{"ok": 1, "error": "x"}', b'{"well": 1}', b'{"error": 5}', b'{"error": null}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_answer_of_ours_is_an_engine_error(printed: bytes) -> None:
    """Whatever was asked."""
    for ask in ASKED:
        with pytest.raises(EngineError, match="returned something unexpected"):
            ask(probe_of(Server("http://x", saying(printed))))


@pytest.mark.parametrize(
    ("ask", "value"),
    [
        (ASKED[0], 5),
        (ASKED[2], None),
        (ASKED[3], ["tiny"]),
        (ASKED[4], []),
        (ASKED[4], [{"round": "single"}]),
        (ASKED[5], "not hexadecimal"),
        (ASKED[5], "A" * 64),
    ],
)
def test_a_value_of_another_type_is_an_engine_error(ask: Callable[[Probe], object], value: object) -> None:
    """An answer must fit its question."""
    with pytest.raises(EngineError, match="returned something unexpected"):
        ask(probe_of(Server("http://x", saying(json.dumps({"ok": value}).encode()))))


def test_an_examination_of_other_tests_counts_for_nothing(tiny: TinyServer) -> None:
    """One answer less, or one to another test, would make a wrong server right."""
    right = probe_of(Server(tiny.url)).examine(SUITE, "tiny", 3)
    for checks in (right[:-1], [*right[:-1], right[0]], right[::-1]):
        printed = json.dumps({"ok": plain(checks)}).encode()
        with pytest.raises(EngineError, match="other tests"):
            probe_of(Server("http://x", saying(printed))).examine(SUITE, "tiny", 3)


def test_errors_from_beside_are_made_safe() -> None:
    """And short."""
    printed = json.dumps({"error": "\x1b[2J" + "x" * 10_000}).encode()
    with pytest.raises(EndpointError) as caught:
        probe_of(Server("http://x", saying(printed))).fetch_text("/")
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) <= 400


# --- the program ----------------------------------------------------------------------------------------


def test_the_program_answers_in_one_line(tiny: TinyServer, tmp_path: Path) -> None:
    """From its argument, and from a file."""
    operation = json.dumps(plain(Operation("model", 5.0, tiny.url)))
    (tmp_path / "op.json").write_text(operation)
    for argument in (operation, f"@{tmp_path / 'op.json'}"):
        done = subprocess.run(
            [sys.executable, "-m", "kit.probe", argument], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, '{"ok": "tiny"}\n', "")


def test_the_program_says_why_it_has_no_answer(capfd: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 for a server without an answer, 2 for what is no operation."""
    assert program.main(['{"name": "text", "limit_s": 5.0, "url": "http://127.0.0.1:9", "path": "/"}']) == 1
    assert "refused" in json.loads(capfd.readouterr().out)["error"]
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0  # or it would end whoever called it, seconds later
    for arguments in ([], ["{"], ['{"name": "rm", "limit_s": 1.0}'], ["@/no/such/file"]):
        assert program.main(arguments) == 2
        assert "cannot be read" in json.loads(capfd.readouterr().out)["error"]


def test_the_program_ends_when_its_time_is_over(tmp_path: Path) -> None:
    """Even where a thread would wait for ever."""
    code = (
        "import sys, time\n"
        "from kit.probe import __main__ as program\n"
        "program.GRACE_S = 0.1\n"
        "program.perform = lambda asked: time.sleep(600)\n"
        "sys.exit(program.main(sys.argv[1:]))"
    )
    operation = json.dumps({"name": "sha256", "limit_s": 0.1, "file": str(tmp_path)})
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code, operation], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, '{"error": "it took too long"}\n')
    assert time.monotonic() - began < 20


def test_a_fault_of_the_kit_beside_the_server_is_told_as_one(
    tiny: TinyServer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program says so, and whoever reads it raises it: never an answer of the server that is wrong."""

    def out_of_files(_: Operation) -> object:
        raise InternalError("The kit could not ask 500 at once: Too many open files.", "Raise it.")

    monkeypatch.setattr(program, "perform", out_of_files)
    assert program.main([json.dumps(plain(Operation("model", 5.0, tiny.url)))]) == InternalError.exit_code
    printed = capfd.readouterr().out.encode()
    with pytest.raises(InternalError, match=r"Beside the server: The kit could not ask 500 at once.*Raise it\."):
        probe_of(Server(tiny.url, saying(printed))).examine(SUITE, "tiny", 3)
