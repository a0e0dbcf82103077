"""A verdict in words for a terminal. Pure: the same verdict, the same text."""

from __future__ import annotations

from collections.abc import Iterator

from kit.documents import Verdict
from kit.text import plain_text

MEANING = {
    "rejected": "a required rule failed or a required file is missing",
    "self-reported": "everything that can be recomputed is right; the records themselves could still be forged",
    "consistent": "as self-reported, with agreeing evidence from outside the load",
}
NOT_CHECKED = (
    "who made it (no signatures yet)",
    "telemetry",
    "token counts, by tokenising the texts",
    "patterns of forged data",
    "limits of the hardware",
)
_WORDS = {"reject": "REJECT", "flag": "FLAG", "note": "NOTE"}


def verdict_text(verdict: Verdict) -> str:
    """Label, identity, what was checked, the findings one a line, and what is not checked."""
    return "\n".join(_lines(verdict)) + "\n"


def label_line(verdict: Verdict) -> str:
    """The label in one line, with the first finding of a rejected run."""
    line = f"Label: {verdict.label} ({MEANING[verdict.label]})"
    if verdict.label == "rejected" and verdict.findings:
        first = verdict.findings[0]
        line += f": {first.rule}: {plain_text(first.where, 200)}: {plain_text(first.message, 400)}"
    return line


def _lines(verdict: Verdict) -> Iterator[str]:
    yield f"Label: {verdict.label} ({MEANING[verdict.label]})"
    yield f"Identity: {verdict.identity or 'none; only a bundle has one'}"
    things = sum(verdict.checked.values())
    yield f"Checked by kit {verdict.kit_version}: {len(verdict.checked)} rules, {things:,} checks"
    for finding in verdict.findings:
        where = plain_text(finding.where, 200)
        yield f"{_WORDS[finding.level]} {finding.rule} {where}: {plain_text(finding.message, 400)}"
    if not verdict.findings:
        yield "No findings."
    yield f"Not checked: {'; '.join(NOT_CHECKED)}."
