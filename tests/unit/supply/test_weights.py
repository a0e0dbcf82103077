"""Weights in the cache: found, hashed, refused; what needs no engine."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from kit.catalogue import ModelEntry, Source, folder_sha256, model
from kit.errors import SourceError
from kit.plan.weights import pin_weights
from kit.supply import weights
from kit.supply.weights import measured, prepared, weights_path

FILE = ModelEntry(
    "m", "m.gguf", "M", "MIT", sha256(b"weights").hexdigest(), 7, True, Source("file", path="/nowhere/m.gguf")
)
FOLDER = replace(
    FILE, file="m", sha256=None, bytes=None, source=Source("folder", url="https://example.org/m", files=("a", "b"))
)
MADE = replace(FOLDER, source=Source("derived", made_from="o", made_by="gguf-to-safetensors"))
NOBODY: Any = None


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path))
    return tmp_path


def have(entry: ModelEntry, **files: bytes) -> None:
    path = weights_path(entry)
    if not entry.is_folder:
        path.parent.mkdir(parents=True)
        path.write_bytes(files["file"])
        return
    path.mkdir(parents=True)
    for name, data in files.items():
        (path / name).write_bytes(data)


def ready(entry: ModelEntry) -> tuple[Path, tuple[str, int]]:
    return prepared(NOBODY, entry, NOBODY, lambda *_: None, lambda _: None)


def test_nothing_is_measured_where_nothing_lies() -> None:
    assert measured(FILE) is None
    assert measured(FOLDER) is None


def test_a_file_and_a_folder_are_measured_by_hash_and_bytes() -> None:
    """A folder by the list of its files."""
    have(FILE, file=b"weights")
    have(FOLDER, a=b"1", b=b"22")
    assert measured(FILE) == (FILE.sha256, 7)
    hashes = {"a": sha256(b"1").hexdigest(), "b": sha256(b"22").hexdigest()}
    assert measured(FOLDER) == (folder_sha256(hashes), 3)


def test_what_is_here_is_not_fetched_again() -> None:
    have(FILE, file=b"weights")
    assert ready(FILE) == (weights_path(FILE), (FILE.sha256, 7))


def test_a_folder_with_another_hash_than_the_catalogues_is_refused() -> None:
    """With the command that gets it anew."""
    have(FOLDER, a=b"1")
    with pytest.raises(SourceError, match="the catalogue says cccc") as caught:
        ready(replace(FOLDER, sha256="c" * 64))
    assert "kit models prepare m" in caught.value.remedy


def test_what_was_made_here_may_differ_and_is_then_not_confirmed() -> None:
    """Other versions of the tools write other bytes of the same weights; the plan pins what there is."""
    have(MADE, a=b"1")
    entry = replace(MADE, sha256="c" * 64, bytes=1)
    _, found = ready(entry)
    pin = pin_weights(entry, {"m": found})
    assert (pin.sha256, pin.confirmed) == (found[0], False)


def test_a_catalogue_with_a_wrong_size_is_found_before_anything_is_measured() -> None:
    """Verification holds a plan against both: a whole run would be rejected."""
    have(MADE, a=b"1")
    _, (digest, _) = ready(MADE)
    assert ready(replace(MADE, sha256=digest, bytes=1))[1] == (digest, 1)
    with pytest.raises(SourceError, match="the catalogue says 2, for the same sha256"):
        ready(replace(MADE, sha256=digest, bytes=2))


def test_a_model_that_nobody_can_make_is_told() -> None:
    """A way that the kit does not know, or a model made of nothing."""
    for source in (replace(MADE.source, made_by="by-hand"), replace(MADE.source, made_from=None)):
        with pytest.raises(SourceError, match="There is no conversion for the model"):
            ready(replace(MADE, source=source))


def test_a_folder_appears_when_all_its_files_have_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """A download that is cut off leaves what came, under another name."""
    asked: list[str] = []

    def download(url: str, target: Path, _: object) -> None:
        asked.append(url)
        if url.endswith("/b") and len(asked) < 3:
            raise SourceError("The download failed.")
        target.write_bytes(b"x")

    monkeypatch.setattr(weights, "download", download)
    with pytest.raises(SourceError):
        ready(FOLDER)
    assert not weights_path(FOLDER).exists()
    assert ready(FOLDER)[1][1] == 2
    assert asked[-1] == "https://example.org/m/b"


def test_the_catalogues_own_folder_names_a_way_that_the_kit_knows() -> None:
    entry = model("smollm2-135m-instruct-bf16")
    assert entry.source.made_by in weights.WAYS
    assert entry.confirmed
