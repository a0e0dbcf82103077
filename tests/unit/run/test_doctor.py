"""What the doctor says of a machine, with and without an engine."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace

import pytest

from kit.cli import run
from kit.documents import EngineFacts, Gpu
from kit.engines.protocol import Holder
from kit.errors import EngineError
from kit.machine.here import describe_host, look_here
from kit.machine.look import Look
from kit.plan.platforms import load_platform
from kit.run import doctor
from kit.run.doctor import ENGINE_MACHINE, Diagnosis, examine


def states(found: list[Diagnosis]) -> dict[str, str]:
    return {each.what: each.state for each in found}


def refusing(_run: str) -> None:
    raise EngineError("No Docker Engine answers: nobody there.", "Start it.")


def test_a_machine_without_an_engine_is_told_what_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing further is asked of it."""
    monkeypatch.setattr(doctor, "connect", refusing)
    found = list(examine(load_platform("smol")))
    assert states(found)["engine"] == "fail"
    assert found[-1].remedy == "Start it."


def test_a_platform_of_processes_needs_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its model."""
    monkeypatch.setattr(doctor, "connect", refusing)
    found = states(list(examine(load_platform("demo"))))
    assert "engine" not in found
    assert any(what.startswith("model ") for what in found)


@pytest.mark.parametrize(("installed", "state"), [(True, "ok"), (False, "fail")])
def test_a_platform_of_processes_needs_the_wheel_of_its_servers(
    installed: bool, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra `demo` it says what to install; a platform of containers is not asked for it."""
    monkeypatch.setattr("kit.supply.supply.find_spec", lambda _: object() if installed else None)
    wheels = next(each for each in examine(load_platform("demo")) if each.what == "wheels")
    assert wheels.state == state
    assert "pip install 'llm-repro-kit[demo]'" in wheels.remedy or installed
    monkeypatch.setattr(doctor, "connect", refusing)
    assert "wheels" not in states(list(examine(load_platform("smol"))))


def test_what_bends_measurements_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A governor that follows the load, a clock that is slow to read."""
    odd = replace(describe_host(), cpu_governor="powersave", clock_source="hpet")
    monkeypatch.setattr(doctor, "describe_host", lambda: odd)
    found = states(list(examine(load_platform("demo"))))
    assert (found["CPU governor"], found["clock"]) == ("note", "note")


class Held:
    """An engine that says only what it is and who holds it."""

    def __init__(self, dead: bool) -> None:
        self.dead = dead

    def version(self) -> str:
        return "28.0, API 1.48, Linux\x1b[2J"

    def holder(self) -> Holder:
        return Holder("run", "host", "7", "now", self.dead)

    @property
    def images(self) -> NoImages:
        return NoImages()

    def describe(self) -> EngineFacts:
        return EngineFacts("Docker Engine", "28.0", "1.48", "Linux", "6.1\x1b", "x86_64", 3, 5 << 30)


class NoImages:
    """An engine without the load generator's image."""

    def facts(self, _reference: str) -> None:
        return None


class Looked(Held):
    """An engine with that image, whose container sees this machine, or another."""

    def __init__(self, seen: Look) -> None:
        super().__init__(dead=False)
        self.seen = seen

    @property
    def images(self) -> Looked:  # type: ignore[override]
        return self

    def facts(self, _reference: str) -> Looked:
        return self

    image_id = "sha256:1"

    def engine(self, _image: str) -> Looked:
        return self

    def look(self, _accelerators: object) -> Look:
        return self.seen


@pytest.mark.parametrize("dead", [True, False])
def test_a_lock_is_told_with_who_holds_it(dead: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether that kit is still there decides what to do."""
    monkeypatch.setattr(doctor, "connect", lambda _: nullcontext(Held(dead)))
    found = list(examine(None))
    assert "\x1b" not in "".join(each.words for each in found)
    (lock,) = [each for each in found if each.what == "lock"]
    assert (lock.what, lock.state, "gone" in lock.words) == ("lock", "fail", dead)


def test_an_engine_on_another_machine_is_told_by_what_it_says_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no image of the kit is there to look from."""
    monkeypatch.setattr(doctor, "connect", lambda _: nullcontext(Held(dead=False)))
    found = {each.what: each for each in examine(None)}
    assert found[ENGINE_MACHINE].words == "another than this: 3 CPUs, 5.4 GB of memory, Linux; servers run there"


def test_an_engine_is_looked_at_from_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its machine is told apart from the one of the command, with what varies its speed."""
    here = look_here()
    monkeypatch.setattr(doctor, "connect", lambda _: nullcontext(Looked(here)))
    assert {each.what: each.words for each in examine(None)}[ENGINE_MACHINE] == "this one"
    other = replace(here.host, cpus=64, cpus_usable=8, cpu_governor="powersave", gpus=(Gpu("NVIDIA H200"),) * 2)
    monkeypatch.setattr(doctor, "connect", lambda _: nullcontext(Looked(Look(other, "another start"))))
    found = {each.what: each for each in examine(None)}
    assert found[ENGINE_MACHINE].words.startswith("another than this: 8 of 64 CPUs")
    assert "2 x NVIDIA H200" in found[ENGINE_MACHINE].words
    assert found["CPU governor of the engine's machine"].state == "note"


def test_the_command_answers_with_a_code_and_in_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 when something stands in the way."""
    monkeypatch.setattr(doctor, "connect", refusing)
    assert run(["doctor", "smol", "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)["checks"]
    assert {"what": "engine", "state": "fail"}.items() <= rows[-1].items()
    assert run(["doctor", "smol"]) == 1
    assert "FAIL  engine: No Docker Engine answers" in capsys.readouterr().out


def test_a_cpu_quota_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a CPU is none to measure on: whoever has used it up is stopped."""
    monkeypatch.setattr(doctor, "connect", refusing)
    monkeypatch.setattr(doctor, "cpu_quota", lambda: 0.5)
    (note,) = [each for each in examine(None) if each.what == "CPU quota"]
    assert (note.state, note.words[:8]) == ("note", "0.5 CPUs")
    monkeypatch.setattr(doctor, "cpu_quota", lambda: None)
    assert "CPU quota" not in states(list(examine(None)))
