"""Attack A1 and A6: files without a record that call themselves good, and tables of what verification refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kit import cli
from kit.documents.study import Study
from kit.judge.claims import FigureReference, check_claims, read_claims
from kit.judge.open import imported_study
from kit.strict import plain, write_json
from tests.support.forge import BATCHED, changed, path, raw
from tests.support.good_bundle import good_bundle
from tests.support.studies import replicated, study

IDENTITY = "73" * 32
Caught = pytest.CaptureFixture[str]


def dressed() -> bytes:
    """A study without a record, under the method, name and identity of a published run."""
    figures = {"throughput_tok_s": [900.0, 910.0, 905.0], "ttft_ms.p50": [1.0, 1.1, 1.2]}
    made: Study = study(replicated("llamacpp", 1, figures))
    return write_json(plain(replace(made, origin="imported", label=None, name="demo", identity=IDENTITY)))


@pytest.fixture
def forged(tmp_path: Path) -> str:
    file = tmp_path / "study.json"
    file.write_bytes(dressed())
    return str(file)


def test_an_imported_study_is_known_by_its_own_bytes_and_is_by_another_method() -> None:
    """Whatever it calls itself."""
    found = imported_study(dressed(), "study.json").study
    assert found.identity == sha256(dressed()).hexdigest() != IDENTITY
    assert (found.label, found.conditions.method) == (None, "probador")


def test_imported_results_pass_no_gate(forged: str, capsys: Caught) -> None:
    """A negative answer, and what to do instead."""
    assert cli.run(["gate", forged, "--min", "F"]) == 1
    said = capsys.readouterr()
    assert "imported: without records nobody can verify it" in said.err
    assert said.out == ""


def test_a_recommendation_by_imported_results_says_so(forged: str, capsys: Caught) -> None:
    """Where it says how sure it is, for people and in JSON."""
    assert cli.run(["recommend", forged, "--users", "1"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("without records nobody can verify them.")
    assert cli.run(["recommend", forged, "--users", "1", "--json"]) == 0
    assert "nobody can verify them" in json.loads(capsys.readouterr().out)["lines"][-1]


def test_no_claim_is_decided_by_what_nobody_can_verify() -> None:
    """Not even one that names the bundle by its identity."""
    text = f"""
schema: kit/claims/1
claims:
  - id: fast
    statement: It is fast.
    where: README.md
    left: {{entry: llamacpp, concurrency: 1, metric: throughput_tok_s, platform: demo}}
    relation: greater
    number: 100
  - id: bundle
    statement: It is fast.
    where: README.md
    left: {{entry: llamacpp, concurrency: 1, metric: throughput_tok_s, bundle: {'"' + IDENTITY + '"'}}}
    relation: greater
    number: 100
"""
    claims = read_claims(text.encode(), "claims.yaml")
    assert isinstance(claims.claims[0].left, FigureReference)
    by_name, by_identity = check_claims(claims, [imported_study(dressed(), "study.json").study])
    assert (by_name.verdict, by_name.reason) == (
        "untested",
        "the figures are imported, and nobody can verify them",
    )
    assert by_identity.verdict == "untested"
    assert "no run of bundle" in by_identity.reason


def test_tables_say_what_verification_says(tmp_path: Path, capsys: Caught) -> None:
    """Under the tables, and beside the document; a refused run has another exit code, and says so first."""
    good, bad = tmp_path / "good.tar.gz", tmp_path / "bad.tar.gz"
    good.write_bytes(good_bundle())
    other_text = raw(path(BATCHED, "texts.jsonl"), lambda data: data.replace(b'"text":"', b'"text":"x', 1))
    bad.write_bytes(changed(other_text))
    assert cli.run(["table", str(good)]) == 0
    assert capsys.readouterr().out.rstrip().splitlines()[-1].startswith("Label: consistent")
    assert cli.run(["table", str(bad)]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("Rejected by verification")
    assert "texts.jsonl" in first
    assert cli.run(["table", str(bad), "--json"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["schema"] == "kit/result/1"
    assert said.err.startswith("Rejected by verification")
