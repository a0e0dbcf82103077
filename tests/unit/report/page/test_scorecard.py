"""The scorecard in a report: grades across users, what is doubtful below, hostile words as text."""

from __future__ import annotations

from dataclasses import replace

from kit.documents.study import Study
from kit.report.page.inputs import PageInput
from kit.report.page.report import report_of
from kit.report.page.scorecard import scorecard_part
from tests.support.pages import HOSTILE
from tests.support.studies import replicated, study, subject, trial

GOOD = {
    "decode_tok_s": [150.0, 151.0, 152.0],
    "throughput_tok_s": [560.0, 561.0, 562.0],
    "ttft_ms.p50": [40.0, 41.0, 42.0],
    "ttft_ms.p99": [80.0, 81.0, 82.0],
    "itl_ms.p99": [8.0, 8.0, 8.0],
    "error_rate": [0.0, 0.0, 0.0],
}


def imported() -> Study:
    made = study(subject("vllm", 4, throughput_tok_s=98.5), hardware=None)
    return replace(made, origin="imported", label=None)


def test_each_entry_has_a_grade_at_each_number_of_users() -> None:
    """With its score; the contract and the class of thresholds stand below."""
    found = scorecard_part(study(replicated("llamacpp", 1, GOOD), replicated("llamacpp", 4, GOOD)))
    ((entry, grades),) = found.table.rows
    assert (entry, found.table.levels, len(grades)) == ("llamacpp", (1, 4), 2)
    assert all(each.value.startswith("A") and each.beside for each in grades)
    assert "Contract kit-2 2.0.0" in found.contract
    assert "class small-cpu" in found.contract or "class gpu-laptop-2gb" in found.contract
    assert "**A" in found.markdown


def test_a_suspect_cell_has_no_grade_and_says_why() -> None:
    """Withheld, with the reason in the notes."""
    doubted = replace(trial(1, "measured", throughput_tok_s=9.0, error_rate=0.0), suspect=("send lag 9 ms",))
    found = scorecard_part(study(subject("llamacpp", 4, doubted)))
    assert found.table.rows[0][1][0].value == "withheld"
    assert "send lag 9 ms" in " ".join(found.notes)
    assert "send lag 9 ms" in found.markdown


def test_imported_results_are_scored_by_the_contract_of_their_tool() -> None:
    """They name no machine, so ours has no thresholds for them."""
    found = scorecard_part(imported())
    assert "Contract probador-2.0" in found.contract
    assert "these figures cannot be verified" in found.markdown


def test_markdown_has_no_headings_of_its_own() -> None:
    """It is below a heading of the report."""
    found = scorecard_part(study(replicated("llamacpp", 1, GOOD)))
    assert not any(line.startswith("#") for line in found.markdown.splitlines())


def test_hostile_words_stay_text() -> None:
    """In the reason of a failure, which a server may have written."""
    lost = replace(trial(1, "failed"), reason=HOSTILE)
    made = study(subject("llamacpp", 4, lost))
    html = report_of([PageInput(made, "x", "run", scorecard=scorecard_part(made))]).html
    section = html.partition("Scorecard</h2>")[2].partition("</section>")[0]
    assert "<img" not in section
    assert "&lt;img" in section
