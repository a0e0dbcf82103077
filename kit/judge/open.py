"""From what people give to what judgement looks at: runs and bundles, verified first, and imported results.

Figures come from the records alone. What verification refuses is not judged at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256

from kit.documents import Finding, Plan, Record, Result, Slo
from kit.documents.study import Study
from kit.errors import InputError, KitError
from kit.evaluation.scoring import quality_of
from kit.judge.quality import is_evaluation, with_evaluations
from kit.judge.study import Label, study_of_run
from kit.judge.trial_figures import CellParts
from kit.storage.names import RESULT
from kit.strict import read_json, typed
from kit.strict.schema import check
from kit.text import plain_text
from kit.verify.evidence import Evidence
from kit.verify.recompute import recomputed_result
from kit.verify.verdict import verify

PROBADOR = {"total_requests", "runs", "levels"}  # one of these stands in every file of its `llm` commands


class RefusedError(KitError):
    """A negative answer: verification refused what was to be judged."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class OpenedStudy:
    """A study, and the evidence that it was made from; None for what was imported. `flags` need review.

    `notes` counts the findings that are no more than notes.
    """

    study: Study
    plan: Plan | None = None
    result: Result | None = None
    evidence: Evidence | None = None
    flags: tuple[Finding, ...] = ()
    notes: int = 0

    def records(self, cell: str) -> tuple[Record, ...]:
        """The records of a cell; none where there are none."""
        files = self.evidence.cells.get(cell) if self.evidence else None
        return (files.records or ()) if files else ()


def require_verified(opened: Iterable[OpenedStudy], what: str) -> None:
    """`RefusedError` if figures are among them that nobody can verify: they decide nothing."""
    for each in opened:
        if each.study.origin == "imported":
            raise RefusedError(
                f"{plain_text(each.study.name)} is imported: without records nobody can verify it, so {what}.",
                "Give runs or bundles only. `kit score` and `kit compare` show imported results, marked as such.",
            )


def verified_study(evidence: Evidence, name: str, slo: Slo | None = None) -> OpenedStudy:
    """A run or a bundle called `name`, verified; with `slo` its goodput stands among the figures.

    `RefusedError` if verification refuses it, `InputError` if it cannot be read.
    """
    try:
        plan, result = recomputed_result(evidence, slo)
    except InputError as error:
        raise InputError(f"{name}: {error.what}", error.remedy, error.detail) from None
    verdict = verify(evidence)
    if verdict.label == "rejected":
        first = verdict.findings[0]
        raise RefusedError(
            f"{name} was rejected by verification ({first.rule}: {first.where}: {first.message}).",
            f"All findings: kit verify {name}",
        )
    study = study_of(plan, result, evidence, verdict.label)
    flags = tuple(finding for finding in verdict.findings if finding.level == "flag")
    notes = sum(finding.level == "note" for finding in verdict.findings)
    return OpenedStudy(study, plan, result, evidence, flags, notes)


def study_of(plan: Plan, result: Result, evidence: Evidence, label: Label | None = None) -> Study:
    """The study of a run as its recomputed result and its evidence give it; `label` is what verification said."""
    parts = {
        cell: CellParts(files.cell, files.records or (), files.checks or ())
        for cell, files in evidence.cells.items()
    }
    # two runs of one plan have the same plan.json, but other figures
    identity = evidence.identity or sha256(evidence.files.get(RESULT, b"")).hexdigest()
    asked = {name: files.asked for name, files in evidence.evals.rounds.items()}
    rounds = {name: each for name, each in asked.items() if each is not None}
    quality = quality_of(plan, "", rounds)  # of the study only what was counted
    return study_of_run(plan, result, parts, identity, label, evidence.host, quality)


def beside_evaluations(opened: list[OpenedStudy]) -> list[OpenedStudy]:
    """Runs with what evaluations among these found of the same entries with the same weights; those leave then."""
    runs = [each for each in opened if not is_evaluation(each.study)]
    if not runs:
        return opened
    found = with_evaluations([each.study for each in opened])
    return [replace(each, study=study) for each, study in zip(runs, found, strict=True)]


def imported_study(data: bytes, where: str) -> OpenedStudy:
    """Imported results (`kit import`), the JSON document of a study; `InputError` with the place if it is none."""
    value = read_json(data, where)
    if isinstance(value, dict) and "schema" not in value and value.keys() & PROBADOR:
        raise InputError(f"{where} is a raw result of probador.", f"Import it first: kit import probador {where}")
    check(value, "study", where)
    study = typed(Study, value, where)
    if study.origin != "imported":
        # the figures of a run come from its records, never from a document that says what they are
        raise InputError(f"{where} claims to be a run of the kit.", "Give the run folder or its bundle instead.")
    if study.label is not None:
        raise InputError(
            f"{where} claims the label {study.label}, which only verification gives.",
            "Import the original results again.",
        )
    # what it calls itself is its own word: it is known by its bytes, and its figures are not by the kit's method
    conditions = replace(study.conditions, method="probador")
    return OpenedStudy(replace(study, identity=sha256(data).hexdigest(), conditions=conditions))
