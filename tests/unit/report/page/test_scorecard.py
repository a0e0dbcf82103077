"""The scorecard in a report: grades across users, what is doubtful below, hostile words as text."""

from __future__ import annotations

from dataclasses import replace

from kit.documents.study import Study
from kit.report.page.scorecard import scorecard_pieces
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
    html, markdown = scorecard_pieces(study(replicated("llamacpp", 1, GOOD), replicated("llamacpp", 4, GOOD)))
    assert '<th scope="row">llamacpp</th>' in html
    assert '<th scope="col">1</th><th scope="col">4</th>' in html
    assert "Contract kit-1 1.0.0" in html
    assert "class small-cpu" in html or "class gpu-laptop-2gb" in html
    assert "**A" in markdown


def test_a_suspect_cell_has_no_grade_and_says_why() -> None:
    """Withheld, with the reason in the notes."""
    doubted = replace(trial(1, "measured", throughput_tok_s=9.0, error_rate=0.0), suspect=("send lag 9 ms",))
    html, markdown = scorecard_pieces(study(subject("llamacpp", 4, doubted)))
    assert "withheld" in html
    assert "send lag 9 ms" in html
    assert "send lag 9 ms" in markdown


def test_imported_results_are_scored_by_the_contract_of_their_tool() -> None:
    """They name no machine, so ours has no thresholds for them."""
    html, markdown = scorecard_pieces(imported())
    assert "Contract probador-2.0" in html
    assert "these figures cannot be verified" in markdown


def test_markdown_has_no_headings_of_its_own() -> None:
    """It stands below a heading of the report."""
    _, markdown = scorecard_pieces(study(replicated("llamacpp", 1, GOOD)))
    assert not any(line.startswith("#") for line in markdown.splitlines())


def test_hostile_words_stay_text() -> None:
    """In the reason of a failure, which a server may have written."""
    lost = replace(trial(1, "failed"), reason=HOSTILE)
    html, _ = scorecard_pieces(study(subject("llamacpp", 4, lost)))
    assert "<img" not in html
    assert "</script>" not in html
    assert "&lt;img" in html
