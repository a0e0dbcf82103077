"""kit.run.evaluating.rerun: tests run beside the kit, so none is taken from a bundle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pytest

from kit.documents.quality.evaluation import Task
from kit.errors import InputError
from kit.run.evaluating.rerun import rerun
from kit.sandbox import Outcome, Program, SandboxFacts
from kit.verify.evidence import open_bundle
from tests.support.good_evaluation import Changes, asked_fields, changed_evaluation

HOSTILE = "import os\nos.system('id')\ndef check(candidate): ...\n"


class Untouched:
    """A sandbox in which nothing may be run."""

    facts = SandboxFacts("process", "namespaces", "3.11.2")

    def run(self, programs: Iterable[Program]) -> Iterator[Outcome]:
        raise AssertionError(f"{list(programs)} were about to run")


def _with_test(tasks: Sequence[Task]) -> list[Task]:
    return [replace(tasks[0], test=HOSTILE), *tasks[1:]]


@pytest.mark.parametrize(
    "changes",
    [
        Changes(tasks=_with_test),
        Changes(tasks=lambda tasks: [replace(tasks[0], prompt=HOSTILE), *tasks[1:]]),
        Changes(tasks=lambda tasks: [replace(tasks[0], id="basics/mine"), *tasks[1:]]),
        asked_fields(suite="advanced"),
        replace(asked_fields(suite="advanced"), tasks=_with_test),
    ],
    ids=["another test", "another prompt", "another name", "another suite", "another suite and test"],
)
def test_a_test_that_is_not_the_kit_s_is_never_run(changes: Changes) -> None:
    """Whatever verify thinks of the bundle."""
    with pytest.raises(InputError, match="is not the kit's, so nothing is run"):
        list(rerun(open_bundle(changed_evaluation(changes)), Untouched()))
