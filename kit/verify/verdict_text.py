"""A verdict in words for a terminal. Pure: the same verdict, the same text."""

from __future__ import annotations

from collections.abc import Iterator

from kit.documents import Verdict
from kit.text import plain_text

MEANING = {
    "rejected": "a rule that must hold does not, or something that must be there is missing",
    "self-reported": "all that can be recomputed was, and holds; the machine's owner could still have made it up",
    "consistent": "as self-reported, and evidence from outside the load agrees",
}
NOT_CHECKED = (
    "who made it (there are no signatures yet)",
    "telemetry of the machine",
    "token counts by tokenising the texts again",
    "patterns of made-up data",
    "the limits of the hardware",
)
_WORDS = {"reject": "REJECT", "flag": "FLAG", "note": "NOTE"}


def verdict_text(verdict: Verdict) -> str:
    """Label, identity, what was checked, the findings one a line, and what is not checked."""
    return "\n".join(_lines(verdict)) + "\n"


def _lines(verdict: Verdict) -> Iterator[str]:
    yield f"Label: {verdict.label} ({MEANING[verdict.label]})"
    yield f"Identity: {verdict.identity or 'none; only a bundle has one'}"
    things = sum(verdict.checked.values())
    yield f"Checked by kit {verdict.kit_version}: {len(verdict.checked)} rules on {things:,} things"
    for finding in verdict.findings:
        where = plain_text(finding.where, 200)
        yield f"{_WORDS[finding.level]} {finding.rule} {where}: {plain_text(finding.message, 400)}"
    if not verdict.findings:
        yield "No findings."
    yield f"Not checked: {'; '.join(NOT_CHECKED)}."
