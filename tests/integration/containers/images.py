"""Images for tests: those that are missing are built, so that a machine with an empty engine can run them."""

from __future__ import annotations

import docker

from kit.engines.docker.images import DockerImages
from kit.supply.images import build, make_bases, needed, recipe
from kit.supply.images.recipes import SUITES


def built(client: docker.DockerClient, runtime: str, variant: str) -> str:
    """The tag of an image from source; llama.cpp takes a quarter of an hour on two cores if it is not there."""
    wanted = recipe(runtime, variant, "source")
    store = DockerImages(client)
    if needed(store, wanted):
        if wanted.base in SUITES:
            make_bases(store, (wanted.base,), lambda _: None)
        build(store, wanted, lambda _: None)
    return wanted.tag
