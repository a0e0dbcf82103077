"""What the doctor says of a machine, with and without an engine."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace

import pytest

from kit.cli import run
from kit.engines.protocol import Holder
from kit.errors import EngineError
from kit.plan.platforms import load_platform
from kit.run import doctor
from kit.run.doctor import Diagnosis, examine
from kit.run.host import describe_host


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


@pytest.mark.parametrize("dead", [True, False])
def test_a_lock_is_told_with_who_holds_it(dead: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether that kit is still there decides what to do."""
    monkeypatch.setattr(doctor, "connect", lambda _: nullcontext(Held(dead)))
    found = list(examine(None))
    assert "\x1b" not in "".join(each.words for each in found)
    lock = found[-1]
    assert (lock.what, lock.state, "gone" in lock.words) == ("lock", "fail", dead)


def test_the_command_answers_with_a_code_and_in_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 when something stands in the way."""
    monkeypatch.setattr(doctor, "connect", refusing)
    assert run(["doctor", "smol", "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
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
