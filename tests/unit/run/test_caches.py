"""Before the first cell a server that keeps what it compiles is started once: then no cell's start compiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from kit.documents import Entry, Plan
from kit.documents.container import ContainerSpec, Mount
from kit.errors import EngineError
from kit.run.caches import fill_caches, keeps_cache
from kit.runtimes.protocol import ServedModel, ServerSpec, Step
from tests.support.fakes import SUITE, FakeEngine, Silent, TinyServer, demo_plan, raising

MODELS, CACHE = Mount("kit-model-1", "/models", read_only=True), Mount("kit-cache-1", "/cache", read_only=False)
SERIAL = "llamacpp-serial"


@dataclass
class Supplying:
    """Containers for all entries; those named keep a cache."""

    keeping: tuple[str, ...] = (SERIAL,)

    def server(self, entry: Entry, name: str, port: int) -> ServerSpec:
        mounts = (MODELS, CACHE) if entry.name in self.keeping else (MODELS,)
        container = ContainerSpec("cuda", "image", (), port, mounts=mounts)
        return ServerSpec(name, (), port, "/health", 0.5, container)

    def preparation(self, entry: Entry) -> tuple[Step, ...]:
        del entry
        return ()

    def weights_sha256(self, entry: Entry) -> str:
        raise AssertionError(entry)

    def require_untouched(self, entry: Entry) -> None: ...

    def mounted_weights(self, entry: Entry) -> ServedModel | None:
        del entry
        return None

    def seen_as(self, weights: ServedModel) -> str | None:
        raise AssertionError(weights)

    def weights_seen(self, weights: ServedModel, mark: str) -> None:
        raise AssertionError(weights, mark)

    def weights_file(self, entry: Entry) -> str | None:
        del entry
        return None


@pytest.fixture
def server() -> Iterator[TinyServer]:
    with TinyServer() as found:
        yield found


@pytest.fixture
def plan() -> Plan:
    return demo_plan()


def filled(plan: Plan, engine: FakeEngine, supply: Supplying, done: tuple[str, ...] = ()) -> list[str]:
    observer = Silent()
    fill_caches(plan, done, engine, supply, SUITE, observer)
    return observer.compiled


def test_only_what_keeps_a_cache_is_started_and_once(plan: Plan, server: TinyServer) -> None:
    """Until it is ready and has answered; whoever watches is told."""
    engine = FakeEngine(server.url)
    assert filled(plan, engine, Supplying()) == [SERIAL]
    assert engine.log == ["start", "stop"]
    assert "/v1/chat/completions" in server.paths


def test_what_keeps_nothing_is_not_started(plan: Plan, server: TinyServer) -> None:
    """Nor is a process."""
    engine = FakeEngine(server.url)
    assert filled(plan, engine, Supplying(())) == []
    assert engine.log == []
    assert not keeps_cache(None)


def test_an_entry_whose_cells_are_all_done_is_not_started_again(plan: Plan, server: TinyServer) -> None:
    """A run that goes on."""
    engine = FakeEngine(server.url)
    serial = tuple(cell.id for cell in plan.cells if cell.entry == SERIAL)
    assert filled(plan, engine, Supplying(), serial) == []
    assert filled(plan, engine, Supplying(), serial[1:]) == [SERIAL]


def test_a_server_that_does_not_start_is_left_to_its_cells(plan: Plan) -> None:
    """They tell why; the next entry is started all the same."""
    both = tuple(entry.name for entry in plan.entries)
    with TinyServer(health=503) as broken:
        engine = FakeEngine(broken.url)
        short = replace(plan, cells=plan.cells[:2])
        assert filled(short, engine, Supplying(both)) == list(both)
    assert engine.log == ["start", "stop"] * 2
    engine = FakeEngine("http://127.0.0.1:1")
    engine.on_start = raising(EngineError("No."))
    assert filled(plan, engine, Supplying()) == [SERIAL]


def test_an_interrupt_ends_it_and_the_server(plan: Plan, server: TinyServer) -> None:
    """Ctrl-C is not kept for a cell."""
    engine = FakeEngine(server.url)
    engine.on_start = raising(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        filled(plan, engine, Supplying())
