"""Other engines than the one at hand: a second dockerd, and Debian 13's Docker and podman in a container.

with second_docker(tools=folder) as client:      # dockerd of this machine with a folder before its PATH
with inner_engine(client, "docker", CDI) as inner:   # inner.client, inner.run("rm", "/etc/cdi/kit.yaml")

What they start ends with the block, whatever happens; only the image of the inner engines is kept, as a cache.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import DockerException, ImageNotFound
from docker.models.containers import Container

from kit.engines.docker.client import RUN_LABEL
from kit.engines.docker.images import DockerImages
from kit.supply.images.bases import base_tag, make_base

LABEL = {RUN_LABEL: "test-passthrough"}
TINY = "kit/test-tiny:latest"
TOOLS = ("sh", "cat", "env", "sed", "stat", "tr")
PATIENCE_S = 60.0
DOCKERFILE = """\
FROM kit/base:trixie
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends docker.io podman >/dev/null \\
 && rm -rf /var/lib/apt/lists/* && mkdir -p /etc/docker /etc/cdi
LABEL org.kit.test=nested
"""
# A description of "all GPUs" that any machine can carry out: a variable and a device file that is /dev/null.
CDI = """\
cdiVersion: "0.5.0"
kind: nvidia.com/gpu
devices:
  - name: all
    containerEdits:
      env: ["KIT_CDI=injected"]
      deviceNodes:
        - {path: /dev/nvidia0, hostPath: /dev/null}
"""
_CAPABILITIES = [
    *("SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "MKNOD", "SYS_CHROOT", "DAC_READ_SEARCH"),
    *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETUID", "SETGID", "SETPCAP", "SETFCAP"),
    *("KILL", "NET_RAW", "NET_BIND_SERVICE", "AUDIT_WRITE"),
]
_COMMANDS = {
    "docker": "exec dockerd -H unix:///run/nested/engine.sock --bridge=none --iptables=false --ip6tables=false",
    "podman": "exec podman system service --time=0 unix:///run/nested/engine.sock",
}
_STORES = {"docker": "/var/lib/docker", "podman": "/var/lib/containers"}


# --- images ---------------------------------------------------------------------------------------------


def tiny_image(client: docker.DockerClient) -> str:
    """An image of a few megabytes made of this machine's own shell and tools; its tag."""
    files = {Path(found) for tool in TOOLS if (found := shutil.which(tool))}
    for program in sorted(files):
        listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
        files |= {Path(name) for name in re.findall(r"(/\S+) \(0x", listed)}
    places = {str(path): path.resolve() for path in files}
    places |= {f"/bin/{tool}": Path(shutil.which(tool) or "").resolve() for tool in TOOLS}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        # A folder that the archive does not name would be closed to everybody but root.
        for folder in sorted({str(parent) for place in places for parent in Path(place).parents}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for place, path in sorted(places.items()):
            archive.add(path, place)
    repository, tag = TINY.split(":")
    client.api.import_image_from_data(
        packed.getvalue(), repository, tag, changes=["LABEL org.kit.test=tiny", "CMD cat"]
    )
    return TINY


def engine_image(client: docker.DockerClient, work: Path) -> str:
    """An image of Debian 13 with Docker and podman, built where there is none yet (half a minute); its tag."""
    tag = f"kit/test-engine:{sha256(DOCKERFILE.encode()).hexdigest()[:12]}"
    try:
        client.images.get(tag)
    except ImageNotFound:
        try:
            client.images.get(base_tag("trixie"))
        except ImageNotFound:
            make_base(DockerImages(client), "trixie", work, lambda _: None)
        client.images.build(fileobj=io.BytesIO(DOCKERFILE.encode()), tag=tag, rm=True, forcerm=True)
    return tag


def hand_over(image: str, giver: docker.DockerClient, taker: docker.DockerClient) -> None:
    """Copy an image from one engine into another."""
    taker.images.load(b"".join(giver.images.get(image).save(named=True)))


# --- a second dockerd -----------------------------------------------------------------------------------


@contextlib.contextmanager
def second_docker(tools: Path) -> Iterator[docker.DockerClient]:
    """Another dockerd of this machine with its own everything; `tools` comes first on its PATH. Needs root."""
    with restartable_docker(tools) as second:
        yield second.client


@dataclass(slots=True)
class SecondDocker:
    """A second dockerd, which can be stopped and started again on what it had."""

    client: docker.DockerClient
    folder: Path
    tools: Path
    process: subprocess.Popen[bytes]

    def restart(self) -> None:
        """As a service manager does: SIGTERM, and a new one in its place when it has gone."""
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.process = _second_dockerd(self.folder, self.tools)
        deadline = time.monotonic() + PATIENCE_S
        while not answers(self.folder / "engine.sock"):
            assert time.monotonic() < deadline, (self.folder / "log").read_text(errors="replace")[-2000:]
            time.sleep(0.1)


def _second_dockerd(folder: Path, tools: Path) -> subprocess.Popen[bytes]:
    command = [
        # A network of its own: without one, dockerd would remove the bridge of the engine at hand.
        *("setpriv", "--pdeathsig", "TERM", "unshare", "--net"),
        *("dockerd", "--host", f"unix://{folder}/engine.sock"),
        *("--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid"),
        *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"),
        *("--storage-driver=vfs", "--config-file", f"{folder}/daemon.json"),
    ]
    (folder / "daemon.json").write_text("{}", encoding="utf-8")
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)


@contextlib.contextmanager
def restartable_docker(tools: Path) -> Iterator[SecondDocker]:
    """As `second_docker`, with a hand on its process."""
    folder = Path(tempfile.mkdtemp(prefix="kit-dockerd-"))
    process = _second_dockerd(folder, tools)
    second: SecondDocker | None = None
    try:
        with _answering(folder / "engine.sock", lambda: (folder / "log").read_text(errors="replace")) as client:
            second = SecondDocker(client, folder, tools, process)
            yield second
    finally:
        process = second.process if second is not None else process
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _remove(folder)


def _remove(folder: Path) -> None:
    """The folder with whatever is still mounted below it, innermost first."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False)
    shutil.rmtree(folder)


# --- an engine inside a container ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Inner:
    """An engine in a container of Debian 13."""

    client: docker.DockerClient
    container: Container

    def run(self, script: str) -> str:
        """What a shell script says beside the engine; it must succeed."""
        code, output = self.container.exec_run(["sh", "-ec", script])
        assert code == 0, output
        assert isinstance(output, bytes)
        return output.decode()


@contextlib.contextmanager
def inner_engine(outer: docker.DockerClient, image: str, engine: str) -> Iterator[Inner]:
    """Docker 26 or podman 5 of Debian 13, with CDI and the description above; `engine` is "docker" or "podman"."""
    folder = Path(tempfile.mkdtemp(prefix="kit-inner-"))
    setting_up = "\n".join(
        [
            """echo '{"features": {"cdi": true}, "experimental": true}' > /etc/docker/daemon.json""",
            f"cat > /etc/cdi/kit.yaml <<'END'\n{CDI}END",
            _COMMANDS[engine],
        ]
    )
    container = outer.containers.create(
        image, ["sh", "-ec", setting_up], labels=LABEL, **_may_nest(engine, folder)
    )
    try:
        container.start()
        with _answering(folder / "engine.sock", lambda: _log(container)) as client:
            yield Inner(client, container)
    finally:
        container.remove(force=True, v=True)
        shutil.rmtree(folder)


def _log(container: Container) -> str:
    log: bytes = container.logs(tail=30)
    return log.decode(errors="replace")


def _may_nest(engine: str, folder: Path) -> dict[str, Any]:
    """What a container needs to hold an engine: nearly everything, but not privileged."""
    return {
        "network_mode": "none",
        "cgroupns": "host",
        "cap_drop": ["ALL"],
        "cap_add": _CAPABILITIES,
        "security_opt": ["seccomp=unconfined", "apparmor=unconfined"],
        "device_cgroup_rules": ["a *:* rwm"],
        "environment": {"PODMAN_IGNORE_CGROUPSV1_WARNING": "1"},
        "mounts": [
            docker.types.Mount("/sys/fs/cgroup", "/sys/fs/cgroup", type="bind"),
            docker.types.Mount("/run/nested", str(folder), type="bind"),
            docker.types.Mount(_STORES[engine], None, type="volume"),
        ],
    }


# --- both -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _answering(path: Path, log: Callable[[], str]) -> Iterator[docker.DockerClient]:
    """A client of the engine at the socket once it answers; its containers are removed at the end."""
    deadline = time.monotonic() + PATIENCE_S
    while not answers(path):
        assert time.monotonic() < deadline, f"the engine does not answer:\n{log()[-2000:]}"
        time.sleep(0.1)
    client = docker.DockerClient(base_url=f"unix://{path}", version="auto", timeout=60)
    try:
        yield client
    finally:
        with contextlib.suppress(DockerException, requests.RequestException, OSError):
            for container in client.containers.list(all=True):
                container.remove(force=True, v=True)
        client.close()


def answers(path: Path) -> bool:
    """Whether an engine answers at the socket. Not docker-py, which forgets sockets that nobody listens on."""
    with socket.socket(socket.AF_UNIX) as tried, contextlib.suppress(OSError):
        tried.settimeout(5)
        tried.connect(str(path))
        tried.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return b" 200 " in tried.recv(100)
    return False
