"""kit.cpus: a quota of a cgroup counts as CPUs, wherever along the path it stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit.cpus import cpu_quota, usable_cpus

V1_MOUNT = "33 31 0:29 {root} {place} rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct\n"
V2_MOUNT = "41 31 0:38 {root} {place} rw,relatime - cgroup2 cgroup2 rw\n"
OTHERS = (
    "30 1 8:1 / / rw - ext4 /dev/sda1 rw\n35 31 0:32 / {place}/memory rw - cgroup cgroup rw,memory\n"
    "36 31 0:33 / {place}/set rw - cgroup cgroup rw,cpuset\nbroken\n\n"
)


class Machine:
    """/proc/self and the cgroups of a machine that does not exist."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.place = folder / "proc", folder / "cgroup"
        self.proc.mkdir()
        self.place.mkdir()

    def has(self, cgroup: str, mount: str, root: str = "/") -> None:
        (self.proc / "cgroup").write_text(cgroup)
        words = (OTHERS + mount).format(root=root, place=self.place)
        (self.proc / "mountinfo").write_text(words)

    def v2(self, path: str, text: str) -> None:
        folder = self.place / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.max").write_text(text)

    def v1(self, path: str, quota: str, period: str) -> None:
        folder = self.place / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.cfs_quota_us").write_text(quota)
        (folder / "cpu.cfs_period_us").write_text(period)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("50000 100000\n", 0.5),
        ("150000 100000", 1.5),
        ("max 100000\n", None),
        ("100000", None),
        ("", None),
        ("0 100000", None),
        ("1 0", None),
        ("-5 100000", None),
        ("many 100000", None),
    ],
)
def test_a_quota_of_version_2(machine: Machine, text: str, quota: float | None) -> None:
    """cpu.max is the quota and its period; "max" is none, and what is no number as well."""
    machine.has("0::/a\n", V2_MOUNT)
    machine.v2("a", text)
    assert cpu_quota(machine.proc) == quota


@pytest.mark.parametrize(
    ("quota", "period", "found"),
    [("50000", "100000", 0.5), ("-1\n", "100000\n", None), ("400000", "100000", 4.0), ("", "", None)],
)
def test_a_quota_of_version_1(machine: Machine, quota: str, period: str, found: float | None) -> None:
    """In the hierarchy that has the controller cpu, whatever else that has."""
    machine.has("9:name=systemd:/\n4:memory:/a\n2:cpu,cpuacct:/a\n0::/\n", V1_MOUNT)
    machine.v1("a", quota, period)
    assert cpu_quota(machine.proc) == found


@pytest.mark.parametrize("limited", ["", "a", "a/b", "a/b/c"])
def test_the_smallest_quota_along_the_whole_path_counts(machine: Machine, limited: str) -> None:
    """A slice of systemd limits all that is in it."""
    machine.has("0::/a/b/c\n", V2_MOUNT)
    for folder in ("", "a", "a/b", "a/b/c"):
        machine.v2(folder, "300000 100000")
    machine.v2(limited, "20000 10000")
    assert cpu_quota(machine.proc) == 2.0


def test_a_neighbours_quota_does_not_count(machine: Machine) -> None:
    machine.has("0::/a/b\n", V2_MOUNT)
    machine.v2("a/c", "10000 100000")
    machine.v2("other", "10000 100000")
    assert cpu_quota(machine.proc) is None


@pytest.mark.parametrize("path", ["/docker/ab", "/docker/ab/inner", "/", "/../../elsewhere"])
def test_in_a_container_the_mount_may_begin_with_its_own_cgroup(machine: Machine, path: str) -> None:
    """What it shows as its root is then the container's."""
    machine.has(f"2:cpu:{path}\n", V1_MOUNT, root="/docker/ab")
    machine.v1("", "50000", "100000")
    assert cpu_quota(machine.proc) == 0.5


def test_both_versions_at_once(machine: Machine) -> None:
    """The controller is in one of them; the other says nothing."""
    machine.has("1:cpu:/a\n0::/\n", V1_MOUNT + V2_MOUNT)
    machine.v1("a", "100000", "100000")
    assert cpu_quota(machine.proc) == 1.0


def test_without_cgroups_there_is_no_quota(tmp_path: Path) -> None:
    """Another system, or one that hides them."""
    assert cpu_quota(tmp_path / "none") is None
    assert usable_cpus(tmp_path / "none") == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("quota", "cpus"), [("50000", 1), ("100000", 1), ("6400000", None)])
def test_cpus_are_whole_and_never_more_than_there_are(machine: Machine, quota: str, cpus: int | None) -> None:
    machine.has("0::/a\n", V2_MOUNT)
    machine.v2("a", f"{quota} 100000")
    assert usable_cpus(machine.proc) == (cpus or len(os.sched_getaffinity(0)))


def test_a_quota_of_this_very_machine_is_read_without_an_error() -> None:
    """Whatever it has."""
    assert 1 <= usable_cpus() <= len(os.sched_getaffinity(0))
