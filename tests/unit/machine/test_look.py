"""A look at a machine: printed there, read here, and whether two looks saw one machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from kit.documents import Host
from kit.errors import EngineError
from kit.machine import here as module
from kit.machine.here import describe_host, look_here
from kit.machine.look import Look, beside, read_look, same_machine
from kit.strict import plain
from kit.strict.schema import problems
from tests.support.good_bundle import good_host

HOST = good_host()


def printed(look: Look) -> bytes:
    return json.dumps(plain(look)).encode()


def test_the_program_prints_this_machine() -> None:
    """What it prints is what this process sees, but for the CPUs that each may use."""
    done = subprocess.run([sys.executable, "-m", "kit.machine"], capture_output=True, env=os.environ, check=True)
    found = read_look(done.stdout)
    assert found == look_here()
    assert problems(plain(found.host), "host") == []


def test_what_names_people_or_machines_is_not_described() -> None:
    """The random number of the last start is compared, and stands in no document."""
    look = look_here()
    assert look.boot_id is None or look.boot_id not in json.dumps(plain(look.host))
    assert os.uname().nodename not in (word for word in json.dumps(plain(look.host)).split('"') if word)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Traceback",
        b"[]",
        b'{"host": null, "boot_id": null}',
        printed(Look(HOST, None)).replace(b'"cpus": 4', b'"cpus": 0'),
        printed(Look(HOST, None)).replace(b'"boot_id"', b'"serial"'),
    ],
)
def test_what_is_no_look_is_refused(data: bytes) -> None:
    """The engine's machine may be anybody's."""
    with pytest.raises(EngineError, match="look at the engine's machine"):
        read_look(data)


@pytest.mark.parametrize(
    ("ids", "changes", "same"),
    [
        (("1", "1"), {"memory_bytes": 1}, True),  # a start has one number, whatever a container may see of it
        (("1", "2"), {}, False),
        ((None, "2"), {}, True),
        ((None, None), {"kernel": "6.2"}, False),
        ((None, None), {"cpu_model": "another"}, False),
        ((None, None), {"memory_bytes": 1}, False),
        ((None, None), {"python": "3.14"}, True),
    ],
)
def test_one_machine_is_known_by_its_last_start_or_by_its_facts(
    ids: tuple[str | None, str | None], changes: dict[str, Any], same: bool
) -> None:
    a, b = Look(HOST, ids[0]), Look(replace(HOST, **changes), ids[1])
    assert same_machine(a, b) is same


def test_the_machine_of_the_command_stands_beside_only_where_it_is_another() -> None:
    """Its package versions with it; the engine's stay those of the image."""
    there = Look(replace(HOST, python="3.11.2", packages={"click": "8.5.1"}), "1")
    assert beside(there, Look(HOST, "1")) == there.host
    found = beside(there, Look(replace(HOST, system="Darwin", packages={"docker": "7"}), "2"))
    assert replace(found, client=None) == there.host
    assert found.client is not None
    assert (found.client.system, found.client.packages) == ("Darwin", {"docker": "7"})
    assert problems(plain(found), "host") == []


@pytest.mark.parametrize(
    ("cpuinfo", "name"),
    [
        ("processor\t: 0\nmodel name\t: AMD EPYC 7763 64-Core Processor\n", "AMD EPYC 7763 64-Core Processor"),
        ("CPU implementer\t: 0x41\nCPU part\t: 0xd0c\n", "implementer 0x41, part 0xd0c"),
    ],
)
def test_a_cpu_has_a_name_or_the_numbers_of_its_maker(
    cpuinfo: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arm's kernels give no name."""
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    monkeypatch.setattr(module, "CPUINFO", str(tmp_path / "cpuinfo"))
    assert describe_host().cpu_model == name


def test_a_kit_that_is_not_installed_as_a_package_says_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the load generator's image."""

    def nothing(_: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(module, "version", nothing)
    found: Host = describe_host()
    assert set(found.packages) == {module.KIT}
