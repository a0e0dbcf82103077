"""A program in an image, run once to its end without a network: files in, files out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import docker

from kit.documents.container import ContainerSpec, Mount, Tmpfs
from kit.engines.docker.client import RUN_LABEL, engine_errors
from kit.engines.docker.config import KIT_USER, WORK, Place, container_config
from kit.engines.docker.containers import container, new_name, start
from kit.engines.docker.transfer import Member, fetch_file, put_files
from kit.engines.docker.wire import follow_output, log_tail
from kit.errors import EngineError

OUT = f"{WORK}/out"
OnLine = Callable[[str], None]


def run_program(
    client: docker.DockerClient,
    run: str,
    image: str,
    program: bytes,
    arguments: Sequence[str],
    mounts: tuple[Mount, ...],
    out: Path,
    names: Callable[[Sequence[str]], Sequence[str]],
    on_line: OnLine,
    environment: Mapping[str, str],
) -> None:
    """Run a Python program in `image`; what it writes to /cell/out and `names` chooses lands in the folder `out`.

    Its last argument is /cell/out. `names` gets the lines it printed and says which files to fetch. `EngineError`
    with its last lines if it fails.
    """
    spec = ContainerSpec(
        service="program",
        image=image,
        command=(f"{WORK}/program.py", *arguments, OUT),
        port=0,
        entrypoint=("python3",),
        environment={"HOME": "/tmp", **environment},
        user=f"{KIT_USER}:{KIT_USER}",
        working_dir=WORK,
        mounts=mounts,
        tmpfs=(Tmpfs("/tmp"),),
        pids_limit=4096,
    )
    place = Place("none", alias=None, labels={RUN_LABEL: run}, work=True)
    printed: list[str] = []
    config: dict[str, Any] = container_config(spec, place)
    config.pop("NetworkingConfig", None)  # nothing to join
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(container(client, config, new_name("program")))
        put_files(client, made, WORK, [Member("program.py", program), Member("out", None)], KIT_USER)
        start(client, made, "a program")
        held = b""
        for piece in follow_output(client, made):
            *whole, held = (held + piece).split(b"\n")
            for line in whole:
                printed.append(line.decode("utf-8", "replace"))
                on_line(printed[-1])
        with engine_errors("wait for a program"):
            code = int(client.api.wait(made)["StatusCode"])
        if code:
            raise EngineError(
                f"The program in {image} ended with exit code {code}.",
                "Its last lines are above.",
                log_tail(client, made, 15),
            )
        for name in names(printed):
            if not fetch_file(client, made, f"{OUT}/{name}", out / name):
                raise EngineError(
                    f"The program in {image} left no {name}.", "Build the image again: kit images build"
                )
