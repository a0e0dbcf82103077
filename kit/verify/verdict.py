"""From evidence to a verdict: it starts from "refused"; a label is earned when all rules ran and none rejected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kit import __version__
from kit.documents import Cell, Finding, Verdict
from kit.text import plain_text
from kit.verify.evidence import Evidence
from kit.verify.registry import CRASHED, LIMIT, NOT_RUN, NOTHING_CHECKED, RULES
from kit.verify.rule import Issue, Rule
from kit.verify.views import found_cells, loaded_cells

MAX_FINDINGS_PER_RULE = 50
MAX_WHERE_CHARS = 200
MAX_MESSAGE_CHARS = 400
_GRAVEST_FIRST = ("reject", "flag", "note")
# The label "consistent" needs each of these to have looked at every measured cell, and to have nothing to say.
TELEMETRY_RULES = ("telemetry.present", "telemetry.recomputed", "telemetry.plausible")
NO_MEMORY = "Judging it needs more memory than there is."
REPLAYED = "attempts.replayed"  # has nothing to look at where no cell was taken twice, but must have run


@dataclass(frozen=True, slots=True)
class _Ran:
    """One rule that ran to its end (or crashed): its findings and how many things it looked at."""

    rule: Rule
    findings: tuple[Finding, ...]
    checked: int
    ended: bool


def verify(evidence: Evidence, rules: Sequence[Rule] = RULES) -> Verdict:
    """The verdict on some evidence: same evidence and same kit, same verdict. Nothing is raised."""
    ran = [_run(rule, evidence) for rule in rules]
    findings = [finding for one in ran for finding in one.findings]
    findings += _missing([one.rule.id for one in ran if one.ended])
    findings += _something_checked(evidence)
    checked = {one.rule.id: one.checked for one in ran if one.ended}
    return _verdict(evidence.identity, findings, checked, consistent=_corroborated(evidence, findings, checked))


def verify_opened(open_: Callable[[], Evidence], no_memory: str = NO_MEMORY) -> Verdict:
    """The verdict on what `open_` gives; if it crashes, that is the verdict."""
    try:
        return verify(open_())
    except MemoryError:
        return refusal(LIMIT, no_memory)
    except Exception as error:  # whatever it is, it must end in a refusal and not in a traceback
        return refusal(CRASHED, f"The evidence cannot be opened: {type(error).__name__}.")


def refusal(id_: str, words: str) -> Verdict:
    """The verdict on what could not be judged, and why."""
    return _verdict(None, [_finding(id_, "reject", Issue("the whole", words))], {})


def _verdict(
    identity: str | None, findings: list[Finding], checked: dict[str, int], *, consistent: bool = False
) -> Verdict:
    refused = any(finding.level == "reject" for finding in findings)
    return Verdict(
        schema="kit/verdict/1",
        kit_version=__version__,
        identity=identity,
        label="rejected" if refused else "consistent" if consistent else "self-reported",
        findings=tuple(sorted(findings, key=lambda finding: _GRAVEST_FIRST.index(finding.level))),
        checked=dict(sorted(checked.items())),
    )


def _corroborated(evidence: Evidence, findings: Sequence[Finding], checked: Mapping[str, int]) -> bool:
    """Whether telemetry of every measured cell agrees and nothing is open: what lacks evidence never has it.

    An attempt that was set aside was disturbed, or it would count: that is in order, and the cell that counts is
    looked at.
    """
    measured = [found for found in found_cells(evidence) if found.measured]
    agreed = all(checked.get(rule, 0) >= len(measured) for rule in TELEMETRY_RULES) and REPLAYED in checked
    doubted = any(each.level != "note" or each.rule in (*TELEMETRY_RULES, REPLAYED) for each in findings)
    counting = [found.cell for found in measured if found.attempt is None]
    return bool(counting) and agreed and not doubted and all(map(_was_watched, counting))


def _was_watched(cell: Cell) -> bool:
    """Whether telemetry went on to the end of the load, and saw nothing else that took the machine."""
    facts = cell.telemetry
    return facts is not None and facts.summary is not None and facts.ended == "stopped" and not facts.disturbed


def _run(rule: Rule, evidence: Evidence) -> _Ran:
    if rule.bundles_only and evidence.source != "bundle":
        words = "Not applicable: this is a run folder, not a bundle."
        return _Ran(rule, (_finding(rule.id, "note", Issue("the whole", words)),), 0, ended=True)
    checked, more = 0, 0
    found: list[Finding] = []
    try:
        for step in rule.check(evidence):
            if isinstance(step, int):
                checked += step
            elif len(found) < MAX_FINDINGS_PER_RULE:
                found.append(_finding(rule.id, rule.level, step))
            else:
                more += 1
    except MemoryError:
        raise  # of the whole, and no rule's fault
    except Exception as error:  # a rule that crashes has not held
        words = f"The rule {rule.id} failed on this evidence: {type(error).__name__}."
        crash = _finding(CRASHED, "reject", Issue(rule.id, words))
        return _Ran(rule, (*found, crash), checked, ended=False)
    if more:
        found.append(_finding(rule.id, rule.level, Issue("the whole", f"and {more} more like these")))
    return _Ran(rule, tuple(found), checked, ended=True)


def _finding(rule_id: str, level: str, issue: Issue) -> Finding:
    return Finding(
        rule=rule_id,
        level="reject" if level == "reject" else "flag" if level == "flag" else "note",
        where=plain_text(issue.where, MAX_WHERE_CHARS),
        message=plain_text(issue.message, MAX_MESSAGE_CHARS),
    )


def _missing(ended: Sequence[str]) -> Iterator[Finding]:
    for rule in RULES:
        if rule.id not in ended:
            yield _finding(NOT_RUN, "reject", Issue(rule.id, "This rule did not run to its end."))


def _something_checked(evidence: Evidence) -> Iterator[Finding]:
    loads = (loaded for loaded in loaded_cells(evidence) if loaded.found.attempt is None)
    if not evidence.evals.scored and not any(loaded.found.measured and loaded.records for loaded in loads):
        words = "No measured cell with records: nothing to check."
        yield _finding(NOTHING_CHECKED, "reject", Issue("the whole", words))
