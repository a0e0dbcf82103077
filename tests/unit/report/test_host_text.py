"""The machine of a run in words, for reports."""

from __future__ import annotations

from dataclasses import replace

from kit.documents import ClientHost, EngineFacts, Gpu
from kit.report.host_text import beside_cpu, host_lines
from kit.report.page.facts import host_facts, machine
from kit.report.page.inputs import PageInput
from tests.support.good_bundle import good_host
from tests.support.studies import LAPTOP, study, subject

HOST = good_host()
H200 = Gpu(
    name="NVIDIA H200",
    memory_bytes=150_000_000_000,
    driver="570.1",
    cuda="12.8",
    sm_max_mhz=1980,
    sm_application_mhz=1800,
    power_limit_mw=700_000,
    persistence=True,
)
ENGINE = EngineFacts(
    "Docker Engine", "28.0", "1.48", "Debian GNU/Linux 12", "6.1.0", "x86_64", 64, 270_000_000_000, ("runc",)
)
CLIENT = ClientHost("Darwin", "23.5.0", "arm64", None, 8, 8, 16 * 10**9, "3.13.0", {})


def test_a_machine_without_gpu_engine_and_client_has_three_lines() -> None:
    """As reports had them before."""
    assert list(beside_cpu(HOST)) == []
    assert [line.partition(":")[0] for line in host_lines(HOST)] == ["CPU", "System", "Packages"]


def test_gpus_driver_engine_and_the_machine_of_the_command_are_told() -> None:
    """With everything that bears on speed; in page and Markdown alike."""
    host = replace(HOST, gpus=(H200, replace(H200, power_limit_mw=600_000)), engine=ENGINE, client=CLIENT)
    words = dict(beside_cpu(host))
    assert words["GPU"] == (
        "2 x NVIDIA H200, 150.0 GB each, driver 570.1, CUDA 12.8, clock up to 1980 MHz, clock set to 1800 MHz, "
        "power limit 700 W and 600 W, persistence on"
    )
    assert words["Engine"] == "Docker Engine 28.0 (API 1.48), Debian GNU/Linux 12, 6.1.0, 64 CPUs, memory 270.0 GB"
    assert words["Command typed on"] == "arm64, 8 of 8 CPUs usable, memory 16.0 GB, Darwin 23.5.0, Python 3.13.0"
    assert [line.partition(":")[0] for line in host_lines(host)][1:4] == ["GPU", "Engine", "Command typed on"]
    assert {"GPU", "engine", "command typed on"} <= {name for name, _ in host_facts(host)}


def test_what_a_driver_does_not_tell_is_left_out() -> None:
    """A name is all that one needs."""
    host = replace(HOST, gpus=(Gpu("AMD Radeon"),), engine=EngineFacts("podman", "5.4", "1.41"))
    assert dict(beside_cpu(host)) == {"GPU": "AMD Radeon", "Engine": "podman 5.4 (API 1.41)"}


def test_a_hostile_machine_is_harmless() -> None:
    """In Markdown every character that means something is escaped."""
    host = replace(HOST, gpus=(Gpu("<b>|`\x1b[2J"),))
    (line,) = [line for line in host_lines(host) if line.startswith("GPU")]
    assert "\x1b" not in line
    assert r"\<b\>\|\`" in line


def test_a_page_names_the_gpu_that_ran_or_else_that_of_the_platform() -> None:
    """Runs from before GPUs were looked at proved in each cell that they computed on one."""
    made = study(subject("x", 1, throughput_tok_s=1.0), hardware=LAPTOP)
    assert machine(PageInput(made, "x", "run")) == f"{LAPTOP.device} (as its platform names it)"
    assert machine(PageInput(study(hardware=None), "x", "run")) == ""
