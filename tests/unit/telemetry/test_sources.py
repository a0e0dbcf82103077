"""Each source of the sampler on a machine laid out in files: what the kernel writes, and other things."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from kit.telemetry.amdgpu import AmdGpus
from kit.telemetry.cgroups import ContainerCgroup, find_cgroup
from kit.telemetry.files import KeptFile, integer, keyed
from kit.telemetry.machine import Frequency, Rapl
from kit.telemetry.proc import (
    TICK_NS,
    Cpu,
    Pressure,
    Swap,
    count_cpus,
    parse_cpu_times,
    parse_pressure,
    parse_swap,
)
from kit.telemetry.processes import ProcessTree, parse_memory, parse_stat

STAT = (
    b"cpu  100 20 30 4000 50 6 7 8 9 10\ncpu0 50 10 15 2000 25 3 3 4 4 5\ncpu1 50 10 15 2000 25 3 4 4 5 5\n"
    b"intr 1 2\nctxt 3\n"
)
ID = "4f" * 32


def lay(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Files by their path below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


# --- files ----------------------------------------------------------------------------------------------------


def test_a_kept_file_is_read_anew_each_time_and_found_when_it_comes(tmp_path: Path) -> None:
    """Missing is None; one that comes later is opened then."""
    file = KeptFile(tmp_path / "x")
    assert file.read() is None
    (tmp_path / "x").write_bytes(b"1\n")
    assert file.number() == 1
    (tmp_path / "x").write_bytes(b"22\n")
    assert file.number() == 22


@pytest.mark.parametrize(
    ("data", "found"),
    [(b"5\n", 5), (b"max\n", None), (b"", None), (b"-1", None), (b"9" * 20, None), (b"1 2", None)],
)
def test_an_integer_is_one(data: bytes, found: int | None) -> None:
    """And nothing else is."""
    assert integer(data) == found


def test_keyed_lines_may_have_colons_and_units() -> None:
    """What is no number is passed over."""
    assert keyed(b"a 1\nb: 2 kB\nc max\n\nd\n") == {b"a": 1, b"b": 2}


# --- /proc ----------------------------------------------------------------------------------------------------


def test_cpu_time_is_busy_waiting_or_stolen() -> None:
    """Guests are part of user; idle is none of it."""
    times = parse_cpu_times(STAT)
    assert times is not None
    assert (times.busy_ns, times.iowait_ns, times.steal_ns) == (163 * TICK_NS, 50 * TICK_NS, 8 * TICK_NS)
    assert count_cpus(STAT) == 2


@pytest.mark.parametrize("data", [b"", b"cpu 1 2 3", b"cpux 1 2 3 4 5 6 7 8", b"cpu a b c d e f g h"])
def test_what_is_no_cpu_line_is_no_data(data: bytes) -> None:
    """Nor a crash."""
    assert parse_cpu_times(data) is None
    assert count_cpus(data) == 1


def test_the_machine_counts_from_the_first_reading_on(tmp_path: Path) -> None:
    """CPU time and pressure alike."""
    some = "some avg10=0.00 avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
    lay(tmp_path, {"stat": STAT, "pressure/cpu": some.format(100), "pressure/io": some.format(7)})
    cpu, pressure = Cpu(tmp_path), Pressure(tmp_path)
    assert cpu.cpus == 2
    assert cpu.read() == {"busy_ns": 0, "iowait_ns": 0, "steal_ns": 0}
    assert pressure.read() == {"cpu_pressure_ns": 0, "io_pressure_ns": 0}
    lay(tmp_path, {"stat": STAT.replace(b"cpu  100", b"cpu  103"), "pressure/cpu": some.format(105)})
    assert cpu.read() == {"busy_ns": 3 * TICK_NS, "iowait_ns": 0, "steal_ns": 0}
    assert pressure.read() == {"cpu_pressure_ns": 5000, "io_pressure_ns": 0}


def test_a_kernel_without_pressure_has_none(tmp_path: Path) -> None:
    """It is not there, or it is switched off."""
    assert Pressure(tmp_path).read() == {}
    assert parse_pressure(b"") is None
    assert parse_pressure(b"some avg10=0.00 total=x\n") is None


def test_swap_in_use(tmp_path: Path) -> None:
    """Total minus free; a machine without the lines has none."""
    lay(tmp_path, {"meminfo": "MemTotal: 8 kB\nSwapTotal:       2048 kB\nSwapFree:        2040 kB\n"})
    assert Swap(tmp_path).read() == {"swap_used_bytes": 8192}
    assert parse_swap(b"MemTotal: 1 kB\n") is None


# --- processes ------------------------------------------------------------------------------------------------


def stat(pid: int, *ticks: int, name: str = "server") -> str:
    user, system, children_user, children_system = ticks
    return (
        f"{pid} ({name}) S 1 1 1 0 -1 0 0 0 0 0 {user} {system} {children_user} {children_system} 20 0 4 0 9 0 0\n"
    )


@pytest.mark.parametrize("name", ["server", "a b) 1 2 3", ") S 9 (", "x" * 15])
def test_a_programs_name_may_be_anything(name: str) -> None:
    """Brackets and spaces included."""
    assert parse_stat(stat(7, 1, 2, 3, 4, name=name).encode()) == (3 * TICK_NS, 7 * TICK_NS)
    assert parse_stat(b"7 (x) S 1 2") is None
    assert parse_stat(b"") is None


def test_a_tree_counts_its_living_and_its_dead(tmp_path: Path) -> None:
    """Children of any thread; those that ended are in their parent's sum, and a tree never goes back."""
    lay(
        tmp_path,
        {
            "7/stat": stat(7, 10, 0, 5, 0), "7/task/7/children": "", "7/task/8/children": "9 ",
            "9/stat": stat(9, 20, 0, 0, 0), "9/task/9/children": "",
        },
    )  # fmt: skip
    tree, alone = ProcessTree(tmp_path, 7), ProcessTree(tmp_path, 7, children=False)
    assert tree.cpu_ns() == 15 * TICK_NS
    tree.scan()
    alone.scan()
    assert tree.cpu_ns() == 35 * TICK_NS
    assert alone.cpu_ns() == 10 * TICK_NS
    lay(tmp_path, {"7/task/8/children": "", "7/stat": stat(7, 10, 0, 26, 0)})
    tree.scan()
    assert tree.cpu_ns() == 36 * TICK_NS
    lay(tmp_path, {"7/stat": stat(7, 10, 0, 5, 0)})
    assert tree.cpu_ns() == 36 * TICK_NS


