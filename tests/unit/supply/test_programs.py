"""Programs of the PATH: found, hashed, asked for their version, and noticed when they change."""

from __future__ import annotations

import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kit.documents import Entry
from kit.errors import EngineError, InputError, SourceError
from kit.runtimes import RUNTIMES
from kit.storage.marks import mark_of
from kit.supply.download import file_sha256
from kit.supply.programs import find_program, pins_of, programs_of, version_in
from kit.supply.supply import ProcessSupply, WeightsFile

ENTRY = Entry("mine", "llamacpp", "program", RUNTIMES["llamacpp"].explicit("program", {}, 1))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, but for the shell."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def write(folder: Path, text: str, name: str = "llama-server") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_a_program_is_known_by_its_file_and_its_own_version(place: Path) -> None:
    """A link is followed: what is hashed is what runs."""
    real = write(place, "echo 'version: 11549 (abc1234)' >&2", "llama-server-11549")
    (place / "llama-server").symlink_to(real)
    found = find_program("llama-server")
    assert found is not None
    assert found.path == real.resolve()
    assert found.pin.version == "11549 (abc1234)"
    assert (found.pin.sha256, found.pin.bytes) == (sha256(real.read_bytes()).hexdigest(), real.stat().st_size)


def test_what_is_not_there_is_told_with_what_to_do(place: Path) -> None:
    """Looked for it is None, needed it is an error that names the entry."""
    assert find_program("llama-server") is None
    with pytest.raises(InputError, match=r"mine needs the program llama-server.*PATH"):
        programs_of([ENTRY])
    assert programs_of([replace(ENTRY, variant="embedded")]) == {}
    assert place.is_dir()


@pytest.mark.parametrize(
    ("text", "words"),
    [("echo lib.so: not found >&2; exit 127", "ended with exit code 127"), ("#", "")],
)
def test_a_program_that_does_not_run_is_an_error_with_its_words(place: Path, text: str, words: str) -> None:
    """One that says no version is none."""
    write(place, text)
    if not words:
        found = find_program("llama-server")
        assert found is not None
        assert found.pin.version is None
        return
    with pytest.raises(EngineError, match=words) as caught:
        find_program("llama-server")
    assert caught.value.detail == ("lib.so: not found",)


def test_a_file_that_is_no_program_is_an_error(place: Path) -> None:
    """It may be marked as one."""
    path = place / "llama-server"
    path.write_bytes(b"\x00\x01")
    path.chmod(0o755)
    with pytest.raises(EngineError, match="does not start"):
        find_program("llama-server")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (
            "version: 11549 (abc1234)\nbuilt with cc (Debian 12.2.0-14) 12.2.0 for x86_64-linux-gnu",
            "11549 (abc1234)",
        ),
        ("ggml_cuda_init: found 1 CUDA devices:\nversion: 6000 (0123abc)", "6000 (0123abc)"),
        ("Warning: could not connect to a running Ollama instance\nWarning: client version is 0.18.3", "0.18.3"),
        ("ollama version is 0.18.3", "0.18.3"),
        ("apr 0.72.3 (9c34b9a91)", "0.72.3 (9c34b9a91)"),
        ("INFO 11-29 20:00:00 importing\n0.33.0+cpu", "11-29"),
        ("0.33.0+cpu", "0.33.0+cpu"),
        ("v1.2", "1.2"),
        ("hello", None),
        ("", None),
    ],
)
def test_versions_are_read_as_programs_say_them(text: str, version: str | None) -> None:
    """The line that speaks of a version, else the first with a number."""
    assert version_in(text) == version


def test_a_program_that_changes_during_a_run_is_refused(place: Path, tmp_path: Path) -> None:
    """Touched alone it is the same."""
    path = write(place, "echo version 1")
    model = tmp_path / "m.gguf"
    model.write_bytes(b"weights")
    found = programs_of([ENTRY])
    supply = ProcessSupply({"mine": WeightsFile(model, file_sha256(model), mark_of(model))}, found)
    assert supply.server(ENTRY, "r1-c1-mine", 8123).program == str(path.resolve())
    path.touch()
    supply.require_untouched(ENTRY)
    write(place, "echo version 2")
    with pytest.raises(SourceError, match="llama-server was changed during the run"):
        supply.require_untouched(ENTRY)
    supply.require_untouched(replace(ENTRY, variant="embedded"))
    assert [pin.version for pin in pins_of(found)] == ["1"]


def test_the_python_of_an_environment_is_started_where_its_link_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It finds its modules by that place; its hash is that of the file behind the link."""
    place = tmp_path / "environment" / "bin"
    place.mkdir(parents=True)
    (tmp_path / "environment" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (place / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(place))
    found = find_program("python3")
    assert found is not None
    assert found.path == place / "python3"
    assert found.pin.sha256 == file_sha256(Path(sys.executable))
