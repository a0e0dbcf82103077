"""kit.verify on runs in containers: what the engine tells is the plan's; honest bad luck is not a fault."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import ServerFacts
from kit.strict import write_json
from kit.verify import rules_containers
from kit.verify.evidence import Evidence
from kit.verify.registry import CRASHED
from kit.verify.rule import Rule
from tests.support.container_evidence import (
    EXAMPLES,
    container_with,
    evidence_with,
    facts_of,
    good_evidence,
    issues,
)
from tests.support.forge import document
from tests.support.good_containers import (
    LAST,
    LLAMACPP,
    VLLM,
    container_files,
    container_plan,
    time_in,
)
from tests.support.sealed import run_verdict
from tests.support.toy_server import MS
from tests.unit.verify.test_robust import JSON, paths_of, put, take_out

PRESENT, COMMAND_RULE, IMAGE, INPUTS, DEVICE, TIMES = rules_containers.RULES
ORDER = "was not made, started, used and ended in this order"


# --- in words ---------------------------------------------------------------------------------------------


COMMAND = facts_of(VLLM).command
DIGEST = f"sha256:{'d4' * 32}"
NO_DAY = "2026-02-30T00:00:00.000000Z"


def labelled(**values: str | None) -> Evidence:
    """Other labels org.kit.NAME on one container; None takes one out."""
    other = {f"org.kit.{name}": text for name, text in values.items()}
    labels = {**facts_of(VLLM).labels, **other}
    return container_with(labels={name: text for name, text in labels.items() if text is not None})


def word_after(flag: str, word: str) -> Evidence:
    """Another word after a flag of the command, as the engine tells it."""
    at = COMMAND.index(flag) + 1
    return container_with(command=(*COMMAND[:at], word, *COMMAND[at + 1 :]))


@pytest.mark.parametrize(
    ("rule", "evidence", "words"),
    [
        (PRESENT, evidence_with(lambda server: replace(server, container=None)), "does not describe it"),
        (PRESENT, evidence_with(lambda server: replace(server, device=None)), "on an unknown device"),
        (PRESENT, labelled(cell=LLAMACPP), f'label org.kit.cell is "{LLAMACPP}", not "{VLLM}"'),
        (PRESENT, labelled(role="attendant"), 'label org.kit.role is "attendant", not "server"'),
        (COMMAND_RULE, word_after("--max-num-seqs", "128"), 'command[16] is "128", not "4"'),
        (COMMAND_RULE, word_after("serve", "/models/tiny"), 'command[2] is "/models/tiny", not "/models/smollm2'),
        (COMMAND_RULE, word_after("--max-num-seqs", "128"), "command is not the one that server.command tells"),
        (COMMAND_RULE, container_with(command=("/bin/run", *COMMAND)), 'command[0] is "/bin/run", not "vllm"'),
        (COMMAND_RULE, container_with(command=()), 'command[0] is absent, not "vllm"'),
        (COMMAND_RULE, container_with(environment={}), 'environment: OMP_NUM_THREADS is absent, not "2"'),
        (IMAGE, container_with(image_id="vllm"), "image_id is not a sha256"),
        (IMAGE, container_with(LAST, image_id=DIGEST), "image_id is not that of the entry's first cell"),
        (IMAGE, labelled(target="official"), 'label org.kit.target is "official", not "source"'),
        (IMAGE, labelled(variant="cuda"), 'label org.kit.variant is "cuda", not "cpu"'),
        (IMAGE, labelled(runtime=None), 'label org.kit.runtime is absent, not "vllm"'),
        (IMAGE, labelled(inputs=None), "label org.kit.inputs is not JSON of names and sha256"),
        (DEVICE, container_with(passthrough="dri"), "passthrough is dri, but the service asks for none"),
        (DEVICE, evidence_with(lambda server: replace(server, device=" ")), "has no name"),
        (TIMES, container_with(created_utc=time_in(LLAMACPP, 0)), ORDER),
        (TIMES, container_with(started_utc=time_in(VLLM, 500 * MS)), ORDER),
        (TIMES, container_with(finished_utc=time_in(VLLM, 400 * MS)), ORDER),
        (TIMES, container_with(finished_utc=time_in(LAST, 0)), ORDER),
        (TIMES, container_with(finished_utc=None), "has no observed end"),
        (TIMES, container_with(created_utc=NO_DAY), "has a time that does not exist"),
        (TIMES, container_with(oom_killed=True), "was killed for its memory"),
        (TIMES, container_with(architecture=" "), "architecture has no name"),
    ],
)
def test_what_is_wrong_with_a_container_is_told_in_words(rule: Rule, evidence: Evidence, words: str) -> None:
    """And where: in the cell that tells of it."""
    found = issues(rule, evidence)
    assert [
        each for each in found if words in each and each.startswith(("cells/r1-c1-vllm", "cells/r1-c2-vllm"))
    ], found


@pytest.mark.parametrize("rule", rules_containers.RULES, ids=lambda rule: rule.id)
def test_the_good_run_has_no_issue(rule: Rule) -> None:
    """Or the rows above would show nothing."""
    assert issues(rule, good_evidence()) == []


def test_a_pin_has_the_name_that_the_kit_gives_to_images() -> None:
    """Else a plan could name an image of somebody's own."""
    plan = container_plan()
    pins = (replace(plan.images[0], reference="mine/llamacpp:fast"), plan.images[1])
    (found,) = issues(IMAGE, replace(good_evidence(), plan=replace(plan, images=pins)))
    assert found.endswith("is mine/llamacpp:fast for the entry llamacpp, not kit/llamacpp:cpu-source")


