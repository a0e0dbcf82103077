"""Two bundles of one platform made on two machines: every command that takes several runs tells them apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kit.cli import run
from tests.support.forge import changed, document

EPYC, XEON = "AMD EPYC 7763 64-Core Processor", "Intel(R) Xeon(R) Platinum 8375C"


def bundle(path: Path, **facts: Any) -> str:
    path.write_bytes(changed(document("host.json", lambda host: host.update(facts))))
    return str(path)


@pytest.fixture
def both(tmp_path: Path) -> tuple[str, str]:
    return bundle(tmp_path / "epyc.tar.gz", cpu_model=EPYC), bundle(tmp_path / "xeon.tar.gz", cpu_model=XEON)


def test_recommend_pools_nothing_and_answers_for_each(
    both: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In JSON each machine has its own recommendation."""
    assert run(["recommend", *both, "--users", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("2 machines, so their runs are not pooled")
    assert [line for line in lines if line.startswith("On ")] == [
        "On AMD EPYC 7763, 2 CPUs, 8.0 GB (run demo-short):",
        "On Intel Xeon Platinum 8375C, 2 CPUs, 8.0 GB (run demo-short):",
    ]
    assert run(["recommend", *both, "--users", "1", "--json"]) == 0
    document_ = json.loads(capsys.readouterr().out)
    assert document_["recommendation"] is None
    assert [each["recommendation"]["replicates"] for each in document_["machines"]] == [1, 1]


def test_compare_begins_with_the_two_machines(both: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", *both]) == 0
    assert capsys.readouterr().out.startswith(f"Two machines (CPU: {EPYC} and {XEON})")


def test_score_names_the_machine_of_each_row(both: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Two runs of one name would else be rows that nobody can tell apart."""
    assert run(["score", *both]) == 0
    out = capsys.readouterr().out
    assert "a: AMD EPYC 7763, 2 CPUs, 8.0 GB" in out
    assert "b: Intel Xeon Platinum 8375C, 2 CPUs, 8.0 GB" in out
    assert run(["score", *both, "--by", "cold-start"]) == 0
    assert "Intel Xeon Platinum 8375C" in capsys.readouterr().out
    assert run(["score", both[0]]) == 0
    assert "EPYC" not in capsys.readouterr().out


def test_a_page_says_that_its_runs_are_of_two_machines(both: tuple[str, str], tmp_path: Path) -> None:
    """In both forms."""
    out = tmp_path / "report"
    assert run(["report", *both, "-o", str(out)]) == 0
    for name in ("report.html", "REPORT.md"):
        text = (out / name).read_text(encoding="utf-8")
        assert "2 machines, so differences between these runs may be the machine" in text
        assert "Intel Xeon Platinum 8375C" in text


def test_a_kernel_between_two_runs_is_remarked_and_no_other_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = bundle(tmp_path / "a.tar.gz", kernel="6.1"), bundle(tmp_path / "b.tar.gz", kernel="6.12")
    assert run(["compare", *files]) == 0
    out = capsys.readouterr().out
    assert "Two machines" not in out
    assert "Different kernel: 6.1 and 6.12." in out
