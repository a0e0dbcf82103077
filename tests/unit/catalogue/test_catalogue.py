"""The catalogue: models that are files, models that are folders, and what is known of each."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from kit.catalogue import ModelEntry, folder_sha256, model, models


@pytest.mark.parametrize("entry", models(), ids=lambda entry: str(entry.name))
def test_what_is_confirmed_is_known_and_says_how(entry: ModelEntry) -> None:
    """Nobody confirms a hash that is not there; who did stands beside it."""
    if entry.confirmed:
        assert entry.sha256
        assert entry.bytes
        assert entry.confirmed_by


@pytest.mark.parametrize("entry", models(), ids=lambda entry: str(entry.name))
def test_a_folder_says_what_it_is_made_of(entry: ModelEntry) -> None:
    """Of files at an address, or of another model that the catalogue has."""
    source = entry.source
    one_file = entry.file.endswith(".gguf")
    assert entry.is_folder == (source.kind in ("folder", "derived") and not one_file)
    assert bool(source.files) == (source.kind == "folder")
    assert bool(source.made_by) == bool(source.made_from) == (source.kind == "derived")
    if source.kind == "folder":
        assert source.url is not None
        assert source.url.startswith("https://")
        assert "config.json" in source.files
    if source.kind == "derived":
        assert source.made_from is not None
        assert not model(source.made_from).is_folder


def test_names_and_files_are_distinct() -> None:
    """Two models never share a place on the disk."""
    names = [entry.name for entry in models()]
    assert len(set(names)) == len(names)
    assert len({entry.file for entry in models()}) == len(names)


def test_the_hash_of_a_folder_is_that_of_what_sha256sum_prints(tmp_path: Path) -> None:
    """In the order of the paths, byte by byte; anybody can check it with a shell."""
    contents = {"b.json": b"{}", "a.txt": b"x", "Z": b""}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    hashes = {name: sha256((tmp_path / name).read_bytes()).hexdigest() for name in contents}
    listing = "".join(f"{hashes[name]}  {name}\n" for name in ("Z", "a.txt", "b.json"))
    assert folder_sha256(hashes) == sha256(listing.encode()).hexdigest()
    assert folder_sha256(hashes) == folder_sha256(dict(reversed(hashes.items())))
    assert folder_sha256({}) == sha256(b"").hexdigest()
