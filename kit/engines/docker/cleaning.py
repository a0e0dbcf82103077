"""Removes what a kit that was killed has left on an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import docker

from kit.engines.docker.client import RUN_LABEL, engine_errors
from kit.engines.docker.containers import remove_container, remove_network, remove_volume
from kit.engines.docker.volumes import MODEL_LABEL
from kit.engines.protocol import Removed
from kit.errors import EngineError


def clean(client: docker.DockerClient, run: str | None = None, *, models: bool = False) -> Removed:
    """See `ContainerHost.clean`; `EngineError` only if the engine cannot even tell what it has."""
    api: Any = client.api
    label = RUN_LABEL if run is None else f"{RUN_LABEL}={run}"
    problems: list[str] = []
    # In this order: a network or volume that is in use cannot be removed.
    with engine_errors("list its containers"):
        found = [str(row["Id"]) for row in api.containers(all=True, filters={"label": label})]
    containers = _each(found, lambda name: remove_container(client, name), problems)
    with engine_errors("list its networks"):
        found = [str(row["Id"]) for row in api.networks(filters={"label": label})]
    networks = _each(found, lambda name: remove_network(client, name), problems)
    labels = (label, MODEL_LABEL) if models else (label,)
    with engine_errors("list its volumes"):
        rows = [row for each in labels for row in api.volumes(filters={"label": each}).get("Volumes") or ()]
    found = list(dict.fromkeys(str(row["Name"]) for row in rows))
    volumes = _each(found, lambda name: remove_volume(client, name), problems)
    return Removed(containers, networks, volumes, tuple(problems))


def _each(names: Iterable[str], remove: Callable[[str], None], problems: list[str]) -> int:
    """How many could be removed; one that cannot must not keep the others here."""
    count = 0
    for name in names:
        try:
            remove(name)
            count += 1
        except EngineError as error:
            problems.append(error.what)
    return count