def test_a_word_too_many_is_told_once() -> None:
    """Not once for each word behind it."""
    longer = (*COMMAND[:3], "--enforce-eager", *COMMAND[3:])
    assert len(issues(rules_containers.container_command, container_with(command=longer))) == 2


@pytest.mark.parametrize("init", [("/sbin/docker-init",), ("/sbin/docker-init", "--"), ("/run/podman-init", "--")])
def test_the_init_of_an_engine_may_stand_before_the_command(init: tuple[str, ...]) -> None:
    """Some engines tell it, some do not."""

    def change(server: ServerFacts) -> ServerFacts:
        assert server.container is not None
        command = (*init, *server.container.command)
        return replace(server, command=command, container=replace(server.container, command=command))

    assert issues(rules_containers.container_command, evidence_with(change)) == []


def test_a_planned_digest_must_be_one_under_which_the_engine_has_the_image() -> None:
    """Whatever the repository is called there."""
    plan = container_plan()
    pins = (plan.images[0], replace(plan.images[1], digest=DIGEST))
    rule, planned = rules_containers.container_image, replace(plan, images=pins)
    assert len(issues(rule, replace(good_evidence(), plan=planned))) == 2  # both cells of vLLM
    here = replace(container_with(repo_digests=(f"mirror.example/vllm@{DIGEST}",)), plan=planned)
    assert len(issues(rule, here)) == 1


# --- honest runs, and anything at all ---------------------------------------------------------------------


def failed(server: ServerFacts) -> ServerFacts:
    """It ended by itself before the kit had noted that it was started."""
    assert server.container is not None
    ended = replace(server.container, finished_utc=server.container.started_utc, exit_code=137, oom_killed=True)
    return replace(server, container=ended, device=None, exit_code=137)


@pytest.mark.parametrize("rule", rules_containers.RULES, ids=lambda rule: rule.id)
def test_a_server_that_failed_is_no_finding(rule: Rule) -> None:
    """Out of memory, without a device, or nothing told at all because the engine went away."""
    assert issues(rule, evidence_with(failed, status="failed")) == []
    gone = evidence_with(lambda server: replace(server, container=None, device=None), status="failed")
    assert issues(rule, gone) == []


SERVER_FIELDS = [
    (name, ("server", *path))
    for name in sorted(container_files())
    if name.endswith("cell.json")
    for path in paths_of(json.loads(container_files()[name])["server"])
]


def is_free(path: tuple[Any, ...]) -> bool:
    """Whether a field is the image's or the run's own, or a counter, which is only flagged where it is missing."""
    return path[-1] in ("PATH", "org.kit.run") or bool({"counters_before", "counters_after"} & set(path[:-1]))


@EXAMPLES
@given(field=st.sampled_from(SERVER_FIELDS))
def test_a_missing_field_of_a_server_in_a_container_is_refused(field: tuple[str, tuple[Any, ...]]) -> None:
    """Each word of its command, each variable that the compose file sets, each label that the kit looks at."""
    name, path = field
    files = dict(container_files())
    document(name, lambda value: take_out(value, path))(files)
    verdict = run_verdict(files)
    assert (verdict.label == "rejected") != is_free(path)
    assert CRASHED not in {finding.rule for finding in verdict.findings}


