"""The sandbox of an engine with containers, with programs that want out of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from kit.engines.docker.host import DockerHost
from kit.errors import EngineError
from kit.sandbox import Limits, Program, Sandbox, open_sandbox
from tests.integration.containers.servers import leftovers
from tests.support.hostile_programs import LONG
from tests.support.sandboxed import (
    honest,
    verdicts_on_all,
    watched,
    wrong_about_almost_right_programs,
    wrong_about_right_programs,
    wrong_verdicts,
)

pytestmark = pytest.mark.integration

LIMITS = Limits(memory_bytes=256 << 20)
RUN = "sandbox-tests"


@pytest.fixture(scope="module")
def sandbox(client: docker.DockerClient, loadgen_image: str) -> Iterator[Sandbox]:
    """Of which nothing is left when the tests end."""
    host = DockerHost(client, RUN)
    with open_sandbox("container", host=host, image=loadgen_image, limits=LIMITS, workers=2) as opened:
        yield opened
    assert leftovers(client, RUN) == []


def test_no_hostile_program_gets_a_verdict_it_did_not_earn_and_none_gets_out(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Fork and memory bombs, forged verdicts, other processes, files, sockets; honest ones beside them pass."""
    with watched(tmp_path) as watch:
        found, good = verdicts_on_all(sandbox, watch)
        assert wrong_verdicts(found) == {}
        assert [each for each in good if each.status != "passed"] == []
        assert watch.untouched()


def test_every_solution_of_humaneval_passes(sandbox: Sandbox) -> None:
    assert wrong_about_right_programs(sandbox) == []


def test_solutions_with_one_changed_operator_get_the_verdict_of_a_plain_run(sandbox: Sandbox) -> None:
    """Where program and test share a process."""
    assert wrong_about_almost_right_programs(sandbox, every=3) == {}


def test_a_program_is_alone_as_nobody_and_without_a_network(sandbox: Sandbox) -> None:
    source = (
        "import os\ndef add_one(x):\n"
        "    pids = [each for each in os.listdir('/proc') if each.isdigit()]\n"
        "    return pids, os.getuid(), os.listdir('/sys/class/net'), os.path.ismount('/dev/shm')\n"
    )
    test = "def check(candidate):\n    assert candidate(1) == (['1'], 64017, ['lo'], False), candidate(1)\n"
    (outcome,) = sandbox.run([Program("look", source, "add_one", test, timeout_s=LONG)])
    assert (outcome.status, outcome.detail) == ("passed", "")


def test_the_facts_say_which_image_and_python_ran(sandbox: Sandbox) -> None:
    assert (sandbox.facts.kind, sandbox.facts.how) == ("container", "docker")
    assert sandbox.facts.image_id.startswith("sha256:")
    assert sandbox.facts.python.startswith("3.")


def test_whoever_stops_asking_leaves_no_container_behind(sandbox: Sandbox, client: docker.DockerClient) -> None:
    outcomes = sandbox.run(honest(str(number)) for number in range(50))
    assert next(outcomes).status == "passed"
    outcomes.close()  # type: ignore[attr-defined]  # a generator
    assert leftovers(client, RUN) == []


def test_an_image_that_is_not_there_is_named(client: docker.DockerClient) -> None:
    opened = open_sandbox("container", host=DockerHost(client, RUN), image="kit/none:none")
    with pytest.raises(EngineError, match="The image kit/none:none is not on this engine"), opened:
        pass
