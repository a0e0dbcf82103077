"""In CI nothing is skipped silently."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.not_tested import may_skip

ROOT = Path(__file__).resolve().parents[3]
CONFTEST = "from tests.conftest import pytest_runtest_makereport\n"
TESTS = """
import pytest

@pytest.mark.skipif(True, reason="no openssl program makes certificates")
def test_marked(): pass

def test_calling(): pytest.skip("there is no network")

@pytest.mark.skipif(True, reason="root reads everything")
def test_listed(): pass

@pytest.mark.xfail(reason="not yet", strict=True)
def test_expected(): assert False
"""


@pytest.mark.parametrize(
    ("ci", "outcome"), [("1", "1 failed, 1 skipped, 1 xfailed, 1 error"), ("", "3 skipped, 1 xfailed")]
)
def test_a_skip_is_a_failure_in_ci_unless_it_is_listed(ci: str, outcome: str, tmp_path: Path) -> None:
    """Marks and calls alike; what is expected to fail is no skip."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_some.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        str(tmp_path),
    ]
    surroundings = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    done = subprocess.run([*command, str(tmp_path)], env=surroundings, capture_output=True, text=True, check=False)
    assert outcome in done.stdout, done.stdout + done.stderr


def test_reasons_are_listed_whole() -> None:
    """A reason that begins like a listed one is another."""
    assert may_skip("Skipped: root reads everything")
    assert not may_skip("root reads everything, and there is no network")
    assert may_skip("this machine has one Python")
    assert not may_skip("no other Python")