def test_the_last_time_of_a_tree_stays(tmp_path: Path) -> None:
    """When the process is gone; of one that never was there is none."""
    lay(tmp_path, {"7/stat": stat(7, 10, 0, 5, 0)})
    tree = ProcessTree(tmp_path, 7)
    assert tree.cpu_ns() == 15 * TICK_NS
    (tmp_path / "7" / "stat").write_text("")
    assert tree.cpu_ns() == 15 * TICK_NS
    assert ProcessTree(tmp_path, 8).cpu_ns() is None


def test_memory_of_a_tree_is_that_of_its_processes(tmp_path: Path) -> None:
    """Resident now, and the sum of what each had at most."""
    lay(tmp_path, {"7/stat": stat(7, 1, 0, 0, 0), "7/status": "Name: x\nVmHWM:\t  20 kB\nVmRSS:\t  10 kB\n"})
    assert ProcessTree(tmp_path, 7).memory() == (10240, 20480)
    assert ProcessTree(tmp_path, 8).memory() is None
    assert parse_memory(b"Name: kernel\n") == (0, 0)


# --- cgroups --------------------------------------------------------------------------------------------------

V2 = {
    "cpu.stat": "usage_usec 1234\nuser_usec 1000\nnr_throttled 2\nthrottled_usec 50\n",
    "memory.current": "4096\n", "memory.peak": "8192\n",
}  # fmt: skip


@pytest.mark.parametrize(
    "place",
    [
        f"docker/{ID}", f"system.slice/docker-{ID}.scope", f"machine.slice/libpod-{ID}.scope/container",
        f"machine.slice/libpod-{ID}.scope", f"user.slice/user-1.slice/user@1.service/app.slice/docker-{ID}.scope",
        f"kubepods.slice/pod1/{ID}", f"a/b/docker/{ID}",
    ],
)  # fmt: skip
def test_a_container_is_found_wherever_its_engine_put_it(tmp_path: Path, place: str) -> None:
    """By its id; CPU time, throttling and memory of version 2."""
    scope = place.removesuffix("/container")
    lay(tmp_path, {"cgroup.controllers": "cpu memory\n", **{f"{scope}/{name}": text for name, text in V2.items()}})
    lay(tmp_path, {f"system.slice/docker-{'ee' * 32}.scope/cpu.stat": "usage_usec 9\n"})
    found = ContainerCgroup(tmp_path, ID)
    assert found.kind == "cgroup2"
    assert found.cpu_ns() is None
    found.scan()
    assert (found.cpu_ns(), found.throttled_ns(), found.memory()) == (1_234_000, 50_000, (4096, 8192))


def test_version_1_has_a_hierarchy_for_each(tmp_path: Path) -> None:
    """Nanoseconds there; a hybrid machine's mount of version 2 does not count."""
    lay(
        tmp_path,
        {
            "unified/cgroup.controllers": "\n",
            f"cpuacct/docker/{ID}/cpuacct.usage": "777\n",
            f"cpu/docker/{ID}/cpu.stat": "nr_periods 1\nnr_throttled 1\nthrottled_time 33\n",
            f"memory/docker/{ID}/memory.usage_in_bytes": "10\n",
            f"memory/docker/{ID}/memory.max_usage_in_bytes": "20\n",
        },
    )
    found = ContainerCgroup(tmp_path, ID)
    found.scan()
    assert (found.kind, found.cpu_ns(), found.throttled_ns(), found.memory()) == ("cgroup1", 777, 33, (10, 20))


