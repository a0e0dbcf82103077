"""Claims in documents as data: each confirmed, falsified or untested by the runs at hand. Pure.

A claim is a prediction that the figures can break (K. Popper, *Logik der Forschung*, 1934): what would falsify it
follows from the claim itself. Without evidence it is untested, never confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf
from typing import Literal

from kit.documents.study import Study, Subject
from kit.errors import InputError
from kit.judge.compare.quantity import quantity
from kit.judge.compare.ratio import Ratio, ratio_of
from kit.judge.compare.standing import differences, find, why_left_out
from kit.judge.machines import facts_of_two
from kit.judge.study import values_of
from kit.metrics.intervals import median_over_replicates
from kit.metrics.stats import median
from kit.strict.decode import typed
from kit.strict.schema import check
from kit.strict.yaml_reader import read_yaml
from kit.text import number, plain_text

ClaimRelation = Literal["greater", "less", "at_least_times", "at_most_times", "within"]
ClaimStatus = Literal["confirmed", "falsified", "untested"]
_FACTORS = ("at_least_times", "at_most_times")


@dataclass(frozen=True, slots=True)
class FigureReference:
    """One figure of one run: of every run of `platform`, or of the one bundle whose identity is `bundle`."""

    entry: str
    concurrency: int
    metric: str
    platform: str | None = None
    bundle: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a document says, `statement` word for word in the file `where`, and the prediction it makes.

    left RELATION right, where right is a figure or `number`: "greater", "less"; left at least, or at most,
    `factor` times right; left "within" `tolerance` (a part of right) of right. With `needs_interval` fewer than
    three replicates leave it untested; without, the medians decide where there is no interval.
    """

    id: str
    statement: str
    where: str
    left: FigureReference
    relation: ClaimRelation
    right: FigureReference | None = None
    number: float | None = None
    factor: float | None = None
    tolerance: float | None = None
    needs_interval: bool = True


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of one file."""

    schema: Literal["kit/claims/1"]
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """What the runs at hand say to a claim: the verdict, why, and what would falsify it."""

    id: str
    statement: str
    where: str
    verdict: ClaimStatus
    reason: str
    falsified_by: str


# --- reading ----------------------------------------------------------------------------------------------


def read_claims(data: bytes, where: str) -> Claims:
    """Claims of a YAML file; `InputError` naming the place if it is none, or if a claim says nothing."""
    document = read_yaml(data, where)
    check(document.value, "claims", where, document.line)
    found = typed(Claims, document.value, where)
    names: set[str] = set()
    for claim in found.claims:
        wrong = "is listed twice" if claim.id in names else _wrong(claim)
        if wrong:
            raise InputError(f"{where}: the claim {claim.id} {wrong}.", "docs/comparing.md describes the format.")
        names.add(claim.id)
    return found


def _wrong(claim: Claim) -> str:
    if (claim.right is None) == (claim.number is None):
        return "needs either right or number"
    if (claim.relation in _FACTORS) != (claim.factor is not None):
        return "needs a factor with at_least_times and at_most_times, and only there"
    if (claim.relation == "within") != (claim.tolerance is not None):
        return "needs a tolerance with within, and only there"
    for figure in filter(None, (claim.left, claim.right)):
        quantity(figure.metric)
        if (figure.platform is None) == (figure.bundle is None):
            return "needs either platform or bundle in each figure"
    if claim.left == claim.right:
        return "compares a figure with itself, so nothing could falsify it"
    return ""


# --- judging ----------------------------------------------------------------------------------------------


def check_claims(claims: Claims, studies: Sequence[Study]) -> tuple[CheckedClaim, ...]:
    """The outcome of every claim, in order, by all the studies at hand that it speaks of."""
    return tuple(_checked(claim, studies) for claim in claims.claims)


def _checked(claim: Claim, studies: Sequence[Study]) -> CheckedClaim:
    verdicts = [_status_and_reason(claim, left, right) for left, right in _chosen(claim, studies)]
    if not verdicts:
        verdicts = [("untested", f"no run of {_missing(claim, studies)} given")]
    # one run is enough to falsify; a run that says nothing takes nothing from one that confirms
    order: tuple[ClaimStatus, ...] = ("falsified", "confirmed", "untested")
    verdict, reason = min(verdicts, key=lambda each: order.index(each[0]))
    return CheckedClaim(claim.id, claim.statement, claim.where, verdict, reason, falsified_by(claim))


def _matches(figure: FigureReference, study: Study) -> bool:
    if figure.bundle is not None:
        return study.identity == figure.bundle
    return study.name == figure.platform


def _chosen(claim: Claim, studies: Sequence[Study]) -> Iterable[tuple[Study, Study | None]]:
    """Every pair of runs that the claim is about; both figures of one platform come from one run."""
    lefts = [study for study in studies if _matches(claim.left, study)]
    if claim.right is None:
        return [(study, None) for study in lefts]
    if (claim.left.platform, claim.left.bundle) == (claim.right.platform, claim.right.bundle):
        return [(study, study) for study in lefts]
    return list(product(lefts, [study for study in studies if _matches(claim.right, study)]))


def _missing(claim: Claim, studies: Sequence[Study]) -> str:
    figures = [each for each in (claim.left, claim.right) if each]
    absent = [each for each in figures if not any(_matches(each, study) for study in studies)]
    return " and ".join(dict.fromkeys(_run_text(each) for each in absent))


def _status_and_reason(claim: Claim, left: Study, right: Study | None) -> tuple[ClaimStatus, str]:
    if any(study is not None and study.origin == "imported" for study in (left, right)):
        return "untested", "the figures are imported, and nobody can verify them"
    a, why_a = _values(claim.left, left)
    b: list[float] = []
    why_b = ""
    if claim.right is not None and right is not None:
        b, why_b = _values(claim.right, right)
        if left is not right and not (why_a or why_b):
            why_b = "; ".join(differences(left.conditions, right.conditions))
    if why_a or why_b:
        return "untested", why_a or why_b
    found = ratio_of(a, b) if claim.right else _alone(a)
    if found.value is None:
        return "untested", "the figure on the right is 0, so there is no ratio"
    verdict, reason = _verdict(claim, found)
    two = "" if right is None or right is left else facts_of_two(left, right)
    return verdict, f"{reason}; two machines ({two})" if two else reason


def _values(figure: FigureReference, study: Study) -> tuple[list[float], str]:
    """The figures of all replicates, or why they do not count."""
    subject: Subject | None = find(study, figure.entry, figure.concurrency)
    if subject is None:
        return [], f"{_figure_text(figure)}: not measured"
    reason = why_left_out(subject, figure.metric)
    return values_of(subject, figure.metric), f"{_figure_text(figure)}: {reason}" if reason else ""


def _alone(values: Sequence[float]) -> Ratio:
    """A figure that is held against a number, in the form of a ratio to 1."""
    own = median_over_replicates(values)
    return Ratio(median(values), own.low, own.high, len(values), len(values))


def _region(claim: Claim) -> tuple[float, float]:
    """From where to where left / right (or left, against a number) may lie."""
    unit = 1.0 if claim.number is None else claim.number
    if claim.relation == "within":
        assert claim.tolerance is not None
        return unit * (1 - claim.tolerance), unit * (1 + claim.tolerance)
    bound = unit * (1.0 if claim.factor is None else claim.factor)
    return (bound, inf) if claim.relation in ("greater", "at_least_times") else (-inf, bound)


def _verdict(claim: Claim, found: Ratio) -> tuple[ClaimStatus, str]:
    assert found.value is not None
    low, high = _region(claim)
    closed = claim.relation not in ("greater", "less")

    def inside(value: float) -> bool:
        return low <= value <= high if closed else low < value < high

    shown = _shown(claim, found)
    if found.low is None or found.high is None:
        if claim.needs_interval:
            return "untested", f"{shown}, but fewer than three replicates give no interval"
        return ("confirmed" if inside(found.value) else "falsified"), f"{shown}, by medians alone"
    if inside(found.low) and inside(found.high):
        return "confirmed", shown
    # nothing of the interval lies where the claim says
    outside = found.high < low or found.low > high or (not closed and (found.high <= low or found.low >= high))
    return ("falsified", shown) if outside else ("untested", f"{shown}: the interval satisfies it only in part")


# --- in words ---------------------------------------------------------------------------------------------


def _shown(claim: Claim, found: Ratio) -> str:
    what = "left / right" if claim.right else claim.left.metric
    interval = "" if found.low is None or found.high is None else f" [{found.low:.4g}, {found.high:.4g}]"
    value = "no data" if found.value is None else f"{found.value:.4g}"
    return f"{what} is {value}{interval}"


def _run_text(figure: FigureReference) -> str:
    return f"bundle {figure.bundle[:12]}" if figure.bundle else plain_text(figure.platform or "")


def _figure_text(figure: FigureReference) -> str:
    return f"{figure.metric} of {figure.entry} at {figure.concurrency} in {_run_text(figure)}"


def falsified_by(claim: Claim) -> str:
    """What would show that the claim is false, e.g. `a below 1.2 times b`."""
    right = _figure_text(claim.right) if claim.right else f"{claim.number:g}"
    if claim.relation == "within":
        assert claim.tolerance is not None
        return f"{_figure_text(claim.left)} more than {number(claim.tolerance * 100, 1)} % away from {right}"
    times = "" if claim.factor in (None, 1) else f"{claim.factor:g} times "
    words = {
        "greater": "not above",
        "less": "not below",
        "at_least_times": "below",
        "at_most_times": "above",
    }
    return f"{_figure_text(claim.left)} {words[claim.relation]} {times}{right}"


def claims_text(outcomes: Iterable[CheckedClaim]) -> str:
    """One paragraph a claim, and a last line with how many of each there are."""
    done = list(outcomes)
    parts = [
        f"{each.verdict:9}  {each.id}: {plain_text(each.statement, 300)}\n"
        f"           {plain_text(each.reason, 500)}\n"
        f"           falsified by: {plain_text(each.falsified_by, 500)}"
        for each in done
    ]
    verdicts: tuple[ClaimStatus, ...] = ("confirmed", "falsified", "untested")
    counts = [f"{sum(each.verdict == verdict for each in done)} {verdict}" for verdict in verdicts]
    return "\n".join((*parts, ", ".join(counts) + "."))
