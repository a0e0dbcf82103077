"""Many verdicts for people: how many of each label, a line for each bundle, and why any was rejected. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tabulate import tabulate

from kit.documents import Finding
from kit.judge.batch.documents import Predicate, Verdicts
from kit.judge.reproduction_text import reproduction_text
from kit.text import plain_text
from kit.verify.verdict_text import signature_text

LEVELS = ("reject", "flag", "note")
LABELS = ("consistent", "self-reported", "rejected")
MAX_NAME_CHARS, MAX_RULES = 120, 3


def verdicts_text(found: Verdicts) -> str:
    """The summary of a document of verdicts, with a line feed at the end."""
    return "\n".join(_lines(found)) + "\n"


def label_lines(found: Verdicts) -> str:
    """For scripts: label and name, one bundle a line."""
    return "".join(f"{each.label}\t{_name(each)}\n" for each in _predicates(found))


def is_all_accepted(found: Verdicts) -> bool:
    """Whether none was rejected, nor signed in a way that is worse than not at all."""
    return all(each.label != "rejected" and not _is_forged(each) for each in _predicates(found))


def signer_of(each: Predicate) -> str | None:
    """The name of the allowed signer; None where nobody knows."""
    return each.signature.name if each.signature and each.signature.outcome == "known" else None


def _is_forged(each: Predicate) -> bool:
    return each.signature is not None and each.signature.outcome in ("bad", "revoked")


def _predicates(found: Verdicts) -> list[Predicate]:
    return [each.predicate for each in found.statements]


def _lines(found: Verdicts) -> Iterator[str]:
    predicates = _predicates(found)
    if predicates:
        asked = any(each.signature for each in predicates)
        rows = [
            (_name(each), each.label, *([_signer(each)] * asked), *_findings(each.findings)) for each in predicates
        ]
        heads = ("bundle", "label", *(["signer"] * asked), "findings", "rules")
        yield tabulate(rows, headers=heads, tablefmt="simple", disable_numparse=True)
        yield ""
    for each in predicates:
        first = next((finding for finding in each.findings if finding.level == "reject"), None)
        if first is not None:
            words = f"{plain_text(first.where, 200)}: {plain_text(first.message, 400)}"
            yield f"REJECT {_name(each)}: {first.rule} {words}"
    for each in filter(_is_forged, predicates):
        assert each.signature is not None
        yield f"SIGNATURE {_name(each)}: {signature_text(each.signature)}"
    yield from (f"Passed over, a symbolic link: {plain_text(name, MAX_NAME_CHARS)}" for name in found.passed_over)
    yield _counts(found, predicates)
    if found.reproduction is not None:
        yield ""
        yield reproduction_text(found.reproduction).rstrip("\n")


def _counts(found: Verdicts, predicates: Sequence[Predicate]) -> str:
    counts = Counter[str](each.label for each in predicates)
    labels = ", ".join(f"{counts[label]} {label}" for label in LABELS if counts[label])
    part = (
        f" (part {found.shard.index} of {found.shard.of}, of {found.whole.count} bundles)" if found.shard else ""
    )
    bundles = f"{len(predicates)} bundle{'' if len(predicates) == 1 else 's'}"
    return f"{bundles}{part}: {labels}" if labels else f"{bundles}{part}"


def _findings(findings: Sequence[Finding]) -> tuple[str, str]:
    """How many of each level, and the gravest rules; they stand first in a verdict."""
    counts = Counter[str](finding.level for finding in findings)
    words = [f"{counts[level]} {level}{'' if counts[level] == 1 else 's'}" for level in LEVELS]
    shown = ", ".join(word for word in words if not word.startswith("0 "))
    rules = list(dict.fromkeys(finding.rule for finding in findings if finding.level != "note"))
    more = f" and {len(rules) - MAX_RULES} more" if len(rules) > MAX_RULES else ""
    return shown or "none", ", ".join(rules[:MAX_RULES]) + more


def _signer(each: Predicate) -> str:
    """Who signed, or what the signature is worth."""
    if each.signature is None:
        return ""
    words = {"unknown": "not known", "missing": "none"}
    known = plain_text(each.signature.name or "", MAX_NAME_CHARS)
    return (
        known
        if each.signature.outcome == "known"
        else words.get(each.signature.outcome, each.signature.outcome.upper())
    )


def _name(each: Predicate) -> str:
    return plain_text(each.name, MAX_NAME_CHARS)
