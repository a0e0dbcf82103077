"""kit.verify: a good bundle keeps its label, every mutation loses it by its own rule, and nothing is skipped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from kit.documents import Verdict
from kit.storage.archive import pack
from kit.storage.bundle import pack_files
from kit.storage.run_folder import FolderFiles
from kit.strict import plain
from kit.strict.schema import problems
from kit.verify.evidence import Evidence, open_bundle
from kit.verify.registry import CRASHED, NOT_RUN, NOTHING_CHECKED, RULES
from kit.verify.rule import Issue, Rule, Steps, rule
from kit.verify.verdict import MAX_FINDINGS_PER_RULE, verify, verify_opened
from tests.support.forge import BATCHED, archive_of, changed, drop, path
from tests.support.good_bundle import good_bundle, good_files
from tests.support.good_containers import container_bundle
from tests.support.mutations import MUTATIONS, Mutation
from tests.support.sealed import bundle_verdict, run_verdict

LEVELS = {each.id: each.level for each in RULES}
# A run of processes has nothing that these could look at.
NOTHING_TO_SAY = {"container.present", "container.version"}
OF_CONTAINERS = {name for name in LEVELS if name.startswith("container.")} - NOTHING_TO_SAY
# Nor do the good runs bear the name of a platform of the kit, or images of another kit.
OF_PLATFORMS = {"plan.platform", "plan.options"}
# Nor was a cell of the good runs measured again, nor is there a rule that ends them.
OF_SPECIAL_RUNS = {
    "attempts.interrupted",
    "plan.challenge",
    "plan.search",
    "plan.sequential",
    "container.version",
} | OF_PLATFORMS
# Nor did they run programs of the machine, or runtimes from outside.
OF_PROGRAMS = {"plan.programs", "program.origin", "runtime.pinned", "runtime.outside", "process.command"}
# Nor have they several kinds of request, or a length of prompts.
OF_SHAPES = {"plan.shapes", "load.arrivals", "load.lengths", "load.nominal"}
# The windows of the good runs are too short to tell noise from chance, and there is one replicate.
OF_LONG_RUNS = {f"forensic.{name}" for name in ("step_alignment", "too_smooth", "digits", "between_runs")}
OF_SESSIONS = {f"sessions.{name}" for name in ("history", "grown", "cached")}
# Nor did several clients carry them out.
OF_CLIENTS = {"load.clients", "time.clients"}
OF_WITNESSES = {f"witness.{name}" for name in ("answers", "derived", "passed", "time", "reference")}
OF_EVALUATIONS = {name for name in LEVELS if name.startswith("eval.")}
IDLE = OF_CLIENTS | OF_WITNESSES | OF_CONTAINERS | OF_SPECIAL_RUNS | OF_PROGRAMS | OF_LONG_RUNS | OF_SHAPES
IDLE |= OF_SESSIONS | OF_EVALUATIONS
LABELS = {"reject": "rejected", "flag": "self-reported", "note": "consistent"}


@cache
def good_evidence() -> Evidence:
    return open_bundle(good_bundle())


@cache
def said_again() -> tuple[Rule, ...]:
    """The registry on the good run: each rule says again what it said of it, and does not look again."""

    def saying(steps: tuple[Issue | int, ...]) -> Callable[[Evidence], Steps]:
        return lambda _: iter(steps)

    return tuple(replace(each, check=saying(tuple(each.check(good_evidence())))) for each in RULES)


@cache
def verdict_on(mutation: Mutation) -> Verdict:
    return bundle_verdict(mutation.make())


def rules_in(verdict: Verdict) -> set[str]:
    return {finding.rule for finding in verdict.findings}


def test_a_good_bundle_has_no_finding_and_every_rule_looked_at_something() -> None:
    """The bundles made by code, of processes and of containers, are consistent without one finding; with

    containers no rule of the registry is idle but that about attempts, without them nor those about containers.
    """
    of_processes, of_containers = bundle_verdict(good_bundle()), bundle_verdict(container_bundle())
    for verdict in (of_processes, of_containers):
        assert verdict.findings == ()
        assert verdict.label == "consistent"
        assert verdict.checked.keys() == LEVELS.keys()
    assert {name for name, count in of_containers.checked.items() if not count} == IDLE - OF_CONTAINERS
    assert {name for name, count in of_processes.checked.items() if not count} == IDLE


def test_each_rule_says_how_many_things_it_looked_at() -> None:
    """A rule that skips half of them would find half: 4 cells of 2 entries, 47 requests, 2 of them cut."""
    found = dict(bundle_verdict(good_bundle()).checked)
    expected = {"archive.canonical": 1, "archive.manifest": 26, "files.expected": 27, "json.canonical": 27}
    # 5 + 4 files; 94 + 32 lines of answers, 71 of telemetry, 43 of the calibration
    expected |= {"json.strict": 249, "schema.valid": 249, "correct.passed": 32}
    expected |= dict.fromkeys(("telemetry.plausible", "telemetry.present", "telemetry.recomputed"), 4)
    expected |= dict.fromkeys(("load.closed_loop", "load.concurrency", "load.schedule", "records.accounting"), 47)
    expected |= dict.fromkeys(("records.complete", "records.outcome", "text.texts", "time.monotonic"), 47)
    expected |= dict.fromkeys(("tokens.chunks", "tokens.limit"), 47)
    expected |= dict.fromkeys(("evidence.model", "tokens.finish", "tokens.first", "tokens.source"), 45)
    expected |= {"load.lag": 31, "text.duplicates": 45, "time.phases": 28, "time.clock": 8, "metrics.result": 8}
    expected |= dict.fromkeys(("calibration.consistent", "calibration.range", "cell.identity", "cell.settings"), 4)
    expected |= dict.fromkeys(("cell.status", "container.present", "evidence.server", "load.busy"), 4)
    expected |= dict.fromkeys(("metrics.recomputed", "run.complete", "time.one_at_a_time", "time.order"), 4)
    expected |= dict.fromkeys(("load.steady", "time.steps"), 4)
    expected |= {
        "time.window": 4,
        "calibration.present": 1,
        "correct.level": 1,
        "host.present": 1,
        "model.confirmed": 1,
        "model.catalogue": 1,
    }
    expected |= {"model.pinned": 5, "plan.consistent": 6, "plan.digest": 2, "plan.texts": 2, "kit.version": 2}
    expected |= {"attempts.replayed": 4, "plan.extended": 1, "host.plausible": 1, "load.tail": 6}
    expected |= dict.fromkeys(("cell.unproven", "evidence.cache", "evidence.client", "evidence.prompts"), 4)
    expected |= dict.fromkeys(("calibration.plausible", "load.unfinished", "server.exit", "time.boot"), 4)
    expected |= {"physics.device": 1, "physics.load": 2, "physics.decode": 4, "physics.prefill": 45}
    expected |= {"evidence.log": 4, "calibration.records": 1, "calibration.recomputed": 4}
    expected |= {"evidence.build": 4, "forensic.scaled": 4, "forensic.copy": 44, "server.started": 2}
    assert found == expected | dict.fromkeys(IDLE, 0)
    contained = bundle_verdict(container_bundle()).checked
    assert {name: count for name, count in contained.items() if name in OF_CONTAINERS} == {
        "container.command": 4, "container.device": 4, "container.image": 6, "container.inputs": 4,
        "container.times": 4, "container.recipe": 4, "container.environment": 4, "container.dockerfile": 4,
        "container.run": 4,
    }  # fmt: skip


def test_the_identity_is_that_of_the_manifest() -> None:
    """A verdict bears the identity that packing gave, whatever the compression; a run folder has none."""
    bundle = pack_files(good_files())
    assert bundle_verdict(bundle.data).identity == bundle.identity
    assert run_verdict(good_files()).identity is None


def test_a_good_run_folder_says_which_rules_do_not_apply() -> None:
    """Without an archive its two rules count nothing and say so in a note; all else is as in the bundle."""
    verdict = run_verdict(good_files())
    assert verdict.label == "consistent"
    assert {(finding.rule, finding.level) for finding in verdict.findings} == {
        ("archive.canonical", "note"),
        ("archive.manifest", "note"),
    }
    idle = {name for name, count in verdict.checked.items() if not count}
    assert idle == rules_in(verdict) | IDLE


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: f"{m.rule}: {m.what}")
def test_each_mutation_is_found_by_its_rule(mutation: Mutation) -> None:
    """The rule finds its mutation, at its level, and the label follows; no rule crashes on it."""
    verdict = verdict_on(mutation)
    level = LEVELS[mutation.rule]
    assert (mutation.rule, level) in {(finding.rule, finding.level) for finding in verdict.findings}
    assert verdict.label == LABELS[level]
    assert CRASHED not in rules_in(verdict)


def test_every_rule_has_a_mutation() -> None:
    """No rule is without a bundle that it refuses, and no mutation is for a rule that does not exist."""
    assert {mutation.rule for mutation in MUTATIONS} == set(LEVELS)


def test_rule_ids_are_distinct() -> None:
    """Two rules under one id would hide each other."""
    assert len(LEVELS) == len(RULES)


def test_a_rule_that_crashes_refuses_and_is_named() -> None:
    """An exception in a rule is a finding of its own, and what the rule had found before it stays."""

    @rule("plan.digest", "note", "things", "Crashes")
    def crashing(_: Evidence) -> Steps:
        yield Issue("here", "before")
        raise KeyError("plan")

    others = [each for each in RULES if each.id != "plan.digest"]
    verdict = verify(good_evidence(), [*others, crashing])
    assert verdict.label == "rejected"
    assert {(f.rule, f.where) for f in verdict.findings} == {
        (CRASHED, "plan.digest"),
        (NOT_RUN, "plan.digest"),
        ("plan.digest", "here"),
    }
    assert "KeyError" in verdict.findings[0].message
    assert "plan.digest" not in verdict.checked


def test_an_interrupt_passes_through_a_rule() -> None:
    """Ctrl-C is no finding."""

    @rule("some.rule", "note", "things", "Interrupted")
    def interrupted(_: Evidence) -> Steps:
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify(good_evidence(), [interrupted])


@pytest.mark.parametrize("left_out", [each.id for each in RULES])
def test_a_rule_that_does_not_run_refuses(left_out: str) -> None:
    """A label is given only after every rule of the registry ran."""
    verdict = verify(good_evidence(), [each for each in said_again() if each.id != left_out])
    assert verdict.label == "rejected"
    assert [(finding.rule, finding.where) for finding in verdict.findings] == [(NOT_RUN, left_out)]


def test_evidence_that_cannot_even_be_opened_is_refused() -> None:
    """A crash before the rules is a verdict too."""

    def crashing() -> Evidence:
        raise LookupError

    verdict = verify_opened(crashing)
    assert (verdict.label, rules_in(verdict)) == ("rejected", {CRASHED})


@pytest.mark.parametrize("files", [{}, {"plan.json": b"{}"}, {"cells/x/y/z": b""}], ids=["none", "a plan", "odd"])
def test_nothing_to_check_is_refused(files: dict[str, bytes]) -> None:
    """An empty or foreign folder is no good run, and it is said that nothing was checked."""
    verdict = run_verdict(files)
    assert verdict.label == "rejected"
    assert NOTHING_CHECKED in rules_in(verdict)


def test_what_a_run_folder_holds_beside_plain_files_is_refused() -> None:
    """A link or device that the reader would not open is a finding that names it."""
    verdict = run_verdict(FolderFiles(good_files(), {"cells/x": "is a link"}))
    assert verdict.label == "rejected"
    refusals = [finding for finding in verdict.findings if finding.level == "reject"]
    assert [(f.rule, f.where, f.message) for f in refusals] == [("files.expected", "cells/x", "is a link")]


def test_an_empty_archive_is_refused_for_what_it_lacks() -> None:
    """An archive without a single file is canonical, and still refused."""
    verdict = bundle_verdict(pack({}))
    assert {"files.expected", NOTHING_CHECKED} <= rules_in(verdict)


def test_many_findings_of_a_rule_are_cut_and_counted() -> None:
    """At most fifty findings a rule, and a line that says how many more there are."""
    more = {f"stranger{number}.json": b"{}\n" for number in range(MAX_FINDINGS_PER_RULE + 7)}
    verdict = bundle_verdict(archive_of({**good_files(), **more}))
    found = [finding for finding in verdict.findings if finding.rule == "files.expected"]
    assert len(found) == MAX_FINDINGS_PER_RULE + 1
    assert found[-1].message == "and 7 more like these"


def test_the_gravest_findings_come_first() -> None:
    """A reader sees what refuses before what is only noted."""
    levels = [finding.level for finding in run_verdict({**good_files(), "run.sh": b""}).findings]
    assert levels == ["reject", "note", "note"]


@pytest.mark.parametrize("mutation", MUTATIONS[::4], ids=lambda m: f"{m.rule}: {m.what}")
def test_a_verdict_is_a_document_and_repeats_itself(mutation: Mutation) -> None:
    """The same bytes give the same verdict, and it fits its schema."""
    verdict = verdict_on(mutation)
    assert bundle_verdict(mutation.make()) == verdict
    assert problems(plain(verdict), "verdict") == []


def test_the_finding_names_file_and_request() -> None:
    """Who reads a finding knows where to look."""
    data = changed(drop(path(BATCHED, "records.jsonl")))
    assert path(BATCHED, "records.jsonl") in {finding.where for finding in bundle_verdict(data).findings}
    salted = next(mutation for mutation in MUTATIONS if mutation.what == "another salt")
    (finding,) = bundle_verdict(salted.make()).findings
    assert finding.where == f"{path(BATCHED, 'records.jsonl')}: request 3"
