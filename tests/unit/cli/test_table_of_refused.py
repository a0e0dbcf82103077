"""kit table: figures that verification rejects are never shown without its words and another exit code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kit import cli
from tests.support.forge import changed, in_result
from tests.support.good_bundle import good_bundle


@pytest.fixture
def refused(tmp_path: Path) -> Path:
    """A bundle whose headline was edited."""
    path = tmp_path / "refused.tar.gz"
    path.write_bytes(changed(in_result(lambda result: replace(result, kit_version="9.9.9"))))
    return path


def test_the_table_begins_with_the_rejection(refused: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["table", str(refused)]) == 1
    first, second, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith(
        "Rejected by verification, so these figures prove nothing: metrics.result result.json: "
    )
    assert second == f"All findings: kit verify {refused}"
    assert any("llamacpp-batched" in line for line in rest)


def test_the_document_is_pure_and_the_rejection_stands_beside_it(
    refused: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["table", "--json", str(refused)]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["schema"] == "kit/result/1"
    assert shown.err.startswith("Rejected by verification")


def test_the_differences_are_no_exception(refused: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["table", "--differences", str(refused)]) == 1
    assert capsys.readouterr().out.startswith("Rejected by verification")


def test_accepted_figures_stand_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "good.tar.gz"
    path.write_bytes(good_bundle())
    assert cli.run(["table", str(path)]) == 0
    assert "Rejected" not in capsys.readouterr().out
