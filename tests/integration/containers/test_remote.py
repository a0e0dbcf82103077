"""An engine on another machine: a real sshd on the loopback address stands for the way there."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from kit.engines.docker.client import connect
from kit.engines.docker.engine import DockerEngine
from kit.engines.docker.volumes import model_volume, volume_name
from kit.errors import EngineError
from kit.machine.here import look_here
from kit.machine.look import Look, same_machine
from kit.probe import probe_of
from kit.run.host import host_of
from kit.storage.cell_folder import read_facts, read_records
from tests.integration.containers.servers import leftovers, reference, write_short_load
from tests.support.fakes import demo_plan
from tests.support.not_tested import not_tested

pytestmark = pytest.mark.integration

SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
"""
SSH = """
Host the-other-machine
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {folder}/user_key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
"""
# ssh reads the configuration of the user's home as the system knows it, whatever HOME says.
WRAPPER = '#!/bin/sh\nexec {ssh} -F {folder}/config "$@"\n'


def key(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path.with_name(path.name + ".pub").read_text()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def sshd(
    request: pytest.FixtureRequest, client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A folder with a program `ssh` that knows `the-other-machine`, which lets us in with a key of our own."""
    assert client is not None
    program = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    ssh, docker_program = shutil.which("ssh"), shutil.which("docker")
    if program is None or ssh is None or docker_program is None:
        not_tested(request, "no sshd, ssh or docker here (Debian: apt-get install openssh-server docker.io)")
    folder = tmp_path_factory.mktemp("ssh")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    host_key = key(folder / "host_key")
    (folder / "authorized_keys").write_text(key(folder / "user_key"))
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    (folder / "sshd_config").write_text(SSHD.format(port=port, folder=folder))
    (folder / "config").write_text(SSH.format(port=port, folder=folder, user=pwd.getpwuid(os.getuid()).pw_name))
    tools = folder / "bin"
    tools.mkdir()
    (tools / "ssh").write_text(WRAPPER.format(ssh=ssh, folder=folder))
    (tools / "ssh").chmod(0o755)
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where a root's sshd locks itself in before anyone is known
    log = folder / "log"
    with subprocess.Popen([program, "-D", "-f", str(folder / "sshd_config"), "-E", str(log)]) as server:
        deadline = time.monotonic() + 20
        while not listens(port):
            if server.poll() is not None or time.monotonic() > deadline:
                not_tested(request, f"sshd does not start: {log.read_text()[-300:]}")
            time.sleep(0.05)
        yield tools
        server.terminate()


@pytest.fixture
def far(sshd: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[docker.DockerClient]:
    """A client of the engine on the other machine."""
    monkeypatch.setenv("PATH", f"{sshd}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_HOST", "ssh://the-other-machine")
    found = connect()
    yield found
    found.close()


def children() -> list[str]:
    """Command lines of the ssh processes that serve us."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if "the-other-machine" in line:
            found.append(line)
    return found


def test_everything_works_on_another_machine(
    far: docker.DockerClient, loadgen_image: str, run: str, folder: Path, tmp_path: Path
) -> None:
    """Server, questions, model and load, through ssh alone; nothing is left there or here."""
    model = tmp_path / "model"
    model.write_bytes(os.urandom(2_000_000))
    engine = DockerEngine(far, run, loadgen_image)
    name = model_volume(far, run, loadgen_image, "5e" * 32, model, "m")
    try:
        spec = reference(engine, folder)
        with engine.server(spec, folder / "server.log") as running:
            probe = probe_of(running)
            probe.wait_ready(spec.ready_path, spec.start_budget_s)
            assert probe.served_model() == "reference"
            assert running.run_inside(("id", "-u")) == (0, "10001\n")
            _, path = write_short_load(folder, running.url)
            assert engine.run_load(path, folder, lambda _: None) == 0
        assert running.exit_code() == 0
        assert "listening" in running.log_tail()[0]
    finally:
        far.api.remove_volume(name)
    assert name == volume_name("5e" * 32)
    assert read_facts(folder).requests == len(list(read_records(folder / "records.jsonl"))) > 0
    assert (folder / "truth.jsonl").stat().st_size > 0
    assert leftovers(far, run) == []


def test_the_machine_of_the_engine_is_described_by_a_container_there(
    far: docker.DockerClient, loadgen_image: str, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own /proc and /sys, the image's Python; the command's machine stands beside it where it is another."""
    engine = DockerEngine(far, run, loadgen_image)
    here, there = look_here(), engine.look(["none"])
    assert same_machine(here, there)  # both ends of this ssh are one machine
    assert (there.host.kernel, there.host.memory_bytes) == (here.host.kernel, here.host.memory_bytes)
    assert set(there.host.packages) < set(here.host.packages)  # nothing that only clients have
    assert there.host.engine is not None
    assert there.host.engine.kernel == there.host.kernel
    assert host_of(demo_plan(), engine) == there.host
    laptop = Look(replace(here.host, cpu_model="A laptop", cpus=99), "another start")
    monkeypatch.setattr("kit.run.host.look_here", lambda: laptop)
    found = host_of(demo_plan(), engine)
    assert replace(found, client=None) == there.host
    assert found.client is not None
    assert (found.client.cpu_model, found.client.cpus) == ("A laptop", 99)
    assert leftovers(far, run) == []


def test_the_connections_end_with_the_client(sshd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No ssh stays."""
    monkeypatch.setenv("PATH", f"{sshd}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_HOST", "ssh://the-other-machine")
    client = connect()
    assert children() != []
    client.close()
    del client
    deadline = time.monotonic() + 20
    while children():
        assert time.monotonic() < deadline, children()
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("host", "words"),
    [("ssh://nobody@the-other-machine", "Permission denied"), ("ssh://no.such.machine.invalid", "not resolve")],
)
def test_a_machine_that_lets_nobody_in_is_told_in_the_words_of_ssh(
    sshd: Path, monkeypatch: pytest.MonkeyPatch, host: str, words: str
) -> None:
    """With what must work first."""
    monkeypatch.setenv("PATH", f"{sshd}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(EngineError, match=rf"{words}.*ssh .* docker version"):
        connect()


def test_a_context_of_docker_leads_to_the_other_machine(
    sshd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the docker program made it, chosen by `docker context use` or by name."""
    monkeypatch.setenv("PATH", f"{sshd}:{os.environ['PATH']}")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    address = "host=ssh://the-other-machine"
    subprocess.run(["docker", "context", "create", "far", "--docker", address], check=True, capture_output=True)
    for step in ("use", "name"):
        if step == "use":
            subprocess.run(["docker", "context", "use", "far"], check=True, capture_output=True)
        else:
            (tmp_path / "config.json").unlink()
            monkeypatch.setenv("DOCKER_CONTEXT", "far")
        client = connect()
        assert children() != []
        assert client.version()["ApiVersion"]
        client.close()
