"""How right the answers of entries are, beside how fast they come. Pure.

pass@1 of a suite with its Wilson interval; one entry's answers are better than another's where its interval lies
above, on the same tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kit.documents.quality.evaluation import Quality
from kit.documents.study import EntryQuality, Study
from kit.text import plain_text


@dataclass(frozen=True, slots=True)
class QualityGap:
    """The answers of `entry` are worse than those of `other`, by their qualities `own` and `others`."""

    entry: str
    other: str
    own: EntryQuality
    others: EntryQuality


def entry_qualities(quality: Quality | None, weights: Mapping[str, str | None]) -> tuple[EntryQuality, ...]:
    """What a run says of its entries; `weights` are the hashes of theirs, by entry."""
    if quality is None:
        return ()
    return tuple(
        EntryQuality(
            entry=row.entry,
            suite=quality.suite,
            concurrency=row.concurrency,
            tasks=row.score.tasks,
            of=quality.of,
            passed=row.score.passed,
            share=row.score.pass_at_1.share,
            low=row.score.pass_at_1.low,
            high=row.score.pass_at_1.high,
            model_sha256=weights.get(row.entry),
        )
        for row in quality.rows
        if row.score is not None
    )


def quality_at(study: Study, entry: str, users: int) -> EntryQuality | None:
    """What was found of an entry with at least so many asked at once, the fewest of them; else with the most."""
    found = sorted((each for each in study.quality if each.entry == entry), key=lambda each: each.concurrency)
    enough = [each for each in found if each.concurrency >= users]
    chosen = enough or found[-1:]
    return chosen[0] if chosen else None


def is_worse(one: EntryQuality, other: EntryQuality) -> bool:
    """Whether the interval of one lies below that of the other, on the same tasks."""
    same = (one.suite, one.tasks) == (other.suite, other.tasks)
    return same and one.high < other.low


def gaps(study: Study, level: int, named: Iterable[str], others: Sequence[str]) -> tuple[QualityGap, ...]:
    """Whose answers, of `named`, are worse than those of one of `others`."""
    found = []
    for entry in named:
        own = quality_at(study, entry, level)
        for other in others:
            beside = quality_at(study, other, level)
            if own is not None and beside is not None and is_worse(own, beside):
                found.append(QualityGap(entry, other, own, beside))
    return tuple(found)


def study_gaps(study: Study) -> tuple[QualityGap, ...]:
    """The same of all entries of a study with each other, at the largest number of users."""
    entries = list(dict.fromkeys(each.entry for each in study.subjects))
    most = max((each.concurrency for each in study.subjects), default=1)
    return gaps(study, most, entries, entries)


# --- evaluations beside runs ------------------------------------------------------------------------------


def is_evaluation(study: Study) -> bool:
    """Whether a study holds the quality of entries, and no figure of a load."""
    return bool(study.quality) and not study.subjects


def with_evaluations(studies: Sequence[Study]) -> list[Study]:
    """Runs with what evaluations among them found of the same entries with the same weights.

    Without a run the evaluations stay as they are.
    """
    beside = [each for study in studies if is_evaluation(study) for each in study.quality]
    runs = [study for study in studies if not is_evaluation(study)]
    return [_with(study, beside) for study in runs] if runs else list(studies)


def _with(study: Study, beside: Sequence[EntryQuality]) -> Study:
    weights = {(each.entry, each.model_sha256) for each in study.subjects if each.model_sha256 is not None}
    more = tuple(each for each in beside if (each.entry, each.model_sha256) in weights)
    return replace(study, quality=pooled((*study.quality, *more)))


def pooled(found: Iterable[EntryQuality]) -> tuple[EntryQuality, ...]:
    """One for each entry, suite and concurrency: of several the one with the fewest right answers."""
    lowest: dict[tuple[str, str, int], EntryQuality] = {}
    for each in found:
        place = each.entry, each.suite, each.concurrency
        known = lowest.get(place)
        if known is None or (-each.tasks, each.passed) < (-known.tasks, known.passed):
            lowest[place] = each
    return tuple(lowest.values())


# --- in words ---------------------------------------------------------------------------------------------


def share_text(found: EntryQuality) -> str:
    """`93.3 % [78.7, 98.2]`, cut to a tenth."""
    return f"{100 * found.share:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def gap_text(gap: QualityGap) -> str:
    """`the answers of a are worse than those of b: 40.0 % [24.6, 57.7] of basics against 93.3 % [78.7, 98.2]`."""
    names = f"the answers of {plain_text(gap.entry)} are worse than those of {plain_text(gap.other)}"
    return f"{names}: {share_text(gap.own)} of {plain_text(gap.own.suite)} against {share_text(gap.others)}"


def gaps_text(found: Iterable[QualityGap]) -> str:
    return "; ".join(map(gap_text, found))


def pair_notes(a: Study, b: Study, pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Of pairs (entry of A, entry of B) whose answers are worse, with as many asked at once on both sides."""
    notes = []
    for left, right in pairs:
        ours, theirs = _by_concurrency(a, left), _by_concurrency(b, right)
        both = ours.keys() & theirs.keys()
        if not both:
            continue
        sides = [(f"A ({left})", ours[max(both)]), (f"B ({right})", theirs[max(both)])]
        for (name, own), (other, beside) in (sides, sides[::-1]):
            if is_worse(own, beside):
                words = gap_text(QualityGap(name, other, own, beside))
                notes.append(f"{words[:1].upper()}{words[1:]}.")
    return notes


def _by_concurrency(study: Study, entry: str) -> dict[int, EntryQuality]:
    return {each.concurrency: each for each in study.quality if each.entry == entry}
