"""One sample of a machine laid out in files, its line, and how often a source is read."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest

from kit.documents.telemetry import REAL_EPOCH_S, GpuSample, TelemetrySample
from kit.storage.telemetry_file import sample_from
from kit.strict import StrictError, plain, read_json, write_jsonl_line
from kit.strict.schema import problems
from kit.telemetry.proc import TICK_NS
from kit.telemetry.sampling import REAL_EPOCH_NS, Paced, Sampler, line
from kit.telemetry.watching import Watch, read_watch
from tests.unit.telemetry.test_sources import CARD, ID, STAT, V2, lay, stat

ZONE = "class/powercap/intel-rapl:0"


def machine(root: Path) -> Sampler:
    """A server in a container, a load generator that is a process, a card of AMD."""
    proc = lay(
        root / "proc",
        {"stat": STAT, "7/stat": stat(7, 10, 0, 0, 0), "meminfo": "SwapTotal: 0 kB\nSwapFree: 0 kB\n"},
    )
    files = {f"class/drm/card0/device/{name}": text for name, text in CARD.items()}
    files |= {
        f"{ZONE}/name": "package-0",
        f"{ZONE}/energy_uj": "1",
        "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "2000000",
    }
    sys = lay(root / "sys", {**files})
    cgroups = lay(
        root / "cgroup",
        {"cgroup.controllers": "cpu", **{f"docker/{ID}/{name}": text for name, text in V2.items()}},
    )
    roles = {"server": [f"container:{ID}"], "loadgen": ["tree:7"], "own": ["process:7"]}
    return Sampler(Watch(100_000_000, until_input_closes=False, cgroups=str(cgroups), roles=roles), proc, sys)


def test_a_sample_has_every_source_in_the_form_of_the_house(tmp_path: Path) -> None:
    """Its line is what the strict writer would write, it fits its schema, and few fields are empty."""
    sampler = machine(tmp_path)
    found = sampler.sample(always=True)
    value = read_json(line(found), "line")
    sample = sample_from(value, "line")
    assert write_jsonl_line(plain(sample)) == line(found)
    assert problems(value, "telemetry") == []
    empty = {field.name for field in dataclasses.fields(sample) if getattr(sample, field.name) in (None, ())}
    assert empty == {"cpu_pressure_ns", "memory_pressure_ns", "io_pressure_ns", "loadgen_throttled_ns"}
    assert (sample.server_ns, sample.loadgen_ns) == (1_234_000, 10 * TICK_NS)
    assert (sample.own_ns or 0) > 10 * TICK_NS  # the sampler's own time is part of it
    assert sampler.sources == {
        "cpu": "proc", "cpu_mhz": "cpufreq", "energy": "rapl", "gpu": "amdgpu", "loadgen": "processes",
        "own": "processes", "server": "cgroup2", "swap": "proc",
    }  # fmt: skip


def test_the_clocks_are_those_of_the_records(tmp_path: Path) -> None:
    """Monotonic as the load's origin; real time since 2020, which has 18 digits until 2051."""
    before, real = time.monotonic_ns(), time.time_ns()
    found = machine(tmp_path).sample()
    assert before <= found["at_ns"] <= time.monotonic_ns()
    assert real <= found["real_ns"] + REAL_EPOCH_S * 10**9 <= time.time_ns()
    assert REAL_EPOCH_NS == REAL_EPOCH_S * 10**9


def test_other_machines_to_watch_keep_what_was_seen(tmp_path: Path) -> None:
    """A role that is followed anew finds its parts; one that is left out has no more data."""
    sampler = machine(tmp_path)
    watch = Watch(
        100_000_000, until_input_closes=False, cgroups=str(tmp_path / "cgroup"), roles={"server": ["tree:7"]}
    )
    sampler.follow(watch)
    found = sampler.sample(always=True)
    assert found["server_ns"] == 10 * TICK_NS
    assert "loadgen_ns" not in found


def test_a_role_with_a_part_that_is_not_there_has_no_time(tmp_path: Path) -> None:
    """Half of a server would look like a quiet one."""
    sampler = machine(tmp_path)
    roles = {"server": [f"container:{ID}", "tree:99"]}
    sampler.follow(Watch(100_000_000, until_input_closes=False, cgroups=str(tmp_path / "cgroup"), roles=roles))
    assert "server_ns" not in sampler.sample(always=True)


def test_a_source_that_costs_much_is_read_less_often() -> None:
    """At most a five-hundredth of a CPU; one that costs nothing at its own pace."""
    calls: list[int] = []

    def burns() -> dict[str, Any]:
        calls.append(len(calls))
        end = time.thread_time_ns() + 2_000_000
        while time.thread_time_ns() < end:
            pass
        return {"x": 1}

    paced = Paced(burns)
    found = [paced.read(at * 100_000_000 + 1) for at in range(20)]
    assert 1 <= len(calls) <= 3  # 2 ms each: not twice a second
    assert found.count({}) == 20 - len(calls)
    assert paced.read(1, always=True) == {"x": 1}
    slow = Paced(lambda: {"y": 1}, 1_000_000_000)
    assert [slow.read(at * 100_000_000) for at in range(11)] == [{"y": 1}, *[{}] * 9, {"y": 1}]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"at_ns": 1}, "real_ns"),
        ({"at_ns": 1, "real_ns": 2, "busy": 3}, "busy"),
        ({"at_ns": 1, "real_ns": 2, "busy_ns": 3.5}, "busy_ns"),
        ({"at_ns": 1, "real_ns": 2, "busy_ns": -3}, "busy_ns"),
        ({"at_ns": 1, "real_ns": 2, "gpus": [{"power_mw": -1}]}, "power_mw"),
        ({"at_ns": 1, "real_ns": 2, "gpus": [{}] * 65}, "gpus"),
    ],
)
def test_a_line_that_its_schema_refuses_is_refused(value: Any, place: str) -> None:
    """The quick reader and the schema agree."""
    with pytest.raises(StrictError, match=place):
        sample_from(value, "line")
    assert problems(value, "telemetry") != []


def test_a_cold_card_is_a_card() -> None:
    """The one value that may be below zero."""
    value: Any = {"at_ns": 1, "real_ns": 2, "gpus": [{"temperature_c": -5}]}
    assert sample_from(value, "line") == TelemetrySample(1, 2, gpus=(GpuSample(temperature_c=-5),))
    assert problems(value, "telemetry") == []


def test_what_to_watch_is_read_as_it_was_written() -> None:
    """And a half of it is refused."""
    watch = Watch(
        5_000_000, until_input_closes=True, cgroups="/x", roles={"server": ["tree:1"], "loadgen": [], "own": []}
    )
    assert read_watch(watch.document()) == watch
    for broken in (watch.document()[:-3], b"[]", b"{}"):
        with pytest.raises((ValueError, KeyError)):
            read_watch(broken)
