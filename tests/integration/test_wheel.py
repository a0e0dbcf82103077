"""The built wheel in an empty environment, outside the checkout: assets, commands, the load generator."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment that holds the wheel and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True)
    wheel = next(folder.glob("llm_repro_kit-*.whl"))
    venv.create(folder / "venv", with_pip=True)
    found = folder / "venv" / "bin" / "python"
    install = [str(found), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    subprocess.run(install, check=True)
    return found


def kit(python: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(python.parent / "kit"), *arguments]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False, env=_environment()
    )


def _environment() -> dict[str, str]:
    """Without the folders that a developer has Python look into before the wheel."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def test_a_plan_is_made_outside_the_checkout(python: Path, tmp_path: Path) -> None:
    """Platforms, prompts, schemas and the catalogue all come out of the wheel; the plan is the checkout's."""
    done = kit(python, tmp_path, "plan", "demo", "--json")
    assert done.returncode == 0, done.stderr
    here = subprocess.run(
        [sys.executable, "-m", "kit", "plan", "demo", "--json"], capture_output=True, text=True, check=True
    )
    assert done.stdout == here.stdout


def test_the_wheel_holds_the_assets_beside_the_code(python: Path) -> None:
    """Schemas, prompts, compose and images; no tests."""
    code = (
        "import kit, pathlib; assets = pathlib.Path(kit.__file__).parent / '_assets';"
        "print(*sorted(path.name for path in assets.iterdir()))"
    )
    command = [str(python), "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/", env=_environment())
    assert done.stdout.split() == ["compose", "images", "prompts", "schemas"]


def test_without_the_demo_extra_the_demo_says_what_to_install(python: Path, tmp_path: Path) -> None:
    """Once, before anything is fetched or started, and as a mistake of the user; the doctor says it too."""
    done = kit(python, tmp_path, "reproduce", "demo", "--yes", "--replicates", "1", "--concurrency", "1")
    assert done.returncode == 2
    assert done.stderr.count("pip install 'llm-repro-kit[demo]'") == 1
    assert (done.stdout, list(tmp_path.iterdir())) == ("", [])
    examined = kit(python, tmp_path, "doctor", "demo")
    assert examined.returncode == 1
    assert "pip install 'llm-repro-kit[demo]'" in examined.stdout


def test_help_answers_from_the_wheel(python: Path, tmp_path: Path) -> None:
    """Every command is listed."""
    done = kit(python, tmp_path, "--help")
    assert done.returncode == 0
    assert "reproduce" in done.stdout


def test_a_report_is_made_with_the_templates_of_the_wheel(python: Path, tmp_path: Path) -> None:
    """Page, style and script come out of the wheel too."""
    done = kit(python, tmp_path, "report", str(ROOT / "results" / "demo-2cpu.tar.gz"), "-o", "report")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "report" / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
