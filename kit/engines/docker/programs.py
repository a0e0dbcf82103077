"""A program in an image, run once to its end without a network: files in, files out."""

from __future__ import annotations

from pathlib import Path

import docker

from kit.documents.container import ContainerSpec, Tmpfs
from kit.engines.docker.client import RUN_LABEL, engine_errors
from kit.engines.docker.config import KIT_USER, WORK, Place, container_config, server_memory_bytes
from kit.engines.docker.containers import container, new_name, start
from kit.engines.docker.transfer import Member, fetch_file, put_files
from kit.engines.docker.wire import follow_lines, log_tail
from kit.engines.protocol import OnLine, Program
from kit.errors import EngineError

OUT = f"{WORK}/out"
MAX_FILES = 64


def run_program(client: docker.DockerClient, run: str, program: Program, out: Path, on_line: OnLine) -> None:
    """See `ContainerHost.run_program`."""
    with engine_errors("describe itself"):
        memory = server_memory_bytes(client.info())  # converting weights takes as much as serving them
    spec = ContainerSpec(
        service="program",
        image=program.image,
        command=(f"{WORK}/program.py", *program.arguments, OUT),
        port=0,
        entrypoint=("python3",),
        environment={"HOME": "/tmp", **program.environment},
        user=f"{KIT_USER}:{KIT_USER}",
        working_dir=WORK,
        mounts=program.mounts,
        tmpfs=(Tmpfs("/tmp"),),
        memory_bytes=memory,
        pids_limit=4096,
    )
    config = container_config(spec, Place("none", alias=None, labels={RUN_LABEL: run}, work=True))
    names: list[str] = []
    with container(client, config, new_name("program")) as made:
        put_files(client, made, WORK, [Member("program.py", program.code), Member("out", None)], KIT_USER)
        start(client, made, "a program")
        for line in follow_lines(client, made, "read the output of a program"):
            on_line(line.removesuffix("\n"))
            name = program.announced(line.removesuffix("\n"))
            if name is not None and len(names) < MAX_FILES:
                names.append(name)
        with engine_errors("wait for a program"):
            code = int(client.api.wait(made)["StatusCode"])
        if code:
            raise EngineError(
                f"The program in {program.image} ended with exit code {code}.",
                "Its last lines are above.",
                log_tail(client, made, 15),
            )
        for name in names:
            if not fetch_file(client, made, f"{OUT}/{name}", out / name):
                raise EngineError(
                    f"The program in {program.image} did not write {name}.", "Rebuild the image: kit images build"
                )
