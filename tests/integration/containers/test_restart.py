"""An engine that is stopped and started again under a run: what the run has there still goes with it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from kit.engines.docker.cleaning import clean
from kit.engines.docker.client import RUN_LABEL
from kit.engines.docker.containers import container, network, volume
from kit.engines.docker.lock import holder, only_kit
from kit.engines.protocol import Removed
from tests.integration.containers.nested import restartable_docker, tiny_image
from tests.integration.containers.servers import leftovers
from tests.support.not_tested import not_tested

pytestmark = pytest.mark.integration

RUN = "restarted"
LABELS = {RUN_LABEL: RUN}


def test_what_a_run_has_on_an_engine_that_restarts_is_removed(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Its server is dead and says so; server, network, volume and lock are gone after the run, as ever."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        not_tested(request, "an engine that restarts needs root and dockerd on this machine")
    with restartable_docker(tmp_path) as engine:
        client = engine.client
        api: Any = client.api
        image = tiny_image(client)
        config = {
            "Image": image,
            "Cmd": ["cat"],
            "OpenStdin": True,
            "Labels": LABELS,
            "HostConfig": {"NetworkMode": "none"},
        }
        with (
            only_kit(client, RUN, image, f"kit-lock-{RUN}"),
            network(client, LABELS),
            volume(client, f"cache-{RUN}", LABELS),
            container(client, config, f"server-{RUN}"),
        ):
            api.start(f"server-{RUN}")
            assert api.inspect_container(f"server-{RUN}")["State"]["Running"]
            engine.restart()
            assert not api.inspect_container(f"server-{RUN}")["State"]["Running"]
            found = holder(client, f"kit-lock-{RUN}")
            assert found is not None
            assert not found.dead
        assert leftovers(client, RUN) == []
        assert clean(client, RUN) == Removed(0, 0, 0)
