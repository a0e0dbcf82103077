"""The gates before load, against a small server: what stops a cell, and with which words."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from kit.documents import AnswerCheck, Entry
from kit.documents.container import ContainerSpec
from kit.errors import (
    EngineError,
    InternalError,
    KitError,
    RuntimeNotReadyError,
    SourceError,
    WrongAnswersError,
    WrongDeviceError,
)
from kit.loadgen.connector import Dial
from kit.probe import probe_of
from kit.probe.http import EndpointError
from kit.run.gates import check_answers, check_weights, prove_device, wait_until_ready
from kit.run.phases import CellInputs, CellState, Server
from kit.runtimes import llamacpp
from kit.runtimes.protocol import Post, ServedModel, Step, Upload, container_server
from tests.support.fakes import SUITE, FakeRunning, Silent, TinyServer, demo_plan
from tests.support.gathering import completion, gathering

ENTRY = Entry("llamacpp", "llamacpp", "cpu", llamacpp.explicit("cpu", {"slots": 1}, 2))
SPEC = container_server("cell", llamacpp, "cpu", ContainerSpec("cpu", "image", (), 8080))
WEIGHTS = ServedModel("tiny", "tiny.gguf", "a" * 64, "kit-model-a")
FACTS = {"build_info": "b1", "total_slots": 1, "default_generation_settings": {"n_ctx": 640}}
ON_CPU = "Available devices:\n"


class Contained(FakeRunning):
    """A server in a container: what a command in it prints, and its log."""

    def __init__(self, listing: str = ON_CPU, log: str = "") -> None:
        super().__init__("http://server:8080")
        self._listing, self._log = listing, log

    def run_inside(self, command: tuple[str, ...]) -> tuple[int, str]:
        assert command[-1] == "--list-devices"
        return 0, self._listing

    def log_start(self) -> str:
        return self._log


@dataclass
class Asking:
    """A probe that answers out of a script; what it cannot answer is an `EndpointError`."""

    facts: Any = field(default_factory=lambda: dict(FACTS))
    digest: str = WEIGHTS.sha256
    touched: str = "a mark"
    posted: Any = None
    done: list[str] = field(default_factory=list)

    def wait_ready(self, path: str, budget_s: float) -> None:
        self.done.append(f"ready {path} {budget_s:g}")

    def fetch_json(self, path: str) -> Any:
        self.done.append(f"json {path}")
        if self.facts is None:
            raise EndpointError("HTTP status 404")
        return self.facts

    def served_model(self) -> str | None:
        return None

    def post(self, path: str, document: Any, timeout_s: float) -> Any:
        self.done.append(f"post {path} {sorted(document)} {timeout_s:g}")
        if isinstance(self.posted, Exception):
            raise self.posted
        return self.posted

    def upload(self, path: str, file: str, timeout_s: float) -> None:
        self.done.append(f"upload {path} {file} {timeout_s:g}")

    def sha256(self, file: str) -> str:
        self.done.append(f"sha256 {file}")
        return self.digest

    def mark(self, file: str) -> str:
        del file
        return self.touched


@dataclass
class Supplying:
    """What a supply says of the weights of a server."""

    steps: tuple[Step, ...] = ()
    mounted: ServedModel | None = None
    seen: list[ServedModel] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)

    def require_untouched(self, _: Entry) -> None: ...

    def seen_as(self, weights: ServedModel) -> str | None:
        return self.marks.get(weights.volume)

    def weights_seen(self, weights: ServedModel, mark: str) -> None:
        self.seen.append(weights)
        self.marks[weights.volume] = mark

    def preparation(self, _: Entry) -> tuple[Step, ...]:
        return self.steps

    def mounted_weights(self, _: Entry) -> ServedModel | None:
        return self.mounted

    def weights_file(self, _: Entry) -> str | None:
        return None


def state_of(
    probe: Any,
    running: FakeRunning | None = None,
    entry: Entry = ENTRY,
    supply: Supplying | None = None,
    folder: Path = Path(),
    concurrency: int = 1,
) -> CellState:
    """A cell whose server was started."""
    plan = replace(demo_plan(), entries=(entry,))
    cell = replace(plan.cells[0], entry=entry.name, concurrency=concurrency)
    engine: Any = None
    supplied: Any = supply or Supplying()
    inputs = CellInputs(plan, cell, folder, engine, supplied, SUITE, Silent())
    started = Server(SPEC, running or Contained(), probe)
    return CellState(inputs, ExitStack(), lambda _: None, started, model_name="m")


def passed(asking: Asking, running: FakeRunning | None = None, entry: Entry = ENTRY, **supply: Any) -> CellState:
    return prove_device(wait_until_ready(state_of(asking, running, entry, Supplying(**supply))))


def test_a_good_server_passes_and_says_what_it_is() -> None:
    """Version and settings in its own words, the device, and the name to ask it by."""
    found = passed(Asking())
    assert (found.version, found.device, found.model_name) == ("b1", "cpu", demo_plan().model.name)
    assert found.reported == {"slots": 1, "context_tokens_per_slot": 640}


def test_weights_are_hashed_where_the_server_sees_them() -> None:
    """Once it is ready, before anything is asked."""
    asking = Asking()
    passed(asking, mounted=WEIGHTS)
    assert asking.done[1] == "sha256 /models/tiny.gguf"


def test_weights_are_hashed_again_only_when_they_were_touched() -> None:
    """A volume that somebody writes to between two cells, or while a load runs, costs the cell."""
    supply = Supplying(mounted=WEIGHTS)
    first, second, third = Asking(), Asking(), Asking(touched="another mark", digest="b" * 64)
    wait_until_ready(state_of(first, supply=supply))
    wait_until_ready(state_of(second, supply=supply))
    assert [any(done.startswith("sha256") for done in asking.done) for asking in (first, second)] == [True, False]
    with pytest.raises(SourceError, match="kit-model-a have sha256 bbbb"):
        check_weights(state_of(third, supply=supply))
    with pytest.raises(SourceError, match="kit-model-a have sha256 bbbb"):
        check_weights(state_of(third, supply=supply))


def test_other_weights_in_the_volume_stop_the_cell() -> None:
    """The remedy says how to fill it anew."""
    with pytest.raises(SourceError, match="kit-model-a have sha256 bbbb") as caught:
        passed(Asking(digest="b" * 64), mounted=WEIGHTS)
    assert "kit clean --models" in caught.value.remedy


def test_a_model_is_given_to_the_server_in_the_order_of_the_steps() -> None:
    """The file by its place in the mount."""
    asking = Asking(posted={"status": "success"})
    steps = (Upload("/api/blobs/sha256:a", "tiny.gguf", 60.0), Post("/api/create", {"model": "m"}, 30.0))
    passed(asking, steps=steps)
    assert asking.done[1:3] == ["upload /api/blobs/sha256:a /models/tiny.gguf 60", "post /api/create ['model'] 30"]


@pytest.mark.parametrize("answer", [{"error": "no such file"}, EndpointError("HTTP status 500")])
def test_a_server_that_does_not_take_the_model_is_not_ready(answer: object) -> None:
    """With the step and the server's own words."""
    with pytest.raises(RuntimeNotReadyError, match=r"/api/create\): .*(no such file|500)"):
        passed(Asking(posted=answer), steps=(Post("/api/create", {}, 30.0),))


