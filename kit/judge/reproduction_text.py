"""A reproduction for people: who, what came out and why, and every figure that does not agree. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kit.judge.compare.comparison import Side
from kit.judge.compare.quantity import quantity
from kit.judge.compare.ratio import interval_text, ratio_text
from kit.judge.reproduction import Reproduced, Reproduction
from kit.metrics.limits import EQUIVALENT_PERCENT
from kit.text import plain_text

MAX_FIGURES = 40
TEXT_LIMIT = 500
_MEANING = {
    "reproduced": f"all figures surely agree within {EQUIVALENT_PERCENT} %, and two parties measured them",
    "agrees": f"all figures surely agree within {EQUIVALENT_PERCENT} %",
    "not reproduced": f"figures surely differ by more than {EQUIVALENT_PERCENT} %",
    "undecided": "not every figure surely agrees, and none surely differs",
    "not comparable": "the two cannot be compared",
}


def reproduction_text(found: Reproduction) -> str:
    """In plain text, with a line feed at the end."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Reproduction) -> Iterator[str]:
    yield f"Reproduced? {found.outcome} ({_MEANING[found.outcome]})"
    yield f"A: {_side(found.a, found.signers[0])}"
    yield f"B: {_side(found.b, found.signers[1])}"
    for reason in found.reasons:
        yield f"Reason: {plain_text(reason, TEXT_LIMIT)}"
    if found.figures:
        words = ("agrees", "differs", "undecided", "not measured")
        counts = ((word, sum(each.outcome == word for each in found.figures)) for word in words)
        yield "Figures, A / B: " + ", ".join(f"{count} {_counted(word)}" for word, count in counts if count)
    others = [each for each in found.figures if each.outcome != "agrees"]
    yield from map(_figure, others[:MAX_FIGURES])
    if len(others) > MAX_FIGURES:
        yield f"  and {len(others) - MAX_FIGURES} more"
    for note in found.notes:
        yield f"Note: {plain_text(note, TEXT_LIMIT)}"


def _counted(word: str) -> str:
    return {"agrees": "agree", "differs": "differ"}.get(word, word)


def _side(side: Side, signer: str | None) -> str:
    who = f"signed by {plain_text(signer)}" if signer else "signer not known"
    parts = (plain_text(side.name), side.label or "no label", who, side.machine, (side.identity or "")[:16])
    return ", ".join(part for part in parts if part)


def _figure(each: Reproduced) -> str:
    where = f"{each.concurrency} users{f' ({each.shape})' if each.shape else ''}"
    what = f"  {plain_text(each.entry)} at {where}, {quantity(each.metric).title}: {each.outcome}"
    if each.outcome == "differs" and each.ratio is not None:
        return f"{what}, {ratio_text(each.ratio)} {interval_text(each.ratio)}"
    return f"{what}, {plain_text(each.reason, TEXT_LIMIT)}"
