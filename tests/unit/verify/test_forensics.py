"""kit.verify.forensics: each statistic on what it must and must not find, and each limit on both of its sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from math import exp
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.drill.forging import closed, opened
from benchmarks.drill.lies import LIES
from benchmarks.drill.telling import lines
from kit.documents.telemetry import TelemetryFacts
from kit.verify import verify_bundle
from kit.verify.forensics import limits
from kit.verify.forensics.chance import chi2_below, digits_chi2
from kit.verify.forensics.copies import Stream, copies
from kit.verify.forensics.gaps import Noise, common_step, last_digits, noise, stamps
from kit.verify.forensics.replicates import Alike, alike, pooled
from kit.verify.forensics.rules import _counts_finely, _scaled, smooth_faults, too_alike
from kit.verify.forensics.steps import interleaved, together
from tests.support.good_bundle import good_host
from tests.support.lies import base
from tests.support.telemetry import Machine, samples_of

MS = 1_000_000
RESULTS = sorted((Path(__file__).parents[3] / "results").glob("*.tar.gz"))
NEEDS_TELEMETRY = {"forensic.scaled"}


# --- honest bundles -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.name)
def test_no_honest_bundle_is_flagged_and_every_rule_looked_at_it(path: Path) -> None:
    """Runs of real servers on two machines; telemetry came later than all but the last of them."""
    verdict = verify_bundle(path.read_bytes())
    ours = {name for name in verdict.checked if name.startswith(("forensic.", "physics.", "evidence.build"))}
    assert len(ours) == 11
    assert {finding.rule for finding in verdict.findings} & ours == set()
    idle = {name for name in ours if not verdict.checked[name]}
    assert idle == (set() if verdict.checked["telemetry.recomputed"] else NEEDS_TELEMETRY)


def test_a_bundle_that_is_opened_and_closed_by_the_drill_is_as_honest_as_before() -> None:
    """So what rules find in a lie is the lie."""
    assert {finding.level for finding in verify_bundle(closed(opened(base()))).findings} <= {"note"}


def test_the_code_of_every_lie_is_counted() -> None:
    """A load from nothing takes more than a changed number."""
    counted = {each.name: lines(each.tell) for each in LIES}
    assert counted["headline edited"] < 10 < counted["made from nothing"]


# --- chance ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [0.001, 0.5, 2.0, 10.0, 60.0])
def test_the_chance_of_a_chi_square_is_the_closed_form(x: float) -> None:
    """With 2 and 4 degrees of freedom there is one."""
    assert chi2_below(x, 2) == pytest.approx(1 - exp(-x / 2), rel=1e-9)
    assert chi2_below(x, 4) == pytest.approx(1 - exp(-x / 2) * (1 + x / 2), rel=1e-6)


def test_the_limit_of_digits_is_one_in_ten_million() -> None:
    """9 degrees of freedom; published tables say 27.88 for one in a thousand."""
    assert 1 - chi2_below(27.877, 9) == pytest.approx(1e-3, rel=1e-3)
    assert 0.5e-7 < 1 - chi2_below(limits.MAX_DIGITS_CHI2, 9) < 2e-7


def test_equal_counts_have_no_chi_square() -> None:
    """And all on one digit the most there is."""
    assert digits_chi2([5] * 10) == 0
    assert digits_chi2([50, *[0] * 9]) == 450


# --- noise ----------------------------------------------------------------------------------------------------


def of(**values: Any) -> Noise:
    honest = Noise(n=1000, variation=0.1, skewness=3.0, kurtosis=20.0, ties=0.001, following=0.1)
    return replace(honest, **values)


@pytest.mark.parametrize(
    ("inside", "outside", "words"),
    [
        ({"variation": limits.MIN_VARIATION}, {"variation": limits.MIN_VARIATION * 0.999}, "hardly vary"),
        ({"skewness": 0.0, "kurtosis": 4.0}, {"skewness": 0.0, "kurtosis": 3.999}, "without a tail"),
        ({"skewness": 0.8, "kurtosis": 3.0}, {"skewness": 0.799, "kurtosis": 3.0}, "without a tail"),
        ({"following": limits.MAX_FOLLOWING}, {"following": 0.901}, "averaged stamps"),
        ({"ties": limits.MAX_TIES}, {"ties": 0.0501}, "equal to another"),
    ],
)
def test_noise_is_flagged_just_beyond_each_limit(
    inside: dict[str, float], outside: dict[str, float], words: str
) -> None:
    """Its words name the statistic."""
    assert list(smooth_faults(of(**inside), 1)) == []
    (said,) = smooth_faults(of(**outside), 1)
    assert words in said


def test_equal_gaps_of_a_coarse_clock_are_honest() -> None:
    """A clock of a microsecond has few values."""
    assert list(smooth_faults(of(ties=0.9), 1000)) == []


def test_the_shape_of_a_bell_curve_and_of_a_tail_are_told_apart() -> None:
    """Skewness 0 and kurtosis 3; a long tail has far more."""
    random = Random(1)
    bell = noise([[round(random.gauss(10 * MS, MS)) for _ in range(4000)]])
    tailed = noise([[round(10 * MS * random.paretovariate(2.5)) for _ in range(4000)]])
    assert bell
    assert tailed
    assert bell.skewness == pytest.approx(0, abs=0.15)
    assert bell.kurtosis == pytest.approx(3, abs=0.3)
    assert bell.variation == pytest.approx(0.1, rel=0.05)
    assert tailed.kurtosis > 10
    assert noise([[5, 5, 5]]) is None


def test_averaged_stamps_follow_each_other() -> None:
    """The correlation of neighbours in a moving average of eleven is ten elevenths."""
    random = Random(2)
    raw = [random.gauss(10 * MS, MS) for _ in range(4000)]
    smooth = [round(sum(raw[at : at + 11]) / 11) for at in range(len(raw) - 11)]
    found = noise([smooth])
    assert found
    assert found.following == pytest.approx(10 / 11, abs=0.03)


# --- digits ---------------------------------------------------------------------------------------------------


def test_the_common_step_is_that_of_the_clock() -> None:
    """One for a clock that counts nanoseconds."""
    assert common_step([3_000, 7_000, 12_000]) == 1000
    assert common_step([3_000, 7_001]) == 1
    assert common_step([]) == 0
    assert last_digits([10, 21, 31]) == [1, 2, 0, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ({}, True),
        ({"clock_source": "hpet"}, False),
        ({"clock_source": None}, True),
        ({"clock_source": None, "architecture": "aarch64"}, False),
        ({"clock_source": None, "system": "Darwin"}, False),
    ],
)
def test_digits_are_judged_where_the_clock_counts_finely_or_should(values: Any, counts: bool) -> None:
    """Whoever takes the name of the clock out gains nothing."""
    assert _counts_finely(replace(good_host(), **values)) == counts


def test_only_the_first_chunks_of_a_long_cell_are_looked_at() -> None:
    """And chunks that came in one read count once."""
    chunked = SimpleNamespace(chunks=((1, 1, 0), (1, 1, 0), (2, 1, 0), (3, 1, 0)))
    record: Any = chunked
    assert stamps(record) == [1, 2, 3]
    assert stamps(record, 2) == [1, 2]


# --- copies ---------------------------------------------------------------------------------------------------


def stream(seed: int, load: int = 0, start: int = 0, scale: float = 1.0, gaps: int = limits.COPY_GAPS) -> Stream:
    random = Random(seed)
    steps = [round(10 * MS * random.lognormvariate(0, 0.2) * scale) for _ in range(gaps)]
    return Stream(f"{load}.{seed}.{start}", load, tuple(accumulate(steps, initial=start)))


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (stream(1, load=1), True),
        (stream(1, load=1, start=5 * MS), True),
        (stream(1, load=1, scale=0.8), True),
        (stream(1, load=0, start=10**9), True),
        (stream(1, load=0, start=1), True),
        (stream(1, load=0), False),
        (stream(2, load=1), False),
        (stream(1, load=1, gaps=limits.COPY_GAPS - 1), False),
    ],
    ids=["elsewhere", "shifted", "scaled", "later", "lagging", "in step", "other noise", "too short"],
)
def test_a_copy_is_found_shifted_and_scaled_and_streams_in_step_are_none(other: Stream, found: bool) -> None:
    """Streams of one load at one time share the steps of the server."""
    assert bool(list(copies([stream(1), other]))) == found


def test_a_vector_of_few_values_says_nothing() -> None:
    """A buffer that is flushed by a timer gives the same gaps to all."""
    even = [Stream(str(load), load, tuple(range(0, 30 * MS, MS))) for load in range(2)]
    assert list(copies(even)) == []


def test_a_copy_may_have_a_trace_of_noise_and_no_more() -> None:
    """A thousandth of the mean gap."""
    first = stream(1)
    steps = [b - a for a, b in pairwise(first.times)]
    for more, found in ((5_000, True), (50_000, False)):
        other = [step + (more if at == 3 else 0) for at, step in enumerate(steps)]
        assert bool(list(copies([first, Stream("x", 1, tuple(accumulate(other, initial=0)))]))) == found


# --- steps ----------------------------------------------------------------------------------------------------


def batched(streams: int, share: float = 1.0) -> list[list[int]]:
    """Streams of which a share of the chunks come with the common steps."""
    random = Random(3)
    steps = list(accumulate(round(20 * MS * random.lognormvariate(0, 0.1)) for _ in range(400)))
    return [
        sorted(
            step + (random.randrange(200_000) if random.random() < share else random.randrange(20 * MS))
            for step in steps
        )
        for _ in range(streams)
    ]


def independent(streams: int) -> list[list[int]]:
    random = Random(4)
    return [
        list(accumulate(round(20 * MS * random.lognormvariate(0, 0.1)) for _ in range(400)))
        for _ in range(streams)
    ]


@pytest.mark.parametrize("streams", [2, 4, 8, 32])
def test_streams_of_a_batch_step_together_and_independent_ones_do_not(streams: int) -> None:
    """However many there are: the reach is made shorter where chance would be enough."""
    for times, low, high in ((batched(streams), 0.9, 1.0), (independent(streams), -0.2, 0.2)):
        found = together(times, limits.STEP_NS, limits.MAX_EXPECTED)
        assert found is not None
        assert found.expected < limits.MAX_EXPECTED + 0.05
        assert low <= found.excess <= high


@pytest.mark.parametrize(("share", "flagged"), [(0.8, False), (0.35, True)])
def test_the_limit_lies_between_most_steps_and_few(share: float, flagged: bool) -> None:
    """0.4 of the chunks that chance does not explain."""
    found = together(batched(2, share), limits.STEP_NS, limits.MAX_EXPECTED)
    assert found is not None
    assert (found.excess < limits.MIN_TOGETHER) == flagged


def test_one_stream_alone_says_nothing() -> None:
    """Nor do two that are never on at the same time."""
    one, other = batched(1)[0], [at + 10**12 for at in batched(1)[0]]
    assert together([one], limits.STEP_NS, limits.MAX_EXPECTED) is None
    assert together([one, other], limits.STEP_NS, limits.MAX_EXPECTED) is None


@pytest.mark.parametrize(("inside", "expected"), [(0, 0), (5, 5), (6, 6)])
def test_chunks_inside_another_answer_are_counted(inside: int, expected: int) -> None:
    """Of 100 chunks 5 are allowed to a server of one slot."""
    first = list(range(0, 50 * MS, MS))
    second = [49 * MS - (inside - at) * 100_000 for at in range(inside)]
    second += [50 * MS + at * MS for at in range(50 - inside)]
    chunks, found = interleaved([first, second])
    assert chunks == 100
    within = sum(second[0] < at < second[-1] for at in first)
    assert found == expected + within


# --- replicates -----------------------------------------------------------------------------------------------


def runs(count: int, seed: int = 5) -> list[Sequence[float]]:
    random = Random(seed)
    return [[random.gauss(10, 1) for _ in range(40)] for _ in range(count)]


def test_independent_runs_differ_as_predicted_and_equal_ones_do_not() -> None:
    """On average the ratio is 1; of copies it is 0."""
    found = [one for seed in range(200) if (one := alike(runs(3, seed)))]
    assert sum(one.ratio for one in found) / len(found) == pytest.approx(1, abs=0.2)
    assert sum(too_alike(one) for one in found) == 0
    same = alike([runs(1)[0]] * 3)
    assert same is not None
    assert too_alike(same)
    assert same.freedom == 2


def test_rows_that_are_each_a_little_too_alike_are_so_together() -> None:
    """Ten rows at a hundredth of the variance; one alone says nothing."""
    row = Alike(1, 0.01)
    whole = pooled([row] * 10)
    assert not too_alike(row)
    assert whole is not None
    assert too_alike(whole)
    assert pooled([]) is None


@pytest.mark.parametrize(("ratio", "flagged"), [(0.0199, True), (0.0201, False)])
def test_honest_runs_may_differ_less_than_by_chance(ratio: float, flagged: bool) -> None:
    """Prompts come once a pass: only what is far below is flagged, however unlikely."""
    assert too_alike(Alike(60, ratio)) == flagged


def test_runs_of_one_value_say_nothing() -> None:
    """Nothing is predicted by no variance, nor by one run."""
    assert alike([[1.0] * 8, [1.0] * 8]) is None
    assert alike(runs(1)) is None


# --- scaling --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("percent", "flagged"), [(98, False), (97, True), (102, False), (103, True)])
def test_the_interval_of_the_sampler_may_be_off_by_two_percent(percent: int, flagged: bool) -> None:
    """It is kept by a timer."""
    samples = list(samples_of(0, 10**9, Machine()))
    facts = TelemetryFacts("", 100 * MS, 2, {}, "stopped", None)
    scaled = [replace(each, at_ns=each.at_ns * percent // 100) for each in samples]
    assert any("sample every" in words for words in _scaled(facts, scaled, linux=False)) == flagged


@pytest.mark.parametrize(("tick_ns", "flagged"), [(10 * MS, False), (20 * MS, False), (8 * MS, True)])
def test_cpu_time_comes_in_ticks(tick_ns: int, flagged: bool) -> None:
    """Of 10 ms, by Linux; a scaled time has others."""
    facts = TelemetryFacts("", 100 * MS, 2, {}, "stopped", None)
    samples = [
        replace(each, busy_ns=at * 9 * tick_ns) for at, each in enumerate(samples_of(0, 3 * 10**9, Machine()))
    ]
    assert any("in steps of" in words for words in _scaled(facts, samples, linux=True)) == flagged
    assert not any("in steps of" in words for words in _scaled(facts, samples, linux=False))
