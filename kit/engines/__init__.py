"""Where servers and load generators run: as child processes of the kit, or in containers."""

from contextlib import AbstractContextManager

from kit.engines.protocol import ContainerHost


def connect(run: str = "kit") -> AbstractContextManager[ContainerHost]:
    """The container engine at hand while the block runs, for what `run` makes on it; `EngineError` if none is."""
    # Nobody but those who need containers waits for docker-py.
    from kit.engines.docker.host import connected

    return connected(run)
