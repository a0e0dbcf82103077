"""Runs of one platform on two machines: a recommendation for each, and one for those of one machine."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from kit.documents.study import Machine, Study
from kit.errors import InputError, NoResultError
from kit.judge.compare import compare_studies
from kit.judge.compare.by_machine import advice_lines, advised
from kit.judge.compare.merging import merged
from kit.judge.compare.text import comparison_text
from kit.judge.score import failures, load_contract, scorecard
from kit.judge.score.text import gate_text
from kit.strict import plain
from kit.strict.schema import problems
from tests.support.studies import replicated, study

EPYC = Machine("x86_64", "AMD EPYC 7763 64-Core Processor", 8, 32 << 30, (), None, (), "6.1", None)
XEON = replace(EPYC, cpu_model="Intel(R) Xeon(R) Platinum 8375C", cpus=4)


def of(machine: Machine | None, hour: int, **figures: list[float]) -> Study:
    """A run at 4 users that began at this hour."""
    made = []
    for name, values in figures.items():
        subject = replicated(name, 4, {"throughput_tok_s": values})
        times = [replace(each, measured_utc=f"2026-11-22T{hour}:00:00.000000Z") for each in subject.trials]
        made.append(replace(subject, trials=tuple(times)))
    return replace(study(*made, hardware=None), machine=machine, identity=f"{hour:064d}")


FIRST = of(EPYC, 10, x=[10.0, 11.0], y=[20.0, 21.0])
AGAIN = of(replace(EPYC, kernel="6.12"), 11, x=[10.5, 10.6], y=[20.5, 20.6])
OTHER = of(XEON, 12, x=[30.0, 31.0, 32.0], y=[3.0, 3.1, 3.2])


def test_runs_of_one_machine_are_pooled() -> None:
    """A kernel in between is no other machine."""
    (found,) = advised([FIRST, AGAIN], 4)
    assert found.recommendation is not None
    assert (found.recommendation.replicates, found.recommendation.leader.entry) == (4, "y")
    assert advice_lines([found]) == advice_lines(advised([AGAIN, FIRST], 4))
    assert len(advice_lines([found])) == 3


def test_runs_of_two_machines_are_never_pooled_and_it_says_so() -> None:
    """An EPYC and a Xeon of one platform disagree: each has its own answer, none is sure of four replicates."""
    found = advised([FIRST, OTHER, AGAIN], 4)
    lines = advice_lines(found)
    assert lines[0].startswith("2 machines, so their runs are not pooled: each has its own answer (CPU: AMD EPYC")
    assert lines[2] == "On AMD EPYC 7763, 8 CPUs, 34.4 GB (2 runs):"
    assert lines[3] == "Choose y for 4 users."
    assert lines[7] == "On Intel Xeon Platinum 8375C, 4 CPUs, 34.4 GB (run yoga):"
    assert lines[8] == "Choose x for 4 users."
    assert [each.recommendation.replicates for each in found if each.recommendation] == [4, 3]


def test_a_machine_without_such_a_level_says_so_and_the_others_answer() -> None:
    """If none has it there is no answer, as for one run."""
    small = replace(OTHER, subjects=tuple(replace(each, concurrency=1) for each in OTHER.subjects))
    found = advised([FIRST, small], 4)
    assert (found[0].recommendation is None, found[1].recommendation is None) == (False, True)
    assert advice_lines(found)[-1].startswith("Not measured: 4 users")
    with pytest.raises(NoResultError, match="Not measured: 9 users"):
        advised([FIRST, OTHER], 9)


@pytest.mark.parametrize("machine", [XEON, None])
def test_a_pool_of_two_machines_is_refused(machine: Machine | None) -> None:
    """Also where one does not say what it ran on."""
    with pytest.raises(InputError, match="different machine"):
        merged([FIRST, replace(AGAIN, machine=machine)])


def test_a_comparison_across_machines_says_so_first_and_names_them_over_the_figures() -> None:
    """The verdict stays: some runs are made to compare machines."""
    found = compare_studies(FIRST, OTHER)
    text = comparison_text(found, markdown=False)
    assert text.startswith("Two machines (CPU: AMD EPYC 7763 64-Core Processor and Intel(R) Xeon(R)")
    assert "A (AMD EPYC 7763, 8 CPUs, 34.4 GB)" in text
    assert "B (Intel Xeon Platinum 8375C, 4 CPUs, 34.4 GB)" in text
    assert problems(plain(found), "comparison") == []


def test_a_comparison_on_one_machine_names_it_once_and_remarks_on_a_kernel() -> None:
    """Beside the side, not over the figures."""
    found = compare_studies(FIRST, AGAIN)
    text = comparison_text(found, markdown=False)
    assert text.startswith("- A: yoga, Made up for a test, on AMD EPYC 7763, 8 CPUs")
    assert "A (" not in text
    assert "Different kernel: 6.1 and 6.12." in text


@pytest.mark.parametrize("markdown", [True, False])
def test_machines_with_hostile_names_are_harmless(markdown: bool) -> None:
    """A bundle may say anything of its CPU."""
    evil: dict[str, Any] = {"cpu_model": "<img src=x>|[a](b)\x1b[2J"}
    text = comparison_text(
        compare_studies(FIRST, replace(OTHER, machine=replace(XEON, **evil))), markdown=markdown
    )
    assert "\x1b" not in text
    assert not markdown or not re.search(r"(?<!\\)<img|(?<!\\)\[a", text)


def test_a_gate_names_the_machine_of_what_fails() -> None:
    """Two runs of one platform have one name."""
    contract = load_contract("kit-1")
    found = scorecard([FIRST, OTHER], contract)
    assert problems(plain(found), "scorecard") == []
    failed = failures(found, contract, "A+")
    text = gate_text(failed, "A+", len(found.cards), found.contract)
    assert "- yoga on a: AMD EPYC 7763, 8 CPUs, 34.4 GB: x at 4: F" in text
    assert "- yoga on b: Intel Xeon Platinum 8375C, 4 CPUs, 34.4 GB: x at 4: F" in text
    assert " on a" not in gate_text(
        failures(scorecard([FIRST], contract), contract, "A+"), "A+", 2, found.contract
    )
