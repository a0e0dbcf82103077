"""The sampler as a sidecar on a real Docker Engine: what it sees of containers, and what it leaves."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from kit.documents.telemetry import TelemetrySummary
from kit.engines.docker.engine import DockerEngine
from kit.metrics.telemetry import cell_summary, look_summary
from kit.probe import probe_of
from kit.run.telemetry import Sampled, look, sampled
from kit.storage.cell_folder import read_facts
from tests.integration.containers.servers import python_server, reference, until, write_short_load

pytestmark = pytest.mark.integration

BURNS = "while True: pass"


@contextlib.contextmanager
def burner() -> Iterator[None]:
    """Another program of this machine that wants a CPU."""
    with subprocess.Popen([sys.executable, "-I", "-c", BURNS]) as child:
        try:
            yield
        finally:
            child.kill()


def samplers(client: docker.DockerClient, run: str) -> list[str]:
    labels = [f"org.kit.run={run}", "org.kit.role=telemetry"]
    return [container.id or "" for container in client.containers.list(filters={"label": labels})]


def test_server_and_load_generator_are_seen_beside_their_load(engine: DockerEngine, folder: Path) -> None:
    """By their cgroups, without a right or a network; memory and peak as the kernel counts them."""
    spec = reference(engine, folder)
    with engine.server(spec, folder / "server.log") as running:
        probe_of(running).wait_ready(spec.ready_path, spec.start_budget_s)
        load, path = write_short_load(folder, running.url, warmup_s=1.5)  # the sampler looks for it meanwhile
        with sampled(engine, folder) as found:
            time.sleep(0.3)
            assert engine.run_load(path, folder, lambda _: None) == 0
    assert found.ended == "stopped"
    assert found.sources["server"] == found.sources["loadgen"] == found.sources["own"]
    assert found.sources["server"] in ("cgroup1", "cgroup2")
    assert found.cpus == engine.ncpu
    facts = read_facts(folder)
    made = cell_summary(found.samples, (), facts, None, found.cpus)
    assert made is not None
    assert load.window_ns is not None
    assert made.samples >= load.window_ns // found.interval_ns // 2
    assert made.server_share is not None
    assert made.server_share > 0
    assert made.loadgen_share is not None
    assert made.loadgen_share > 0
    assert made.other_share is not None
    assert (made.server_peak_bytes or 0) > 1 << 20


def seen(engine: DockerEngine, folder: Path, code: str) -> tuple[Sampled, TelemetrySummary]:
    """A second and a half of a server that runs this."""
    folder.mkdir()
    spec = python_server(engine.loadgen_image, code)
    with engine.server(spec, folder / "log"), sampled(engine, folder) as found:
        time.sleep(1.5)
    made = look_summary(found.samples, found.cpus)
    assert made is not None
    return found, made


def test_a_server_that_works_is_told_from_one_that_waits(engine: DockerEngine, folder: Path) -> None:
    """The same machine, a moment later."""
    _, waiting = seen(engine, folder / "waits", "import signal; signal.pause()")
    found, working = seen(engine, folder / "works", BURNS)
    assert waiting.server_share is not None
    assert working.server_share is not None
    # On a machine that is full of other work a server gets what is left.
    assert working.server_share > max(0.02 / found.cpus, 5 * waiting.server_share)


def test_another_program_shows_and_an_idle_machine_can_be_looked_at(engine: DockerEngine, folder: Path) -> None:
    """Without a server; a burner takes its CPU from what is left."""
    quiet = look(engine, folder, seconds=1.0)
    with burner():
        loud = look(engine, folder, seconds=1.0)
    assert quiet.ended == loud.ended == "stopped"
    made = look_summary(loud.samples, loud.cpus)
    assert made is not None
    assert made.other_share is not None
    assert made.other_share > 0.5 / loud.cpus
    assert made.server_share is None


def test_a_sampler_that_is_killed_leaves_what_it_had(
    client: docker.DockerClient, engine: DockerEngine, run: str, folder: Path
) -> None:
    """The load goes on; the reason is kept."""
    with sampled(engine, folder) as found:
        until(lambda: bool(samplers(client, run)), "the sampler runs")
        time.sleep(1.0)
        (made,) = samplers(client, run)
        client.api.kill(made, "SIGKILL")
        until(lambda: not samplers(client, run), "the sampler is dead")
    assert found.ended.startswith("the sampler ended with exit code 137")
    assert len(found.samples) >= 3


def test_the_sampler_can_do_nothing_else(
    client: docker.DockerClient, engine: DockerEngine, run: str, folder: Path
) -> None:
    """No network but its own loopback, no capability, nothing to write but its own folder."""
    script = (
        "import os; print([n for n in os.listdir('/sys/class/net')]);"
        "print([l for l in open('/proc/self/status') if l.startswith(('CapEff', 'NoNewPrivs'))]);"
        "print([os.access(p, os.W_OK) for p in ('/', '/machine/cgroup', '/opt/kit', '/cell')])"
    )
    with sampled(engine, folder):
        until(lambda: bool(samplers(client, run)), "the sampler runs")
        (made,) = samplers(client, run)
        api = client.api
        said = api.exec_start(api.exec_create(made, ["python3", "-c", script])["Id"]).decode()
    assert said.splitlines() == [
        "['lo']",
        "['CapEff:\\t0000000000000000\\n', 'NoNewPrivs:\\t1\\n']",
        "[False, False, False, True]",
    ]
