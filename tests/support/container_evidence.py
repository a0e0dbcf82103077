"""The good run of containers as evidence, and the same with something changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from hypothesis import settings

from kit.documents import Plan, ServerFacts
from kit.documents.container import ContainerFacts
from kit.verify.evidence import Evidence, open_run
from kit.verify.rule import Issue, Rule
from tests.support.container_plans import LARGEST, MADE, plan_of
from tests.support.good_containers import (
    VLLM,
    container_files,
)

EXAMPLES = settings(max_examples=6, deadline=None)


def issues(rule: Rule, evidence: Evidence) -> list[str]:
    return [f"{step.where}: {step.message}" for step in rule.check(evidence) if isinstance(step, Issue)]


@cache
def platform_plan(name: str) -> Plan:
    return plan_of(name, {LARGEST: MADE})


@cache
def good_evidence() -> Evidence:
    return open_run(container_files())


def evidence_with(change: Callable[[ServerFacts], ServerFacts], cell: str = VLLM, **of_cell: Any) -> Evidence:
    """The good run with what one cell tells of its server changed."""
    good = good_evidence()
    found = good.cells[cell]
    assert found.cell is not None
    assert found.cell.server is not None
    changed = replace(found.cell, server=change(found.cell.server), **of_cell)
    return replace(good, cells={**good.cells, cell: replace(found, cell=changed)})


def container_with(cell: str = VLLM, **values: Any) -> Evidence:
    def change(server: ServerFacts) -> ServerFacts:
        assert server.container is not None
        return replace(server, container=replace(server.container, **values))

    return evidence_with(change, cell)


def facts_of(cell: str) -> ContainerFacts:
    found = good_evidence().cells[cell].cell
    assert found is not None
    assert found.server is not None
    assert found.server.container is not None
    return found.server.container
