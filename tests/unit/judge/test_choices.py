"""What two entries of one runtime were told differently stands in a comparison's notes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents import Entry
from kit.judge.compare.choices import choice_remarks
from kit.judge.compare.studies import compare_studies
from kit.judge.study import study_of_run
from kit.metrics.results import make_result
from tests.support.good_bundle import good_plan
from tests.support.studies import study, subject

A = subject("llamacpp-cpu", 1, throughput_tok_s=10.0)
PAIR = (("llamacpp-cpu", "llamacpp-cpu"),)


@pytest.mark.parametrize(
    ("ours", "theirs", "remark"),
    [
        (("slots 4",), ("slots 4",), ()),
        ((), (), ()),
        (
            ("slots 4", "flags --mlock"),
            ("slots 2",),
            ("llamacpp-cpu: A has slots 4 and flags --mlock; B has slots 2.",),
        ),
        (("slots 4", "flags --mlock"), ("slots 4",), ("llamacpp-cpu: A has flags --mlock; B has none of this.",)),
    ],
)
def test_what_differs_is_said_of_both(
    ours: tuple[str, ...], theirs: tuple[str, ...], remark: tuple[str, ...]
) -> None:
    """Nothing where nothing does."""
    a, b = (study(replace(A, chosen=words)) for words in (ours, theirs))
    assert choice_remarks(a, b, PAIR) == remark
    assert compare_studies(a, replace(b, identity="d" * 64)).notes[-1:] == remark


def test_two_runtimes_are_not_held_against_each_other() -> None:
    """Their settings are two vocabularies."""
    b = replace(A, runtime="vllm", chosen=("max_num_seqs 4",))
    assert choice_remarks(study(replace(A, chosen=("slots 4",))), study(b), PAIR) == ()


def test_a_run_says_what_its_entries_were_told() -> None:
    """Settings, flags and GPUs, in words."""
    plan = good_plan()
    first = replace(plan.entries[0], flags=("--mlock", "--x"), gpus=(0, 2))
    plan = replace(plan, entries=(first, *plan.entries[1:]))
    found = study_of_run(plan, make_result(plan, "0" * 64, {}, None), {}, None, None).subjects[0]
    assert found.entry == first.name
    assert isinstance(first, Entry)
    assert found.chosen[-2:] == ("flags --mlock --x", "GPUs 0, 2")
    assert f"slots {first.settings['slots']}" in found.chosen
