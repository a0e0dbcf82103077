"""The quality of a run or bundle, computed anew from the lines of its rounds."""

from __future__ import annotations

from hashlib import sha256

from kit.documents.quality.evaluation import Quality
from kit.evaluation.scoring import quality_of
from kit.storage.names import PLAN
from kit.verify.evidence import Evidence


def quality_in(evidence: Evidence) -> Quality | None:
    """What the rounds come to; None without an evaluation, and where a round that is done has no verdicts."""
    if evidence.plan is None:
        return None
    asked = {name: found for name, files in evidence.evals.rounds.items() if (found := files.asked) is not None}
    if any(each.round.status == "done" and not (each.answers and each.verdicts) for each in asked.values()):
        return None
    return quality_of(evidence.plan, sha256(evidence.files.get(PLAN, b"")).hexdigest(), asked)
