"""Evaluations in bundles: an honest one passes, and what cannot be of answers, programs and verdicts is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.evaluation.rounds import rounds_of
from kit.storage.bundle import pack_files
from kit.verify.evaluation import asking, scoring
from kit.verify.evaluation.computed import quality_in
from kit.verify.evidence import open_bundle, open_run
from kit.verify.verdict import verify
from tests.support.good_bundle import Files, good_bundle
from tests.support.good_evaluation import (
    FOUND,
    Changes,
    answer_fields,
    changed_evaluation,
    evaluated_bundle,
    evaluated_files,
    evaluated_plan,
)

LEVELS = {rule.id: rule.level for rule in (*asking.RULES, *scoring.RULES)}
NOTES = {"eval.cut"}  # one of four answers is cut, and says so


def test_an_honest_evaluation_passes_every_rule() -> None:
    """Beside its cells, which stay consistent; each rule has looked at all there is."""
    verdict = verify(open_bundle(evaluated_bundle()))
    assert {finding.rule for finding in verdict.findings} == NOTES
    assert verdict.label == "consistent"
    assert verdict.checked["eval.tasks"] == 4
    assert verdict.checked["eval.answers"] == verdict.checked["eval.verdicts"] == 4 * 4
    assert verdict.checked["eval.programs"] == 4 * 4
    assert verdict.checked["eval.rounds"] == verdict.checked["eval.score"] == 4


def test_an_evaluation_alone_is_self_reported() -> None:
    """No cell was measured, so nothing corroborates it; but there is something to check."""
    verdict = verify(open_bundle(pack_files(evaluated_files(alone=True)).data))
    assert {finding.rule for finding in verdict.findings if finding.level != "note"} <= {"plan.platform"}
    assert verdict.label == "self-reported"


def test_runs_without_an_evaluation_have_nothing_of_it() -> None:
    """The rules ran, on nothing; no finding of theirs is new."""
    verdict = verify(open_bundle(good_bundle()))
    assert {name: count for name, count in verdict.checked.items() if name.startswith("eval.")} == dict.fromkeys(
        LEVELS, 0
    )
    assert quality_in(open_bundle(good_bundle())) is None


@pytest.mark.parametrize(("rule", "what", "changes"), FOUND, ids=[f"{each[0]}: {each[1]}" for each in FOUND])
def test_what_cannot_be_is_found_by_its_rule(rule: str, what: str, changes: Changes) -> None:
    """A rule that rejects refuses the bundle; what was done is in its words or place."""
    verdict = verify(open_bundle(changed_evaluation(changes)))
    found = [finding for finding in verdict.findings if finding.rule == rule]
    assert found, what
    assert not any(finding.rule == "verifier.crashed" for finding in verdict.findings)
    if LEVELS[rule] == "reject":
        assert verdict.label == "rejected"


def test_quality_is_computed_anew_from_the_verdicts() -> None:
    """Two of four, with an interval, cut answers and pairs."""
    quality = quality_in(open_run(evaluated_files()))
    assert quality is not None
    row = quality.rows[0]
    assert row.score is not None
    assert (row.score.passed, row.score.tasks, row.score.cut) == (2, 4, 1)
    assert row.score.by_status == {"failed": 1, "no program": 1, "passed": 2}
    assert (row.score.pass_at_1.share, row.score.cut_share) == (0.5, 0.25)
    pair = quality.pairs[0]
    assert (pair.low, pair.high, pair.both, pair.neither, pair.same_text, pair.p_value) == (1, 2, 2, 2, 4, 1.0)


def test_a_round_that_was_interrupted_is_flagged_and_no_reason_to_refuse() -> None:
    """What there is of it is in order."""

    def without_verdicts(files: Files) -> None:
        for name in [each for each in files if each.endswith("-c2/verdicts.jsonl")][-1:]:
            del files[name]

    changes = Changes(
        round=lambda made: replace(made, status="interrupted", score=None, sandbox=None, verdicts_sha256=None),
        files=without_verdicts,
    )
    verdict = verify(open_bundle(changed_evaluation(changes)))
    assert {finding.rule for finding in verdict.findings if finding.level != "note"} == {"eval.complete"}
    assert verdict.label == "self-reported"


def test_an_answer_that_was_shortened_afterwards_is_refused() -> None:
    """Its program is another one then, whatever the hashes say."""
    files = evaluated_files(answer_fields(0, text="```python\ndef add(a, b):\n    return 5\n```"))
    last = rounds_of(evaluated_plan())[-1].file("verdicts.jsonl")
    files[last] = evaluated_files()[last]
    verdict = verify(open_bundle(pack_files(files).data))
    assert "eval.programs" in {finding.rule for finding in verdict.findings}
