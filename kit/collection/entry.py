"""From the bytes of one archive to its line in the index. Pure; everything comes from the bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from kit.collection.layout import machine_slug
from kit.documents.index import IndexCard, IndexEntry, IndexFindings, IndexMachine
from kit.documents.study import Study, Subject
from kit.judge.machines import machine_text
from kit.judge.open import OpenedStudy, verified_study
from kit.judge.score import load_contract, scorecard
from kit.judge.score.contract import Contract
from kit.judge.shapes import label_of, shapes_of
from kit.judge.study import is_lower_bound, median_interval_of, suspicions_of
from kit.storage.names import PLAN
from kit.text import plain_text
from kit.verify.evidence import Evidence, open_bundle

CONTRACT = "kit-2"
MAX_REASON_CHARS = 200


@dataclass(frozen=True, slots=True)
class OpenedBundle:
    """A bundle that verification accepts, and its line in the index as far as it alone says it."""

    entry: IndexEntry
    opened: OpenedStudy
    evidence: Evidence


def opened_bundle(archive: bytes, path: str) -> OpenedBundle:
    """A bundle verified, with its line in the index; unsigned, and reproduced by nobody, as far as it knows.

    `RefusedError` if verification refuses it, `InputError` if it cannot be read.
    """
    opened = verified_study(open_bundle(archive), path)
    study, plan, evidence = opened.study, opened.plan, opened.evidence
    assert plan is not None
    assert evidence is not None
    assert evidence.identity is not None
    assert study.label is not None
    parts, contract = shapes_of(study), load_contract(CONTRACT)
    started = [files.cell.started_utc for files in evidence.cells.values() if files.cell is not None]
    started += [evidence.calibration.started_utc] if evidence.calibration is not None else []
    entry = IndexEntry(
        path=path,
        identity=evidence.identity,
        sha256=sha256(archive).hexdigest(),
        size_bytes=len(archive),
        platform=plan.platform,
        title=plan.title,
        plan_sha256=sha256(evidence.files[PLAN]).hexdigest(),
        machine=IndexMachine(machine_slug(study.machine), machine_text(study), study.machine),
        label=study.label,
        signer=None,
        challenge=getattr(plan, "challenge", None),
        started_utc=min(started, default=None),
        kit_version=plan.kit_version,
        cards=tuple(card for part in parts for card in _cards(part, contract)),
        findings=IndexFindings(len(opened.flags), opened.notes),
        reproduced_by=(),
    )
    return OpenedBundle(entry, opened, evidence)


def _cards(part: Study, contract: Contract) -> list[IndexCard]:
    """Those of one kind of request."""
    grades = {(card.entry, card.concurrency): card.grade for card in scorecard([part], contract).cards}
    shape = label_of(part)
    return [_card(subject, grades, shape) for subject in part.subjects]


def _card(subject: Subject, grades: Mapping[tuple[str, int], str | None], shape: str) -> IndexCard:
    measured = sum(trial.status == "measured" for trial in subject.trials)
    whole = measured == len(subject.trials)
    reasons = (trial.reason or trial.status for trial in subject.trials if trial.status != "measured")

    def median(path: str) -> float | None:
        return median_interval_of(subject, path).median

    return IndexCard(
        entry=subject.entry,
        runtime=subject.runtime,
        variant=subject.variant,
        model=subject.model,
        users=subject.concurrency,
        status="measured" if whole else "incomplete" if measured else "failed",
        replicates=len(subject.trials),
        measured=measured,
        throughput_tok_s=median("throughput_tok_s"),
        ttft_p50_ms=median("ttft_ms.p50"),
        itl_p50_ms=median("itl_ms.p50"),
        error_rate=median("error_rate"),
        grade=grades.get((subject.entry, subject.concurrency)),
        suspect=suspicions_of(subject),
        at_least=is_lower_bound(subject, "throughput_tok_s"),
        reason="" if whole else plain_text(next(reasons, ""), MAX_REASON_CHARS),
        shape=shape,
    )