def test_a_container_that_comes_later_is_found_then_and_stays_when_it_is_gone(tmp_path: Path) -> None:
    """A load generator starts after the sampler and ends before it."""
    lay(tmp_path, {"cgroup.controllers": "cpu\n"})
    found = ContainerCgroup(tmp_path, ID)
    found.scan()
    assert found.cpu_ns() is None
    folder = lay(tmp_path / "docker" / ID, {"cpu.stat": "usage_usec 5\n"})
    found.scan()
    assert (found.cpu_ns(), found.throttled_ns(), found.memory()) == (5000, None, None)
    (folder / "cpu.stat").write_text("")
    assert found.cpu_ns() == 5000


def test_the_search_is_bounded(tmp_path: Path) -> None:
    """A container deeper than any engine puts one is not found, and no link is followed."""
    lay(tmp_path, {"/".join(["d"] * 12) + f"/{ID}/cpu.stat": "usage_usec 5\n"})
    assert find_cgroup(tmp_path, ID) is None
    (tmp_path / "loop").symlink_to(tmp_path)
    assert find_cgroup(tmp_path, ID) is None
    assert find_cgroup(tmp_path / "none", ID) is None


# --- clocks and energy ----------------------------------------------------------------------------------------


def test_the_clock_is_a_mean_of_a_few_cpus(tmp_path: Path) -> None:
    """Of 20 CPUs every third; a virtual machine has none."""
    assert Frequency(tmp_path).read() == {}
    cpus = {f"devices/system/cpu/cpu{n}/cpufreq/scaling_cur_freq": f"{(1000 + n) * 1000}\n" for n in range(20)}
    assert Frequency(lay(tmp_path, cpus)).read() == {"cpu_mhz": 1009}


def test_energy_goes_on_through_a_wrap(tmp_path: Path) -> None:
    """Of all packages, from the first reading on; parts of a package do not count twice."""
    zone = "class/powercap/intel-rapl:"
    files = {
        f"{zone}0/name": "package-0\n", f"{zone}0/energy_uj": "900\n", f"{zone}0/max_energy_range_uj": "1000\n",
        f"{zone}0:0/name": "core\n", f"{zone}0:0/energy_uj": "5\n",
        f"{zone}1/name": "package-1\n", f"{zone}1/energy_uj": "10\n", f"{zone}1/max_energy_range_uj": "1000\n",
        f"{zone}2/name": "psys\n", f"{zone}2/energy_uj": "5\n",
    }  # fmt: skip
    rapl = Rapl(lay(tmp_path, {**files}))
    assert rapl.read() == {"package_energy_uj": 0}
    lay(tmp_path, {f"{zone}0/energy_uj": "50\n", f"{zone}1/energy_uj": "30\n"})
    assert rapl.read() == {"package_energy_uj": 170}
    (tmp_path / f"{zone}1/energy_uj").write_text("")
    assert rapl.read() == {}
    assert Rapl(tmp_path / "none").read() == {}


# --- GPUs of AMD ----------------------------------------------------------------------------------------------

CARD = {
    "vendor": "0x1002\n", "hwmon/hwmon3/power1_average": "153000000\n", "hwmon/hwmon3/freq1_input": "2100000000\n",
    "hwmon/hwmon3/temp1_input": "61000\n", "mem_info_vram_used": "17179869184\n", "gpu_busy_percent": "99\n",
}  # fmt: skip


def test_a_card_of_amd_is_read_from_sys(tmp_path: Path) -> None:
    """In the units of the house; another vendor's is passed over, connectors are no cards."""
    lay(tmp_path, {f"class/drm/card1/device/{name}": text for name, text in CARD.items()})
    lay(tmp_path, {"class/drm/card0/device/vendor": "0x8086\n", "class/drm/card1-DP-1/status": "connected\n"})
    assert AmdGpus(tmp_path).read() == [
        {
            "power_mw": 153_000, "sm_mhz": 2100, "temperature_c": 61, "memory_used_bytes": 17179869184,
            "utilization_percent": 99,
        }
    ]  # fmt: skip
    assert AmdGpus(tmp_path / "none").read() == []


def test_a_card_with_an_input_of_power_has_no_average(tmp_path: Path) -> None:
    """Newer ones; of both the average counts. A card that tells nothing any more is no data."""
    files = {name.replace("average", "input"): text for name, text in CARD.items()}
    lay(tmp_path, {f"class/drm/card0/device/{name}": text for name, text in files.items()})
    gpus = AmdGpus(tmp_path)
    assert gpus.read()[0]["power_mw"] == 153_000
    for name in files:
        (tmp_path / "class/drm/card0/device" / name).write_text("")
    assert gpus.read() == []
