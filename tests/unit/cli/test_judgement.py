"""A run ends with a verdict, a scorecard and, where others published figures of the machine, the comparison."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kit.cli._shared.judgement import judgement, show_judgement
from tests.support.good_bundle import good_files, run_files
from tests.support.studies import replicated, study, subject

LLAMACPP = {"throughput_tok_s": [350.0, 352.0, 356.0], "decode_tok_s": [88.0, 88.1, 88.5], "error_rate": [0.0] * 3}


def written(files: dict[str, bytes], folder: Path) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def test_a_run_of_yoga_ends_with_the_published_figures() -> None:
    """Throughput beside throughput; decode times users only beside the same product, and the refusal says why."""
    text = judgement(study(replicated("llamacpp", 4, LLAMACPP)))
    assert "- At 4 users: only llamacpp has a valid result, 352.0 tok/s" in text
    assert "contract kit-2" in text
    beside = text.partition("Compared with published figures")[2]
    assert "354.4" in beside
    assert "reproduced" in beside
    assert "not comparable" in beside
    assert "decode speed per user times users" in beside


def test_a_run_ends_with_who_leads_and_with_who_answers_first() -> None:
    """Two verdicts, which may name two entries: one queue has the throughput, the other the first word."""
    slow = {"throughput_tok_s": [80.0, 80.2, 80.4], "ttft_ms.p50": [800.0, 801.0, 803.0]}
    quick = {"throughput_tok_s": [60.0, 60.1, 60.2], "ttft_ms.p50": [100.0, 100.2, 100.3]}
    text = judgement(study(replicated("slow", 4, slow), replicated("quick", 4, quick)))
    assert "- At 4 users: slow, 80.2 tok/s, 1.33" in text
    assert "- At 4 users, TTFT p50: quick, 100.2 ms, 0.13 x slow" in text


def test_a_platform_without_published_figures_ends_with_the_scorecard() -> None:
    """Nothing is compared with nothing."""
    mine = replace(study(subject("llamacpp", 1, throughput_tok_s=80.0)), published=None)
    assert "Beside" not in judgement(mine)
    assert "Scorecard" in judgement(mine)


def test_the_judgement_of_a_run_says_that_it_was_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Verdict first, label last."""
    show_judgement(written(dict(good_files()), tmp_path))
    said = capsys.readouterr()
    assert said.out.startswith("Verdict\n\n- At 1 user: ")
    assert said.out.endswith("Verified: consistent.\n")
    assert said.err == ""


def test_a_run_that_verification_refuses_is_told_and_not_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line what is wrong, one line what to do, and no grade."""
    files = run_files({})
    name = next(name for name in files if name.endswith("texts.jsonl"))
    show_judgement(written({**files, name: files[name] + b'{"id":999,"text":"x"}\n'}, tmp_path))
    said = capsys.readouterr()
    assert said.out == ""
    assert "was rejected by verification" in said.err
    assert "Try: All findings: kit verify" in said.err
