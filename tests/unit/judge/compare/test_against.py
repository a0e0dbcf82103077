"""A study against what others published: like with like, or a reason why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.catalogue.published import Figure, Published, PublishedRow, PublishedTable, published
from kit.documents.study import Study
from kit.judge.compare import Comparison, Line, against_published
from kit.judge.compare.against import NOT_THROUGHPUT, OTHER_PLATFORM, SCORE, UNSTATED
from kit.judge.compare.comparison import PRODUCT
from tests.support.studies import replicated, study, subject, trial

T = "throughput_tok_s"


def says(
    value: float, metric: Figure = "throughput_tok_s", level: int | None = 4, *, comparable: bool = True
) -> Published:
    """One figure that somebody published for the platform yoga."""
    row = PublishedRow("Theirs", ("llamacpp",), comparable, "Bear this in mind.", ((level, value),))
    return Published("yoga", "A table", "somebody", "By hand.", (PublishedTable("t", "T", metric, "web", (row,)),))


def ours(*values: float, entry: str = "llamacpp", metric: str = T) -> Study:
    return study(replicated(entry, 4, {metric: values}))


def only(found: Comparison) -> Line:
    (line,) = found.lines
    return line


@pytest.mark.parametrize(
    ("values", "value", "verdict"),
    [
        ((100.0,), 109.9, "reproduced"),
        ((100.0,), 90.1, "reproduced"),
        ((100.0,), 111.0, "not reproduced"),
        ((100.0,), 89.0, "not reproduced"),
        ((90.0, 100.0, 110.0), 140.0, "reproduced"),
        ((90.0, 100.0, 110.0), 142.0, "not reproduced"),
        ((90.0, 110.0), 111.0, "not reproduced"),
    ],
)
def test_reproduced_means_inside_of_our_widened_interval(
    values: tuple[float, ...], value: float, verdict: str
) -> None:
    """Ten percent unless asked otherwise; with fewer than three replicates around the median."""
    found = against_published(ours(*values), says(value))
    assert only(found).verdict == verdict
    assert found.tolerance == 0.1
    assert only(found).caveat == "Bear this in mind."


def test_the_tolerance_can_be_chosen() -> None:
    """None at all asks for the very figure."""
    assert only(against_published(ours(100.0), says(105.0), 0.04)).verdict == "not reproduced"
    assert only(against_published(ours(100.0), says(100.0), 0.0)).verdict == "reproduced"


def test_pace_times_users_is_refused_against_throughput_and_held_against_its_like() -> None:
    """Decode rate x concurrency was published as aggregate throughput."""
    run = study(replicated("llamacpp", 4, {T: [351.0, 351.0, 351.0], "decode_tok_s": [70.0, 70.0, 70.0]}))
    first, second = against_published(run, says(351.2, "decode_times_concurrency")).lines
    assert (first.metric, first.verdict, first.reason) == (T, "not comparable", NOT_THROUGHPUT)
    assert (second.metric, second.verdict) == (PRODUCT, "not reproduced")
    assert second.a is not None
    assert second.a.median == 280.0


@pytest.mark.parametrize(
    ("theirs", "reason"),
    [
        (says(100.0, "unstated_tok_s"), UNSTATED),
        (says(97.0, "probador_score"), SCORE),
        (says(100.0, comparable=False), "Bear this in mind."),
        (says(100.0, level=None), "concurrency not stated"),
        (says(100.0, level=8), "not measured at this concurrency"),
        (says(100.0, "ttft_ms.p50"), "no data for ttft_ms.p50"),
        (replace(says(100.0), name="gx10"), OTHER_PLATFORM),
    ],
)
def test_what_is_not_comparable_says_why(theirs: Published, reason: str) -> None:
    """Whatever our own figure is."""
    line = only(against_published(ours(100.0), theirs))
    assert (line.verdict, line.reason, line.ratio) == ("not comparable", reason, None)


def test_our_own_gaps_are_reasons_too() -> None:
    """No such entry, SUSPECT, a failed replicate."""
    assert (
        only(against_published(ours(1.0, entry="vllm"), says(1.0))).reason == "no such entry in the run: llamacpp"
    )
    bad = study(subject("llamacpp", 4, replace(trial(1, throughput_tok_s=1.0), suspect=("lag",))))
    assert only(against_published(bad, says(1.0))).reason == "SUSPECT: lag"
    lost = study(subject("llamacpp", 4, trial(1, throughput_tok_s=1.0), trial(2, "failed")))
    assert "1 of 2 replicates" in only(against_published(lost, says(1.0))).reason


def test_imported_results_may_be_held_against_any_and_the_doubt_is_noted() -> None:
    """They do not say of which machine they are."""
    found = against_published(replace(ours(100.0), origin="imported", published=None), says(100.0))
    assert only(found).verdict == "reproduced"
    assert found.notes[-1].startswith("Machine and model of the imported")


def test_the_published_figures_of_yoga_are_judged_as_the_catalogue_says() -> None:
    """The README's table is refused as throughput; withdrawn rows carry their caveat."""
    run = study(replicated("llamacpp", 1, {T: [150.0, 152.0, 155.0], "decode_tok_s": [155.0, 156.0, 157.0]}))
    lines = against_published(run, published("yoga")).lines
    readme = [line for line in lines if line.table == "readme"]
    assert {line.verdict for line in readme if line.metric == T} == {"not comparable"}
    assert {line.reason for line in readme if line.metric == T} == {NOT_THROUGHPUT}
    good = [(line.table, line.metric) for line in lines if line.verdict == "reproduced"]
    assert good == [("aggregate", T), ("readme", PRODUCT)]
    withdrawn = [line for line in lines if line.row_b == "realizar, many users"]
    assert all("withdrew" in line.reason for line in withdrawn)
