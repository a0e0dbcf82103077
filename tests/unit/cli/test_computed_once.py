"""Whatever a command says of a bundle, it adds up the records of each cell once."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.cli import run
from kit.documents import Metrics
from kit.metrics import aggregate
from kit.verify.evidence import open_bundle
from tests.support.good_bundle import good_bundle


@pytest.mark.parametrize(
    "words",
    [
        ["table"],
        ["score"],
        ["gate", "--min", "F"],
        ["score", "--contract", "probador-2.0"],
        ["report"],
        ["compare", "demo.tar.gz"],
        ["recommend", "--users", "1"],
        ["recommend", "--users", "1", "--slo", "ttft=300ms,tpot=50ms"],
    ],
    ids=" ".join,
)
def test_the_numbers_of_each_cell_are_computed_once(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verification and what follows it share them, with limits too. (`kit verify` does it in another process.)"""
    computed: list[Metrics] = []
    metrics_of = aggregate.metrics_of

    def counted(tally: aggregate.Tally) -> Metrics:
        computed.append(metrics_of(tally))
        return computed[-1]

    monkeypatch.setattr(aggregate, "metrics_of", counted)
    monkeypatch.chdir(tmp_path)
    data = good_bundle()
    Path("demo.tar.gz").write_bytes(data)
    with_records = [files.id for files in open_bundle(data).cells.values() if files.records]
    computed.clear()
    run([words[0], "demo.tar.gz", *words[1:]])

    assert len(computed) == len(with_records) > 0
