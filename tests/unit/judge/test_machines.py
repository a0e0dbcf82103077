"""When two machines are one: by the facts that decide, with what is remarked and what is not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kit.documents import Gpu
from kit.documents.pins import Hardware
from kit.documents.study import Machine
from kit.judge.machines import (
    by_machine,
    cpu_name,
    gpus_text,
    machine_differences,
    machine_of,
    machine_remarks,
    machine_text,
    named_machines,
    why_two,
)
from tests.support.good_bundle import good_host
from tests.support.studies import LAPTOP, study

GIB = 1 << 30
CPU = Hardware("CPU", "none")
HOST = replace(
    good_host(),
    cpu_model="AMD EPYC 7763 64-Core Processor",
    cpus_usable=8,
    memory_bytes=32 * GIB,
    gpus=(Gpu("NVIDIA L4", driver="570.1", power_limit_mw=72_000),) * 2,
)
EPYC = machine_of(HOST, LAPTOP)
XEON = replace(EPYC, cpu_model="Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz")


def test_a_machine_is_the_facts_that_decide() -> None:
    """GPUs with their driver and limit of power where the platform computes on them."""
    expected = Machine(
        architecture="x86_64",
        cpu_model="AMD EPYC 7763 64-Core Processor",
        cpus=8,
        memory_bytes=32 * GIB,
        gpus=("NVIDIA L4", "NVIDIA L4"),
        driver="570.1",
        power_limits_mw=(72_000, 72_000),
        kernel="6.1.0",
        cpu_governor=None,
    )
    assert machine_of(HOST, LAPTOP) == expected


@pytest.mark.parametrize("hardware", [None, CPU])
def test_gpus_do_not_count_where_nothing_computes_on_them(hardware: Hardware | None) -> None:
    """A run on the CPU of a machine is comparable with one from before its GPUs were looked at."""
    found = machine_of(HOST, hardware)
    assert (found.gpus, found.driver, found.power_limits_mw) == ((), None, ())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": "aarch64"}, "architecture: x86_64 and aarch64"),
        ({"cpu_model": None}, "CPU: AMD EPYC 7763 64-Core Processor and not stated"),
        ({"cpus": 4}, "usable CPUs: 8 and 4"),
        ({"memory_bytes": 16 * GIB}, "memory: 34.4 GB and 17.2 GB"),
        ({"memory_bytes": None}, "memory: 34.4 GB and not stated"),
        ({"gpus": ("NVIDIA L4",)}, "GPU: 2 x NVIDIA L4 and NVIDIA L4"),
        ({"gpus": ()}, "GPU: 2 x NVIDIA L4 and not stated"),
        ({"driver": "575.0"}, "GPU driver: 570.1 and 575.0"),
        ({"power_limits_mw": (60_000, 60_000)}, "GPU power limit: 72 W and 60 W"),
    ],
)
def test_each_fact_that_decides_makes_two_machines(changes: dict[str, Any], words: str) -> None:
    """Also one that only one side knows."""
    other = replace(EPYC, **changes)
    assert machine_differences(EPYC, other) == (words,)
    assert len(machine_differences(other, EPYC)) == 1


@pytest.mark.parametrize(
    "changes",
    [{"kernel": "6.12"}, {"cpu_governor": "performance"}, {"memory_bytes": 32 * GIB - (20 << 20)}],
)
def test_an_update_does_not_make_another_machine(changes: dict[str, Any]) -> None:
    """A kernel takes some megabytes more than the one before."""
    assert machine_differences(EPYC, replace(EPYC, **changes)) == ()


def test_memory_counts_from_half_a_gibibyte_on() -> None:
    """On both sides of the limit."""
    assert machine_differences(EPYC, replace(EPYC, memory_bytes=32 * GIB - GIB // 2)) == ()
    assert len(machine_differences(EPYC, replace(EPYC, memory_bytes=32 * GIB - GIB // 2 - 1))) == 1


def test_what_changed_on_one_machine_is_remarked() -> None:
    """Kernel and governor."""
    found = machine_remarks(EPYC, replace(EPYC, kernel="6.12", cpu_governor="powersave"))
    assert found == ("Different kernel: 6.1.0 and 6.12.", "Different CPU governor: not stated and powersave.")
    assert machine_remarks(EPYC, EPYC) == ()


def test_studies_are_grouped_by_facts_and_never_by_the_name_of_their_platform() -> None:
    """Three runs of one platform on two machines."""
    one, two, three = (replace(study(), machine=each) for each in (EPYC, XEON, replace(EPYC, kernel="6.12")))
    assert by_machine([one, two, three]) == ((one, three), (two,))
    assert named_machines([one, two, three]) == (
        "a: 2 x NVIDIA L4 (driver 570.1), AMD EPYC 7763, 8 CPUs, 34.4 GB",
        "b: 2 x NVIDIA L4 (driver 570.1), Intel Xeon Platinum 8375C @ 2.90GHz, 8 CPUs, 34.4 GB",
        "a: 2 x NVIDIA L4 (driver 570.1), AMD EPYC 7763, 8 CPUs, 34.4 GB",
    )
    assert named_machines([one, three, replace(study(), origin="imported")]) == ("", "", "")


def test_a_machine_that_nobody_states_is_no_machine_that_somebody_states() -> None:
    """Imported results that say nothing are compared by the device of their platform, as ever."""
    stated, silent = replace(study(), machine=EPYC), study()
    assert why_two(stated, silent) == why_two(silent, stated) == "the machine of yoga is not stated"
    assert why_two(silent, study()) == ""
    assert why_two(silent, study(hardware=None)) == "NVIDIA GeForce RTX 4060 Laptop GPU, 8 GB and not stated"
    assert machine_text(silent) == "NVIDIA GeForce RTX 4060 Laptop GPU, 8 GB"
    assert machine_text(study(hardware=None)) == "machine not stated"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("AMD EPYC 7763 64-Core Processor", "AMD EPYC 7763"),
        ("Intel(R) Xeon(R) Processor", "Intel Xeon"),
        ("Intel(R) Core(TM) i7-1185G7 @ 3.00GHz", "Intel Core i7-1185G7 @ 3.00GHz"),
        ("CPU", "CPU"),
        ("A\x1b[2J", "A"),
    ],
)
def test_the_name_of_a_cpu_is_short_and_safe(model: str, name: str) -> None:
    """Without marks of ownership and words that every CPU has."""
    assert cpu_name(model).startswith(name)
    assert "\x1b" not in cpu_name(model)


def test_more_than_26_machines_have_names() -> None:
    """The page takes 100 runs."""
    studies = [replace(study(), machine=replace(EPYC, cpus=count)) for count in range(1, 31)]
    assert [name.partition(":")[0] for name in named_machines(studies)][24:28] == ["y", "z", "a2", "b2"]
    assert gpus_text(()) == ""
