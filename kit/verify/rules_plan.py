"""Rules about the plan: that it is one the kit makes, of texts and models that the kit knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise

from kit import __version__
from kit.documents import NO_WEIGHTS, Entry, Plan, TextPin
from kit.documents.vocabulary import RUNNING, SERVER
from kit.errors import KitError
from kit.plan.by_hand import by_hand_faults, with_lanes_of
from kit.plan.challenge import challenge_seed
from kit.plan.plan import caches_on, cell_count, cell_order, limits
from kit.plan.target import parse_target
from kit.plan.weights import own_models
from kit.plan.workloads.sessions import faults as session_faults
from kit.plan.workloads.shapes import shape_names
from kit.runtimes.chosen import setting_faults
from kit.runtimes.launch import choice_faults
from kit.runtimes.planned import is_module, planned_runtime
from kit.storage.names import HOST, MANIFEST, PLAN, RESULT
from kit.verify import rules_models
from kit.verify.difference import differences
from kit.verify.evidence import Evidence
from kit.verify.known import has_own_prompts, known_suite
from kit.verify.rule import Issue, Steps, rule

# Kit 0.1.0 measured by all three methods, later ones by the last: so a plan of theirs must name it.
LAST_WITH_ONE_METHOD, NEWEST_METHOD = (0, 1, 0), 3
_RELEASE = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})")


@rule(
    "plan.consistent",
    "reject",
    "entries and cells",
    "Entries are of runtimes, variants and settings of the kit; the cells are those it makes of them",
)
def plan_consistent(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None:
        return
    yield len(plan.entries) + len(plan.cells)
    names = tuple(entry.name for entry in plan.entries)
    workload = plan.workload
    for what, values in (("entries", names), ("workload.concurrencies", workload.concurrencies)):
        if len(set(values)) != len(values):
            yield Issue(f"{PLAN}: {what}", "name the same thing twice")
    if workload.output_tokens.min > workload.output_tokens.max:
        yield Issue(f"{PLAN}: workload.output_tokens", "min is above max")
    sessions = workload.sessions
    if sessions is not None:
        yield from (Issue(f"{PLAN}: workload.sessions", why) for why in session_faults(sessions))
        if sessions.count is not None:
            yield Issue(f"{PLAN}: workload.sessions", "have a number, but cells end by their window")
    for entry in plan.entries:
        yield from (Issue(f"{PLAN}: entry {entry.name}", why) for why in _entry_faults(plan, entry))
    yield from (Issue(f"{PLAN}: models", why) for why in _model_faults(plan))
    yield from (Issue(f"{PLAN}: method", why) for why in _method_faults(plan))
    images = [pin.entry for pin in plan.images]
    if len(set(images)) != len(images) or not set(images) <= set(names):
        yield Issue(f"{PLAN}: images", "are not one of an entry each")
    before = (*plan.extended, workload.replicates)
    if any(later < earlier for earlier, later in pairwise(before)):
        yield Issue(f"{PLAN}: extended", "does not ascend to the number of replicates")
    yield from (Issue(f"{PLAN}: loads", why) for why in by_hand_faults(plan))
    asked = (names, workload.concurrencies, workload.replicates, limits(plan.entries), shape_names(workload))
    alone = plan.evaluation is not None and plan.evaluation.alone
    count = 0 if alone else cell_count(*asked)
    if count != len(plan.cells):  # looked at first: a plan could ask for more cells than memory holds
        yield Issue(f"{PLAN}: cells", f"are {len(plan.cells)}, but entries and workload make {count}")
        return
    expected = () if alone else with_lanes_of(plan, cell_order(*asked))
    yield from (Issue(f"{PLAN}: cells", words) for words in differences(expected, plan.cells))


def _entry_faults(plan: Plan, entry: Entry) -> Iterator[str]:
    if entry.url is not None:
        yield from _running_faults(plan, entry)
        return
    runtime = planned_runtime(plan, entry.runtime)
    if runtime is None:
        if not is_module(plan, entry.runtime):
            yield f"the kit has no runtime {entry.runtime}"
        return
    if entry.variant not in runtime.VARIANTS:
        yield f"the runtime {entry.runtime} has no variant {entry.variant}"
    elif (plan.engine == "process") != (entry.variant in runtime.PROCESS_VARIANTS):
        yield f"the variant {entry.variant} of {entry.runtime} does not run with the engine {plan.engine}"
    faults = list(setting_faults(runtime, entry.variant, entry.settings, caches=caches_on(plan.workload)))
    yield from faults
    if not faults and (entry.flags or entry.gpus) and entry.variant in runtime.VARIANTS:
        yield from choice_faults(entry, runtime)


def _running_faults(plan: Plan, entry: Entry) -> Iterator[str]:
    """What cannot be of an entry of a server that already runs."""
    if (entry.runtime, entry.variant, plan.engine) != (SERVER, RUNNING, "process"):
        yield f"has a url, but is {entry.runtime}/{entry.variant} of the engine {plan.engine}"
    if entry.settings or entry.model is not None or entry.image is not None:
        yield "has a url, and what only a start could decide: settings, a model or an image"
    try:
        plain = parse_target(entry.url or "").base_url
    except KitError:
        yield "has a url that no server can have"
        return
    if plain != entry.url:
        yield f"has a url that is not written as a load records it: {plain}"


def _model_faults(plan: Plan) -> Iterator[str]:
    """The weights beside the plan's own are those that entries name, each once and in their order."""
    if tuple(pin.name for pin in plan.models) != own_models(plan.entries):
        yield "are not those that the entries name"
    if plan.model == NO_WEIGHTS and any(entry.url is None and entry.model is None for entry in plan.entries):
        yield "are none, but there is an entry whose server the kit starts"