@pytest.mark.parametrize(
    ("running", "entry", "words"),
    [
        (Contained(""), ENTRY, "did not list the devices"),
        (Contained("  CUDA0: RTX (8188 MiB, 8000 MiB free)\n"), ENTRY, "a CPU variant sees a GPU"),
        (Contained(ON_CPU), replace(ENTRY, variant="vulkan"), "lists no Vulkan device"),
        (Contained("  Vulkan0: llvmpipe (LLVM)\n"), replace(ENTRY, variant="vulkan"), "software Vulkan"),
        (Contained("  CUDA0: RTX\n"), replace(ENTRY, variant="cuda"), "layers"),
    ],
)
def test_a_server_on_another_device_stops_the_cell(running: FakeRunning, entry: Entry, words: str) -> None:
    """Not listed, listed and not used, or another one; exit code 11."""
    with pytest.raises(WrongDeviceError, match=words) as caught:
        passed(Asking(), running, entry)
    assert caught.value.exit_code == 11
    assert "kit doctor" in caught.value.remedy


@pytest.mark.parametrize(
    ("facts", "kind", "words"),
    [
        (None, RuntimeNotReadyError, "does not answer at"),
        ({**FACTS, "total_slots": 4}, EngineError, "4 slots, the plan says 1"),
        ([], EngineError, "None slots"),
    ],
)
def test_a_server_with_other_settings_stops_the_cell(facts: object, kind: type[KitError], words: str) -> None:
    """Before the device is looked for."""
    with pytest.raises(kind, match=words):
        passed(Asking(facts=facts))


