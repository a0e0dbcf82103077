"""kit.report.quality: the tables of an evaluation, in Markdown and on the page."""

from __future__ import annotations

from pathlib import Path

from kit.cli.report import page_inputs
from kit.documents.quality.evaluation import Quality
from kit.judge.open import verified_study
from kit.report.page.report import report_of
from kit.report.quality.quality_text import quality_text
from kit.strict import read_json, typed
from kit.verify.evidence import open_bundle
from tests.support.good_evaluation import evaluated_bundle, evaluated_files


def test_names_and_intervals_are_plain_in_the_tables() -> None:
    """They mean nothing in Markdown, and people read the text as it is."""
    data = evaluated_files()["quality.json"]
    shown = quality_text(typed(Quality, read_json(data, "quality.json"), "quality.json"))
    assert "| llamacpp-serial" in shown
    assert "50.0 % [15.0, 85.0]" in shown
    assert "\\" not in shown


def test_the_contents_of_the_page_lead_to_the_quality() -> None:
    opened = verified_study(open_bundle(evaluated_bundle()), "a run")
    page = report_of(page_inputs([(Path("a.tar.gz"), opened)])).html
    assert '-quality-title">Quality</a>' in page
    assert "tasks of basics, once each" in page