def _method_faults(plan: Plan) -> Iterator[str]:
    """Who leaves the method out has older rules for the numbers: not in a plan that can be told to be newer."""
    if is_later(plan.kit_version, LAST_WITH_ONE_METHOD) and plan.method < NEWEST_METHOD:
        told = "is left out" if plan.method == 1 else f"is {plan.method}"
        yield f"{told}, but kit {plan.kit_version} measures by {NEWEST_METHOD}"
    if plan.method > 1:
        return
    if plan.server_memory_bytes is not None:
        yield "is left out, but the plan has a limit of memory, which came with the second one"


def is_later(kit_version: str, release: tuple[int, ...]) -> bool:
    """Whether a plan is of a later kit; one that names no version that can be read is."""
    found = _parts(kit_version)
    return found is None or found > release


def _parts(kit_version: str) -> tuple[int, ...] | None:
    found = _RELEASE.match(kit_version)
    return None if found is None else tuple(map(int, found.groups()))


@rule("plan.texts", "reject", "texts", "Prompts and correctness suite are, byte for byte, those of this kit")
def plan_texts(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None:
        return
    yield 2
    if not has_own_prompts(plan):
        yield Issue(f"{PLAN}: prompts", f"are not this kit's prompts {plan.prompts.name}")
    suite = known_suite(plan.correctness.name, plan.correctness_level)
    if suite is None or plan.correctness != TextPin(suite.suite, suite.sha256, len(suite.tests)):
        yield Issue(f"{PLAN}: correctness", "is not this kit's suite of that name and level")


@rule(
    "plan.challenge",
    "reject",
    "challenged plans",
    "The seed of a plan with a challenge is the one that follows from it",
)
def plan_challenge(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None or plan.challenge is None:
        return
    yield 1
    if plan.seed != challenge_seed(plan.challenge):
        yield Issue(f"{PLAN}: seed", f"does not follow from the challenge {plan.challenge}")


@rule("plan.digest", "reject", "documents", "Result and manifest name the sha256 of this very plan.json")
def plan_digest(evidence: Evidence) -> Steps:
    if PLAN not in evidence.files:
        return
    digest = sha256(evidence.files[PLAN]).hexdigest()
    for where, document in ((RESULT, evidence.result), (MANIFEST, evidence.manifest)):
        if document is not None:
            yield 1
            if document.plan_sha256 != digest:
                yield Issue(where, "names the sha256 of another plan")


@rule("host.present", "reject", "hosts", "The machine is described, and not more CPUs are used than it has")
def host_present(evidence: Evidence) -> Steps:
    if evidence.host is None:
        return
    yield 1
    for each in (evidence.host, evidence.host.client):
        if each is not None and not 1 <= each.cpus_usable <= each.cpus:
            yield Issue(HOST, f"{each.cpus_usable} of {each.cpus} CPUs cannot be usable")


@rule("kit.version", "note", "versions", "Plan and manifest were written by this version of the kit")
def kit_version(evidence: Evidence) -> Steps:
    for where, document in ((PLAN, evidence.plan), (MANIFEST, evidence.manifest)):
        if document is not None:
            yield 1
            if document.kit_version != __version__:
                words = f"was written by kit {document.kit_version}; this is {__version__}"
                if is_later(document.kit_version, _parts(__version__) or ()):
                    words += ", which may refuse what it does not know yet: update it before you believe that"
                yield Issue(where, words)


RULES = (
    plan_consistent,
    plan_texts,
    plan_digest,
    *rules_models.RULES,
    host_present,
    kit_version,
    plan_challenge,
)
