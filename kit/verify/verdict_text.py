"""A verdict in words for a terminal. Pure: the same verdict, the same text."""

from __future__ import annotations

from collections.abc import Iterator

from kit.documents import Signature, Verdict
from kit.text import plain_text

CHALLENGE = "plan.challenge"  # counts only where the plan has one
OWN_WEIGHTS = "model.catalogue"  # stands beside the label: who reads the figures has to know what they are of
MAX_NAME_CHARS = 120
MEANING = {
    "rejected": "a required rule failed or a required file is missing",
    "self-reported": "everything that can be recomputed is right; the records themselves could still be forged",
    "consistent": "as self-reported, with agreeing evidence from outside the load",
}
WHO = "who made it (kit verify --signers)"
NOT_CHECKED = (
    WHO,
    "token counts, by tokenising the texts",
    "that the machine named made these records (docs/trust.md)",
)
FLAGGED = "it has a flag"
UNWATCHED = "telemetry does not cover every measured cell from start to end"
BEST_OF_MANY = (
    "No challenge: the seed was known before, so this may be the best of many runs (kit reproduce --challenge)."
)
_WORDS = {"reject": "REJECT", "flag": "FLAG", "note": "NOTE"}


def verdict_text(verdict: Verdict) -> str:
    """Label, identity, what was checked, the findings one a line, and what is not checked."""
    return "\n".join(_lines(verdict)) + "\n"


def rejection(verdict: Verdict) -> str:
    """What stands above figures that verification rejects: its first finding, and how many there are."""
    first = verdict.findings[0]
    more = f" (and {len(verdict.findings) - 1} more)" if len(verdict.findings) > 1 else ""
    words = f"{first.rule} {plain_text(first.where, 200)}: {plain_text(first.message, 400)}{more}"
    return f"Rejected by verification, so these figures prove nothing: {words}"


def label_text(verdict: Verdict) -> str:
    """The label, and who signed: "self-reported, signed by ann". A signature changes no label."""
    signature = verdict.signature
    if verdict.label == "rejected" or signature is None or signature.outcome != "known":
        return verdict.label
    return f"{verdict.label}, signed by {plain_text(signature.name or '', MAX_NAME_CHARS)}"


def signature_text(signature: Signature) -> str:
    """What a signature is worth, in one line that never says "true"."""
    if signature.outcome == "known":
        name = plain_text(signature.name or "", MAX_NAME_CHARS)
        return f"{name}, {_key_text(signature)}: who stands behind it, not that it is true"
    why = plain_text(signature.why or "", 200)
    words = {
        "unknown": f"by an unknown key: {why} ({_key_text(signature)})",
        "revoked": f"REVOKED: {why} ({_key_text(signature)})",
        "bad": f"BAD: {why}",
        "missing": f"none: {why}",
    }
    return words[signature.outcome]


def _key_text(signature: Signature) -> str:
    return f"key {signature.fingerprint} ({signature.key_type})"


def label_line(verdict: Verdict) -> str:
    """The label in one line, with the first finding of a rejected run; a line more for weights of no catalogue."""
    line = f"Label: {verdict.label} ({MEANING[verdict.label]})"
    if verdict.label == "rejected" and verdict.findings:
        first = verdict.findings[0]
        line += f": {first.rule}: {plain_text(first.where, 200)}: {plain_text(first.message, 400)}"
    own = [each for each in verdict.findings if each.rule == OWN_WEIGHTS]
    return "\n".join([line, *(f"{plain_text(each.where, 200)}: {plain_text(each.message, 400)}" for each in own)])


def _open_point(verdict: Verdict) -> str:
    """What keeps an accepted bundle from the better label: a flag, or else telemetry that is missing or short."""
    return FLAGGED if any(each.level == "flag" for each in verdict.findings) else UNWATCHED


def _lines(verdict: Verdict) -> Iterator[str]:
    yield f"Label: {label_text(verdict)} ({MEANING[verdict.label]})"
    yield f"Identity: {verdict.identity or 'none; only a bundle has one'}"
    things = sum(verdict.checked.values())
    if verdict.signature is not None:
        yield f"Signature: {signature_text(verdict.signature)}"
    checks = f"{things:,} {'check' if things == 1 else 'checks'}"
    yield f"Checked by kit {verdict.kit_version}: {len(verdict.checked)} rules, {checks}"
    for finding in verdict.findings:
        where = plain_text(finding.where, 200)
        yield f"{_WORDS[finding.level]} {finding.rule} {where}: {plain_text(finding.message, 400)}"
    if not verdict.findings:
        yield "No findings."
    if verdict.label == "self-reported":
        yield f"Not consistent: {_open_point(verdict)} (docs/rules.md#labels)."
    if verdict.label != "rejected" and not verdict.checked.get(CHALLENGE):
        yield BEST_OF_MANY
    asked = verdict.signature is not None and verdict.signature.outcome != "missing"
    yield f"Not checked: {'; '.join(each for each in NOT_CHECKED if not (asked and each == WHO))}."
