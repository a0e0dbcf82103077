"""kit.verify.forensics.physics: rates on both sides of what a device can do, and the table of devices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kit.catalogue.devices import device, devices
from kit.documents import Gpu, Host, Plan
from kit.verify.evidence import Evidence, open_run
from kit.verify.forensics.physics import physics_decode, physics_device, physics_load, physics_prefill
from kit.verify.rule import Issue, Rule
from tests.support.forge import BATCHED, changed_files, in_plan, in_record, value_of
from tests.support.good_bundle import good_plan
from tests.support.mutations import seven

MS = 1_000_000


def issues(rule: Rule, evidence: Evidence) -> list[str]:
    return [step.message for step in rule.check(evidence) if isinstance(step, Issue)]


def on(cpu: str, **values: Any) -> Evidence:
    """The good run sold as one of a model of 7B, on that CPU."""
    host = value_of("host.json", Host, lambda found: replace(found, cpu_model=cpu, **values))
    return open_run(changed_files(seven, host))


@pytest.mark.parametrize(
    ("kind", "name", "family"),
    [
        ("cpu", "AMD EPYC 7763 64-Core Processor", "AMD EPYC 7002 and 7003"),
        ("cpu", "AMD EPYC 7773X 64-Core Processor", "AMD EPYC 7003X"),
        ("cpu", "AMD EPYC 9654 96-Core Processor", "AMD EPYC"),
        ("cpu", "Intel(R) Xeon(R) Processor", "Intel Xeon"),
        ("cpu", "Intel(R) Xeon(R) W-3245 CPU @ 3.20GHz", "Intel Xeon W-3200"),
        ("cpu", "12th Gen Intel(R) Core(TM) i7-12700H", "Intel Core"),
        ("gpu", "NVIDIA H200", "NVIDIA H200"),
        ("gpu", "NVIDIA L40S", "NVIDIA L40S"),
        ("gpu", "NVIDIA L4", "NVIDIA L4"),
        ("gpu", "NVIDIA GeForce RTX 4090", "GeForce RTX 4090"),
        ("gpu", "NVIDIA GB10", "NVIDIA GB10"),
        ("gpu", "Abacus", None),
        ("cpu", "", None),
        ("gpu", "AMD EPYC 7763", None),
    ],
)
def test_a_name_is_of_its_narrowest_family(kind: Any, name: str, family: str | None) -> None:
    """The first that fits counts, and a GPU is no CPU."""
    found = device(kind, name)
    assert (found.name if found else None) == family


@pytest.mark.parametrize("entry", devices(), ids=lambda entry: entry.name)
def test_every_device_says_where_its_figures_are_from(entry: Any) -> None:
    """And has those that its kind is judged by; names are compared in lower case."""
    assert entry.source.startswith("https://")
    assert all(word == word.lower() for word in entry.words)
    assert entry.memory_gb_s > 0
    needed = (entry.tera_operations,) if entry.kind == "gpu" else (entry.operations_per_cycle, entry.max_ghz)
    assert all(needed)


def test_a_stream_may_read_what_the_memory_gives_and_no_more() -> None:
    """500 tok/s of 3.7 GB are 1.9 TB/s; two sockets of the family read 451 GB/s. Nobody knows the other."""
    (words, *_) = issues(physics_decode, on("AMD EPYC 7763 64-Core Processor", cpus=256))
    assert "AMD EPYC 7002 and 7003 (by figures that are not confirmed) reads 451 GB/s at most" in words
    assert issues(physics_decode, on("Abacus 9000")) == []


def test_weights_that_may_lie_in_the_caches_are_judged_by_operations_alone() -> None:
    """The model of the good run is smaller than the caches of a server; its tokens cost too little to matter."""
    evidence = open_run(changed_files())
    assert list(physics_decode.check(evidence)) == [1, 1, 1, 1]


def of_nobody(plan: Plan) -> Plan:
    return replace(plan, model=replace(plan.model, catalogue=False, origin="file"))


def drafting(plan: Plan) -> Plan:
    return replace(plan, entries=tuple(replace(each, flags=("--draft-max", "8")) for each in plan.entries))


@pytest.mark.parametrize(("change", "judged"), [(lambda plan: plan, 4), (of_nobody, 0), (drafting, 0)])
def test_what_may_read_a_part_of_the_weights_for_a_token_is_not_judged(change: Any, judged: int) -> None:
    """Models of no catalogue may have experts, and drafts are checked several at once."""
    host = value_of("host.json", Host, lambda found: replace(found, cpu_model="AMD EPYC 7763", cpus=256))
    evidence = open_run(changed_files(seven, in_plan(change), host))
    for rule in (physics_decode, physics_prefill):
        assert bool(judged) == bool([step for step in rule.check(evidence) if isinstance(step, int)])
    assert bool(issues(physics_decode, evidence)) == bool(judged)


@pytest.mark.parametrize(("cpus", "flagged"), [(4, True), (4000, False)])
def test_a_prompt_takes_the_operations_of_its_tokens(cpus: int, flagged: bool) -> None:
    """The first token came after 9 ms: with so many CPUs, that is possible by operations; memory allows 8.3 ms."""
    found = issues(physics_prefill, on("AMD EPYC 7763 64-Core Processor", cpus=cpus))
    assert bool(found) == flagged


def test_a_first_token_before_the_weights_were_read_once_is_flagged() -> None:
    """Whatever the operations: 3.7 GB at 451 GB/s are 8.3 ms."""

    def soon(record: Any) -> Any:
        first = record.sent_ns + 8 * MS
        return replace(record, first_event_ns=first, chunks=((first, *record.chunks[0][1:]), *record.chunks[1:]))

    host = value_of("host.json", Host, lambda found: replace(found, cpus=4000))
    found = issues(physics_prefill, open_run(changed_files(seven, host, in_record(soon, 3, BATCHED))))
    assert len(found) == 1
    assert "needs 8.3" in found[0]


@pytest.mark.parametrize(("memory", "flagged"), [(98_362_432, False), (98_362_431, True), (None, False)])
def test_weights_fit_into_memory_to_the_byte(memory: int | None, flagged: bool) -> None:
    """Unknown memory says nothing."""
    host = value_of("host.json", Host, lambda found: replace(found, memory_bytes=memory))
    assert bool(issues(physics_load, open_run(changed_files(host)))) == flagged


def test_a_device_that_nobody_knows_is_noted_once() -> None:
    """And judged by nothing."""
    evidence = on("Abacus 9000")
    (words,) = issues(physics_device, evidence)
    assert words == "Abacus 9000 is not in the kit's table of devices: its rates are not judged"
    assert issues(physics_prefill, evidence) == []


def test_entries_on_a_gpu_are_judged_by_the_gpus_of_the_machine() -> None:
    """All of them together; one that is unknown leaves it open."""

    def cuda(plan: Plan) -> Plan:
        return replace(plan, entries=tuple(replace(entry, variant="cuda") for entry in plan.entries))

    def with_gpus(*names: str) -> Evidence:
        def change(host: Host) -> Host:
            return replace(host, gpus=tuple(Gpu(name) for name in names))

        return open_run(changed_files(seven, in_plan(cuda), value_of("host.json", Host, change)))

    assert issues(physics_decode, with_gpus("NVIDIA H200")) == []
    assert "NVIDIA L4 reads 330 GB/s" in issues(physics_decode, with_gpus("NVIDIA L4"))[0]
    assert issues(physics_decode, with_gpus("NVIDIA L4", "Abacus")) == []
    assert issues(physics_device, with_gpus()) != []
    assert good_plan().entries[0].variant == "embedded"
