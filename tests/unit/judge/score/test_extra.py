"""Cards beside the composite: each where its data exists, else what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents.study import Study
from kit.errors import InputError
from kit.judge.score import By, ExtraRow, extra_cards, load_contract
from kit.judge.score.extra import profile_of
from tests.support.documents_judged import CONTRACT
from tests.support.studies import study, subject

THEIRS, OURS = load_contract("probador-2.0"), load_contract("kit-1")


def rows(by: By, *studies: Study) -> tuple[ExtraRow, ...]:
    return extra_cards(studies, THEIRS, by).rows


def only(by: By, **values: float) -> ExtraRow:
    (row,) = rows(by, study(subject("a", 1, **values)))
    return row


CASES: list[tuple[By, dict[str, float], float, float]] = [
    ("layer", {"decode_us_per_layer": 260.0}, 260.0, 88),  # 75 + 25 * 40 / 80 = 87.5
    ("correctness", {"pass_rate": 0.9}, 0.9, 71),  # 75 * 0.9 / 0.95 = 71.05
    ("memory", {"memory_max_mb": 2048.0, "decode_tok_s": 60.0}, 30.0, 88),  # 60 / 2 GB; 75 + 25 / 2
    ("cold-start", {"cold_start_ms": 6000.0}, 6000.0, 38),  # 75 / 2
    ("power", {"power_mean_w": 50.0, "decode_tok_s": 150.0}, 3.0, 100),
]


@pytest.mark.parametrize(("by", "values", "value", "score"), CASES, ids=[case[0] for case in CASES])
def test_a_card_shows_its_figure_and_the_points_of_the_original(
    by: By, values: dict[str, float], value: float, score: float
) -> None:
    """Value, points, grade, and nothing missing."""
    row = only(by, **values)
    assert row.value == pytest.approx(value)
    assert (row.score, row.note) == (score, "")
    assert row.grade is not None


@pytest.mark.parametrize(
    ("by", "values", "note"),
    [
        ("layer", {}, "no decode figure, or the catalogue does not know the layers"),
        ("correctness", {}, "no judged answers"),
        ("memory", {"decode_tok_s": 60.0}, "no telemetry in this run"),
        ("power", {"power_mean_w": 50.0}, "no decode figure"),
        ("cold-start", {"cold_start_ms": 0.0}, "no start-up time"),
        ("profile", {}, "no prompt tokens were counted"),
        ("scaling", {"decode_tok_s": 60.0}, "needs concurrency 1 with a decode figure, and one more"),
    ],
)
def test_a_card_without_data_says_what_is_missing(by: By, values: dict[str, float], note: str) -> None:
    """No points and no grade, never a 0."""
    row = only(by, **values)
    assert (row.value, row.score, row.grade, row.note) == (None, None, None, note)


def test_answers_are_sorted_by_their_length() -> None:
    """Three buckets, each with its own points or what is missing."""
    found = study(subject("a", 1, tpot_ms__by_output__short=6.0, tpot_ms__by_output__medium=10.0))
    assert [(row.part, row.score, row.note) for row in rows("output-length", found)] == [
        ("short", 100, ""),
        ("medium", 75, ""),
        ("long", None, "no request with an answer above 128 tokens"),
    ]


def test_scaling_is_the_peak_over_that_many_single_users() -> None:
    """At the level of the peak; the fastest single user of the same name counts."""
    found = study(
        subject("a", 1, decode_tok_s=100.0, throughput_tok_s=95.0),
        subject("a", 4, throughput_tok_s=280.0),
        subject("a", 8, throughput_tok_s=200.0),
    )
    (row,) = rows("scaling", found)
    assert (row.concurrency, row.value, row.score) == (4, 0.7, 88)  # 75 + 25 * 0.2 / 0.4


def test_profiles_are_compared_where_a_runtime_has_two() -> None:
    """The worst bucket as a share of the best, in percent; here over two files of one machine."""
    figures = {"ttft_ms__p50": 12.0, "itl_ms__p50": 6.0, "ttft_ms__p99": 15.0, "error_rate": 0.0}
    short = subject("a", 1, decode_tok_s=160.0, prompt_tokens_mean=23.0, **figures)
    long = subject("a", 1, decode_tok_s=60.0, prompt_tokens_mean=300.0, **figures)
    found = [(row.part, row.score) for row in rows("profile", study(short), study(long))]
    assert found == [("short", 100), ("long", 81), ("consistency", 81)]  # 0.3 * 38 + 70 = 81.4
    unknown = [study(short, hardware=None), study(long, hardware=None)]
    assert [row.part for row in rows("profile", *unknown)] == ["short", "long"]


def test_profiles_under_kit_1_are_its_own_composites() -> None:
    """Without a bonus; imported results need a class to be named."""
    one = subject("a", 1, decode_tok_s=170.0, error_rate=0.0, itl_ms__p99=1.0, prompt_tokens_mean=10.0)
    (row,) = extra_cards([study(replace(one, weights_bytes=10**9))], OURS, "profile").rows
    assert (row.part, row.score, row.grade) == ("micro", 55.0, "C")
    theirs = replace(study(one, hardware=None), origin="imported")
    assert (
        extra_cards([replace(theirs, subjects=(replace(one, weights_bytes=None),))], OURS, "profile").rows[0].note
    )
    (row,) = extra_cards([theirs], OURS, "profile", None, "gpu-laptop-2gb").rows
    assert row.score == 55.0


def test_a_bucket_begins_where_the_one_before_ends() -> None:
    """The bounds of the original."""
    assert [profile_of(tokens) for tokens in (14.9, 15, 63.9, 64, 255.9, 256)] == [
        "micro", "short", "short", "medium", "medium", "long",
    ]  # fmt: skip


def test_a_contract_without_the_card_says_which_it_has() -> None:
    """It is the contract's to say what is good."""
    with pytest.raises(InputError, match=r"The contract mine has no scorecard for power\. It has: cold-start"):
        extra_cards([], CONTRACT, "power")
