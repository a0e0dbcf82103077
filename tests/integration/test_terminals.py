"""The real kit on terminals of other encodings and without colours, and in pipes that nobody reads to the end."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.assets import asset
from tests.support.not_tested import not_tested
from tests.support.running import KIT
from tests.support.scripted import behaving, in_thread
from tests.support.terminal import terminal

pytestmark = pytest.mark.integration

BUNDLE = str(asset("results") / "smol-2cpu.tar.gz")
LOCALE = "en_US.ISO-8859-1"
PRINTING = [
    ["table", BUNDLE],
    ["score", BUNDLE],
    ["recommend", BUNDLE, "--users", "4"],
    ["plan", "demo"],
    ["verify", BUNDLE],
]
COLOUR = re.compile(r"\x1b\[[0-9;]*(3[0-8]|4[0-8]|9[0-7])[0-9;]*m")


def ended(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[bytes]:
    """One command with nothing of the tests' own locale."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))
    }
    path = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
    return subprocess.run(
        [*KIT, *arguments], env={**inherited, **path, **environment}, capture_output=True, check=False, timeout=120
    )


@pytest.fixture(scope="module")
def latin_1(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a machine whose terminals have ISO-8859-1."""
    folder = tmp_path_factory.mktemp("locales")
    if shutil.which("localedef") is None:
        not_tested(request, "localedef is not installed")
    made = subprocess.run(
        ["localedef", "-i", "en_US", "-f", "ISO-8859-1", str(folder / LOCALE)], capture_output=True, check=False
    )
    if made.returncode:
        not_tested(request, "the sources of locales are not installed (Debian: locales)")
    return {"LOCPATH": str(folder), "LC_ALL": LOCALE}


@pytest.mark.parametrize("arguments", PRINTING, ids=lambda arguments: arguments[0])
def test_a_latin_1_terminal_shows_stand_ins(arguments: list[str], latin_1: dict[str, str]) -> None:
    done = ended(arguments, **latin_1)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("latin-1").isascii()


@pytest.mark.parametrize("encoding", ["latin-1", "cp437", "cp1252", "ascii", "koi8-r", "shift_jis"])
def test_every_encoding_is_printed_in(encoding: str) -> None:
    """The dash of "no data" is in few of them; also where Python was told to be strict."""
    table = ended(["table", BUNDLE], PYTHONIOENCODING=f"{encoding}:strict")
    document = ended(["table", "--json", BUNDLE], PYTHONIOENCODING=f"{encoding}:strict")
    assert (table.returncode, document.returncode) == (0, 0), table.stderr + document.stderr
    assert "llamacpp" in table.stdout.decode(encoding)
    assert json.loads(document.stdout.decode(encoding))["schema"] == "kit/result/1"


def test_a_load_is_printed_in_latin_1(tmp_path: Path, latin_1: dict[str, str]) -> None:
    """After the measurement, which was lost before."""
    with in_thread(behaving(ttft_ms=1)) as url:
        done = ended(["load", "--url", url, "--requests", "1", "-q", "--out", str(tmp_path / "a")], **latin_1)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_environment_without_a_locale_is_no_obstacle() -> None:
    """Python's own remedies switched off: it takes ASCII then."""
    done = ended(["table", BUNDLE], LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, b"")


# --- pipes ------------------------------------------------------------------------------------------------


def into_nothing(command: list[str]) -> tuple[int, bytes]:
    """Exit code and errors of a command whose reader has gone before it says anything."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False, timeout=120)
    finally:
        os.close(writing)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["table", BUNDLE], 0),
        (["table", BUNDLE, "--json"], 0),
        (["verify", BUNDLE], 0),
        (["gate", BUNDLE, "--min", "A+"], 1),
        (["plan", "demo", "--json"], 0),
        (["--help"], 0),
        (["nonsense"], 2),
    ],
    ids=str,
)
def test_a_reader_that_leaves_changes_no_exit_code(arguments: list[str], code: int) -> None:
    """A verdict is a verdict; the rest of the text is dropped without a word."""
    found, errors = into_nothing([*KIT, *arguments])
    assert found == code
    assert b"BrokenPipe" not in errors
    assert b"Traceback" not in errors


def test_a_pipe_into_head_is_quiet() -> None:
    """As people type it, with what is more than a pipe holds."""
    line = " ".join((*KIT, "plan", "demo", "--replicates", "1000", "--json")) + " | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"{\n", b"")


def test_a_probe_whose_asker_has_gone_ends_quietly() -> None:
    assert into_nothing([sys.executable, "-m", "kit.probe", "{}"]) == (2, b"")


def test_errors_that_nobody_reads_are_dropped() -> None:
    """`2>&1 | head`: both are the same pipe."""
    line = f"{' '.join(KIT)} table /nowhere 2>&1 | true"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")


# --- colours ----------------------------------------------------------------------------------------------


def drawn(tmp_path: Path, **environment: str) -> str:
    """What a load shows on a terminal that can do colours."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR", "TERM")}
    with in_thread(behaving(ttft_ms=1)) as url, terminal() as (shown, slave):
        subprocess.run(
            [*KIT, "load", "--url", url, "--duration", "1", "--out", str(tmp_path / "a")],
            stdout=slave,
            stderr=slave,
            env={**inherited, "TERM": "xterm-256color", **environment},
            check=True,
            timeout=120,
        )
    return shown.text


def test_a_bar_is_drawn_on_a_terminal(tmp_path: Path) -> None:
    """With colours, and with nothing left of it below the result."""
    text = drawn(tmp_path)
    assert COLOUR.search(text)
    assert "tokens/s in all" in text


def test_no_color_is_heeded(tmp_path: Path) -> None:
    """https://no-color.org: whatever its value, if it is not empty."""
    text = drawn(tmp_path, NO_COLOR="1")
    assert not COLOUR.search(text)
    assert "tokens/s in all" in text


def test_a_dumb_terminal_gets_plain_lines(tmp_path: Path) -> None:
    text = drawn(tmp_path, TERM="dumb")
    assert "\x1b" not in text