# --- right answers ----------------------------------------------------------------------------------------


@pytest.fixture
def tiny() -> Iterator[TinyServer]:
    with TinyServer() as server:
        yield server


def test_answers_are_asked_alone_and_then_at_the_concurrency(tiny: TinyServer, tmp_path: Path) -> None:
    """Both rounds are kept."""
    check_answers(state_of(probe_of(FakeRunning(tiny.url)), folder=tmp_path, concurrency=3))
    assert tiny.paths.count("/v1/chat/completions") == 4
    assert len((tmp_path / "correct.jsonl").read_text().splitlines()) == 4


def test_wrong_answers_end_it_before_the_second_round(tmp_path: Path) -> None:
    """What the server said is kept."""

    class Wrong(Asking):
        def examine(self, *_: object) -> list[AnswerCheck]:
            return [AnswerCheck("single", "sum", 0, False, "5", "no 4 in it")]

    with pytest.raises(WrongAnswersError, match="1 of 1"):
        check_answers(state_of(Wrong(), folder=tmp_path, concurrency=8))
    assert '"answer":"5"' in (tmp_path / "correct.jsonl").read_text()


def test_a_server_without_any_answer_stops_the_cell(tmp_path: Path) -> None:
    """Neither to the question for its models nor to the tests: a reason of the cell, not a crash of the kit."""

    class Mute(Asking):
        def served_model(self) -> str | None:
            raise EndpointError("it took too long")

        def examine(self, *_: object) -> list[AnswerCheck]:
            raise EndpointError("it took too long")

    with pytest.raises(RuntimeNotReadyError, match="does not list its models: it took too long"):
        wait_until_ready(state_of(Mute()))
    with pytest.raises(RuntimeNotReadyError, match="correctness prompts: it took too long"):
        check_answers(state_of(Mute(), folder=tmp_path))


def test_a_server_that_is_gone_is_not_ready_and_not_wrong(tmp_path: Path) -> None:
    """Nobody gave a wrong answer."""
    with pytest.raises(RuntimeNotReadyError, match="correctness prompts: Connection refused"):
        check_answers(state_of(probe_of(FakeRunning("http://127.0.0.1:9")), folder=tmp_path))
    assert not (tmp_path / "correct.jsonl").exists()


@pytest.mark.parametrize("users", [2, 100, 101, 150, 250, 500])
def test_a_cell_is_examined_with_as_many_at_once_as_it_has_users(users: int, tmp_path: Path) -> None:
    """The server answers none of them before all are there."""
    with gathering(users, lambda _: completion("4"), alone=1) as server:
        check_answers(state_of(probe_of(FakeRunning(server.url)), folder=tmp_path, concurrency=users))
    assert server.most == users
    assert (tmp_path / "correct.jsonl").read_text().count('"passed":true') == users + 1


def test_a_fault_of_the_kit_is_no_failure_of_the_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of buffers: the run ends with an error of the kit, and no answer is kept as wrong."""
    with gathering(3, lambda _: completion("4"), alone=1) as server:
        probe = probe_of(FakeRunning(server.url))
        monkeypatch.setattr(Dial, "start", lambda dial, _: dial._fail(os.strerror(errno.ENOBUFS)))
        with pytest.raises(InternalError, match="No buffer space"):
            check_answers(state_of(probe, folder=tmp_path, concurrency=3))
    assert not (tmp_path / "correct.jsonl").exists()
