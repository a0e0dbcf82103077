"""The sandbox of an engine with containers: one for each program, and it goes with it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from kit.engines.conversation import Confined
from kit.engines.protocol import ContainerHost
from kit.errors import EngineError
from kit.sandbox.protocol import MIB, Limits, SandboxFacts
from kit.sandbox.running import RunningSandbox, found_by
from kit.sandbox.sources import ENVIRONMENT, arguments
from kit.text import plain_text

# More than a program may take, so that it meets its own limit first, which says what it was.
MORE_BYTES = 64 * MIB


@contextlib.contextmanager
def container_sandbox(host: ContainerHost, image: str, limits: Limits, workers: int) -> Iterator[RunningSandbox]:
    """See `kit.sandbox.open_sandbox`. One container is tried first."""
    found = host.images.facts(image)
    if found is None:
        raise EngineError(f"The image {plain_text(image)} is not on this engine.", "Build it: kit images build")
    program = Confined(
        image=found.image_id,
        arguments=arguments("inside", limits.memory_bytes),
        environment=ENVIRONMENT,
        memory_bytes=limits.memory_bytes + MORE_BYTES,
    )
    with host.confined(program) as talk:
        seen = found_by(talk)
    if seen.missing():
        raise EngineError(
            f"This engine's containers do not confine a program: {seen.missing()}.",
            "Take an engine on Linux with seccomp (docker info), or the engine process.",
        )
    facts = SandboxFacts("container", "docker", seen.python, found.image_id)
    yield RunningSandbox(facts, lambda: host.confined(program), limits, workers)