@EXAMPLES
@given(field=st.sampled_from(SERVER_FIELDS), new=JSON)
def test_another_value_in_a_server_in_a_container_crashes_no_rule(
    field: tuple[str, tuple[Any, ...]], new: Any
) -> None:
    """Whatever stands there."""
    name, path = field
    files = dict(container_files())
    value = json.loads(files[name])
    put(value, path, new)
    files[name] = write_json(value)
    assert CRASHED not in {finding.rule for finding in run_verdict(files).findings}


def test_pins_of_nobody_and_none_crash_no_rule() -> None:
    """A plan without one pin, and one with two for the same entry."""
    plan = container_plan()
    for pins in ((), (*plan.images, plan.images[0])):
        evidence = replace(good_evidence(), plan=replace(plan, images=pins))
        assert issues(rules_containers.container_image, evidence)
        assert issues(rules_containers.container_inputs, evidence) == []
    assert issues(rules_containers.container_image, replace(good_evidence(), plan=None)) == []


def test_a_load_that_began_before_its_server_is_out_of_order() -> None:
    """Also where it ended in time."""
    cell = good_evidence().cells[VLLM].cell
    assert cell is not None
    assert cell.facts is not None
    early = replace(cell.facts, origin_utc=time_in(VLLM, -200 * MS))
    assert [each for each in issues(TIMES, evidence_with(lambda server: server, facts=early)) if ORDER in each]


def test_other_inputs_are_told_once_for_each_entry_and_kind() -> None:
    """The same image in two cells once; two images with different odd inputs twice."""
    entry = good_evidence().cells[VLLM].cell
    assert entry is not None
    cells = [each.id for each in container_plan().cells if each.entry == entry.entry]
    assert len(cells) >= 2

    def found(*odd: str) -> int:
        evidence = good_evidence()
        for name, digest in zip(cells, odd, strict=False):
            labels = {**facts_of(name).labels, "org.kit.inputs": json.dumps({"a": digest * 64})}
            changed = container_with(name, labels=labels)
            evidence = replace(evidence, cells={**evidence.cells, name: changed.cells[name]})
        return len(issues(INPUTS, evidence))

    assert (found("a"), found("a", "a"), found("a", "b")) == (1, 1, 2)


# --- limits of memory -------------------------------------------------------------------------------------

GIB = 1 << 30


def limited(planned: int | None, found: dict[str, int | None]) -> Evidence:
    """The good run with a planned limit, and what the engine tells of each container; of the others that limit."""
    evidence = good_evidence()
    cells = {}
    for name, files in evidence.cells.items():
        assert files.cell is not None
        assert files.cell.server is not None
        assert files.cell.server.container is not None
        container = replace(files.cell.server.container, memory_bytes=found.get(name, planned))
        cell = replace(files.cell, server=replace(files.cell.server, container=container))
        cells[name] = replace(files, cell=cell)
    return replace(evidence, plan=replace(container_plan(), server_memory_bytes=planned), cells=cells)


def test_containers_with_the_planned_limit_of_memory_are_good() -> None:
    assert issues(COMMAND_RULE, limited(6 * GIB, {})) == []


@pytest.mark.parametrize(("memory", "words"), [(None, "null"), (7 * GIB, str(7 * GIB)), (GIB, str(GIB))])
def test_another_limit_than_planned_is_refused(memory: int | None, words: str) -> None:
    """More, less or none: a server that may take the whole machine is another one."""
    assert issues(COMMAND_RULE, limited(6 * GIB, {VLLM: memory})) == [
        f"cells/{VLLM}/cell.json: server.container: memory_bytes is {words}, not {6 * GIB}"
    ]


@pytest.mark.parametrize("memory", [None, 5 * GIB])
def test_plans_from_before_there_was_a_limit_ask_for_none(memory: int | None) -> None:
    """Old bundles verify as they did; what a container was given beside is nobody's fault."""
    assert issues(COMMAND_RULE, limited(None, {VLLM: memory})) == []
    assert b"memory_bytes" not in container_files()["plan.json"]
