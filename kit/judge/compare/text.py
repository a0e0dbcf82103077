"""A comparison for people: one table a metric, reasons below, in Markdown or for a terminal. Pure.

Names, titles and reasons may come from somebody's file: in Markdown everything is escaped, on a terminal nothing
but printable characters is left.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from tabulate import tabulate

from kit.documents import MedianInterval
from kit.judge.compare.comparison import PASS_AT_1, PRODUCT, Comparison, Line, Side
from kit.judge.compare.quantity import median_interval_text, quantity
from kit.judge.compare.ratio import interval_text, ratio_text
from kit.metrics.limits import AHEAD_ERROR, TIED_ERROR
from kit.metrics.registry import METRICS, Metric
from kit.text import NO_DATA, cell, number, plain_text

TEXT_LIMIT = 500
# A bare address would become a link, a colon inside a word an emoji, a hyphen in front of one a list.
_HARMLESS = re.compile(
    r"(?!.*(?:www|//))\(?[A-Za-z0-9][A-Za-z0-9.,;%/']*(?:-[A-Za-z0-9.,;%/']+)*\)?[.,;:]*", re.IGNORECASE
)
_OF_OTHERS = {
    PRODUCT: Metric(PRODUCT, "decode x users", "tok/s", 1, "higher"),
    PASS_AT_1: Metric(PASS_AT_1, "HumanEval pass@1", "%", 2, "higher"),
}


class Numbered:
    """Reasons by number, in order of their first use: a table has the number, the words stand below."""

    def __init__(self) -> None:
        self.reasons: dict[str, int] = {}

    def mark(self, reason: str) -> str:
        """` (2)`, or nothing where there is no reason."""
        return f" ({self.reasons.setdefault(reason, len(self.reasons) + 1)})" if reason else ""


def markdown_text(text: str) -> str:
    """Words for Markdown, each of them escaped unless it is plainly harmless."""
    return " ".join(w if _HARMLESS.fullmatch(w) else cell(w) for w in plain_text(text, TEXT_LIMIT).split())


def comparison_text(comparison: Comparison, *, markdown: bool = True) -> str:
    """Who is compared, what came out, one table a metric (or published table), reasons and notes."""
    safe = markdown_text if markdown else (lambda text: plain_text(text, TEXT_LIMIT))
    numbered = Numbered()
    published = comparison.b.origin == "published"
    parts = [_header(comparison, safe)]
    heads = _heads(comparison, safe)
    for _, group in groupby(comparison.lines, key=lambda line: (line.table, line.metric)):
        parts.append(_section(list(group), numbered, safe, heads, published=published, markdown=markdown))
    if numbered.reasons:
        parts.append(
            "\n".join(f"({n}) {safe(reason)}" + "  " * markdown for reason, n in numbered.reasons.items())
        )
    if comparison.notes:
        parts.append("\n".join(f"- {safe(note)}" for note in comparison.notes))
    return "\n\n".join(parts) + "\n"


# --- the top ----------------------------------------------------------------------------------------------


def _header(comparison: Comparison, safe: Callable[[str], str]) -> str:
    lines = [f"- A: {_side(comparison.a, safe)}", f"- B: {_side(comparison.b, safe)}"]
    if comparison.two_machines:
        words = f"Two machines ({comparison.two_machines}): a difference may be the machine's, not the runtime's."
        lines = [safe(words), "", *lines]
    same = _no_difference(comparison)
    return "\n".join(
        (*lines, "", *([same, ""] if same else []), verdicts_text(comparison.lines) + _meaning(comparison))
    )


def _side(side: Side, safe: Callable[[str], str]) -> str:
    words = f"{safe(side.name)}, {safe(side.title)}"
    if side.origin == "published":
        return f"{words} (published by others, not verified)"
    if side.origin == "imported":
        return f"{words} (imported, not verifiable)"
    identity = f", {side.identity[:12]}" if side.identity else ""
    words += f", on {safe(side.machine)}" if side.machine else ""
    return f"{words} ({side.label or 'not labelled'}{identity})"


def verdicts_text(lines: Iterable[Line]) -> str:
    """How often each verdict was given, `3 faster, 1 tied`."""
    counts = Counter(line.verdict for line in lines)
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()) or "nothing to compare"


def _no_difference(comparison: Comparison) -> str:
    """That no figure of two runs differs, and by how much each metric at most could; empty where one does."""
    by_metric: dict[str, list[Line]] = {}
    for line in comparison.lines:
        by_metric.setdefault(line.metric, []).append(line)
    bounds = {metric_quantity(path).name: _at_most(of) for path, of in by_metric.items()}
    known = [f"{most} by {name}" for name, most in bounds.items() if most]
    verdicts = {line.verdict for line in comparison.lines}
    if comparison.tolerance is not None or not known or verdicts - {"tied", "undecided"}:
        return ""
    return f"No figure differs. A and B are the same within {', '.join(known)}; more replicates narrow that."


def _at_most(lines: Sequence[Line]) -> str:
    """The largest difference that the intervals of one metric leave possible, `26 %`; empty if one has no end."""
    found = [line.ratio.interval for line in lines if line.ratio and line.ratio.interval]
    if len(found) < len(lines) or not all(each.low > 0 and math.isfinite(each.high) for each in found):
        return ""
    reach = max(max(each.high, 1 / each.low) for each in found)
    return f"{math.ceil((reach - 1) * 100)} %" if math.isfinite(reach) else ""


def _meaning(comparison: Comparison) -> str:
    if comparison.tolerance is None:
        return (
            ". The verdict is about A; all verdicts of one table together err in at most "
            f"{(AHEAD_ERROR + TIED_ERROR) * 100:g} %. Tied: A and B differ by less than "
            f"{comparison.within_percent:g} %."
        )
    share = number(comparison.tolerance * 100, 1).removesuffix(".0")
    return (
        f". Reproduced: A's interval (its median with fewer than three replicates), widened by {share} % on "
        "both sides, contains the published figure."
    )


# --- tables -----------------------------------------------------------------------------------------------


def metric_quantity(metric: str) -> Metric:
    """What a metric of a line is; also for those that only others publish."""
    if metric in _OF_OTHERS:
        return _OF_OTHERS[metric]
    return quantity(metric) if metric in METRICS else Metric(metric, metric.replace("_", " "), "", 1, "neither")


def _heads(comparison: Comparison, safe: Callable[[str], str]) -> tuple[str, str]:
    """What stands over the figures of each side: its machine too, where there are two."""
    if not comparison.two_machines:
        return "A", "B"
    a, b = (safe(side.machine) or "machine not stated" for side in (comparison.a, comparison.b))
    return f"A ({a})", f"B ({b})"


def _section(
    lines: Sequence[Line],
    numbered: Numbered,
    safe: Callable[[str], str],
    heads: tuple[str, str],
    *,
    published: bool,
    markdown: bool,
) -> str:
    what = metric_quantity(lines[0].metric)
    unit = f" ({what.unit})" if what.unit else ""
    place = f"{safe(lines[0].table)}: " if lines[0].table else ""
    title = f"{place}{what.title}{unit}"
    title = f"**{title}**" if markdown else title
    reasons = {(line.verdict, line.reason) for line in lines}
    if published and len(lines) > 1 and len(reasons) == 1 and lines[0].verdict == "not comparable":
        return f"{title}\n\n{len(lines)} figures, not comparable: {safe(lines[0].reason)}."
    body = [_row(line, what, numbered, safe, published=published) for line in lines]
    first = ["published row", "entry"] if published else ["entry"]
    headers = [*first, "users", *heads, "A / B", "verdict"]
    align = (*("left" for _ in first), "right", "right", "right", "right", "left")
    form = "github" if markdown else "simple"
    return f"{title}\n\n{tabulate(body, headers, tablefmt=form, disable_numparse=True, colalign=align)}"


def _row(
    line: Line, what: Metric, numbered: Numbered, safe: Callable[[str], str], *, published: bool
) -> list[str]:
    if published:
        names = [safe(line.row_b), safe(line.entry_a)]
    else:
        same = line.entry_a == line.row_b
        names = [safe(line.entry_a) if same else f"{safe(line.entry_a)} / {safe(line.row_b)}"]
        names[0] += f" ({safe(line.shape)})" if line.shape else ""
    ratio = f"{ratio_text(line.ratio)} {interval_text(line.ratio)}".rstrip() if line.ratio else NO_DATA
    return [
        *names,
        NO_DATA if line.concurrency is None else str(line.concurrency),
        median_interval_text(what, line.a) if line.a else NO_DATA,
        (_as_published(line.b) if published else median_interval_text(what, line.b)) if line.b else NO_DATA,
        ratio,
        line.verdict + numbered.mark(line.reason) + numbered.mark(line.caveat),
    ]


def _as_published(figure: MedianInterval) -> str:
    """With as many digits as its source gave it."""
    return NO_DATA if figure.median is None else f"{figure.median:,.10g}"
