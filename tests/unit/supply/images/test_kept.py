"""Programs kept from earlier builds: found by what they are made of, believed by their hash."""

from __future__ import annotations

import json
import lzma
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kit.catalogue.inputs import ReadyMade, build_input
from kit.errors import SourceError, StorageError
from kit.supply.images import ImageRecipe, build, kept, ready_made_program, recipe, recipes
from kit.supply.images.fetching import Fetched, pinned_inputs
from tests.support.scripted_engine import ScriptedImages

OLLAMA = recipe("ollama", "cpu", "source")
PROGRAM = b"\x7fELF a program"
DIGEST = sha256(PROGRAM).hexdigest()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KIT_BUILDS", raising=False)
    return tmp_path / "cache"


def kept_in(folder: Path, machine: str = "x86_64", digest: str = DIGEST) -> Path:
    place = folder / kept.build_sha256(OLLAMA, machine)
    place.mkdir(parents=True)
    (place / "ollama").write_bytes(PROGRAM)
    (place / "ollama.sha256").write_text(f"{digest}  ollama\n")
    return place


def test_a_program_is_found_by_what_it_is_made_of(own_cache: Path) -> None:
    """Not for another kind of machine, and not by a recipe without a program."""
    assert kept.find(OLLAMA, "x86_64") is None
    kept_in(own_cache / "builds")
    found = kept.find(OLLAMA, "x86_64")
    assert found is not None
    assert (found.sha256, found.origin) == (DIGEST, "compiled")
    assert kept.find(OLLAMA, "aarch64") is None
    assert kept.find(recipe("llamacpp", "cuda", "source"), "x86_64") is None


def test_a_damaged_program_is_compiled_again(own_cache: Path) -> None:
    """Its hash was written down when it was made."""
    kept_in(own_cache / "builds", digest="0" * 64)
    assert kept.find(OLLAMA, "x86_64") is None


def test_a_folder_named_by_a_variable_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another machine has compiled by the same recipe."""
    kept_in(tmp_path / "shared")
    monkeypatch.setenv("KIT_BUILDS", str(tmp_path / "shared"))
    assert kept.find(OLLAMA, "x86_64") is not None


def test_the_two_variants_of_realizar_share_one_program() -> None:
    """One build with both features serves the CPU and Vulkan; CUDA is another build."""
    cpu, vulkan, cuda = (
        kept.build_sha256(recipe("realizar", name, "source"), "x86_64") for name in ("cpu", "vulkan", "cuda")
    )
    assert cpu == vulkan != cuda


def ready(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    entry = ReadyMade(
        name="o",
        program="ollama",
        file="o.xz",
        machine="x86_64",
        input="ollama-module",
        input_sha256=str(build_input("ollama-module").sha256),
        sha256=DIGEST,
        made_by="somebody",
    )
    monkeypatch.setattr(kept, "ready_made", lambda: (replace(entry, **changes),))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, True),
        ({"sha256": "0" * 64}, False),
        ({"input_sha256": "0" * 64}, False),
        ({"machine": "aarch64"}, False),
        ({"program": "apr"}, False),
        ({"file": "other.xz"}, False),
    ],
)
def test_a_ready_made_program_is_believed_by_its_hash_alone(
    changes: dict[str, str], found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And taken only if it was made from the inputs that the recipe pins, for this kind of machine."""
    (tmp_path / "o.xz").write_bytes(lzma.compress(PROGRAM))
    monkeypatch.setenv("KIT_BUILDS", str(tmp_path))
    ready(monkeypatch, **changes)
    program = kept.find(OLLAMA, "x86_64")
    assert (program is not None) is found
    if program:
        assert program.origin == "ready-made"
        assert program.path.read_bytes() == PROGRAM


def test_a_packed_program_that_is_damaged_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, with the file and the variable."""
    (tmp_path / "o.xz").write_bytes(b"no xz")
    monkeypatch.setenv("KIT_BUILDS", str(tmp_path))
    ready(monkeypatch)
    with pytest.raises(SourceError, match=r"o\.xz cannot be unpacked") as caught:
        kept.find(OLLAMA, "x86_64")
    assert "KIT_BUILDS" in caught.value.remedy


def test_a_disk_that_refuses_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file where the cache should be: nothing can be unpacked into it, and nothing kept."""
    (tmp_path / "o.xz").write_bytes(lzma.compress(PROGRAM))
    monkeypatch.setenv("KIT_BUILDS", str(tmp_path))
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "o.xz"))
    ready(monkeypatch)
    with pytest.raises(StorageError, match="cannot be kept in"):
        kept.find(OLLAMA, "x86_64")
    with pytest.raises(StorageError, match="cannot be kept in"):
        kept.keep(ScriptedImages(), OLLAMA, "image", "x86_64")


def test_an_image_of_a_kept_program_says_so(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stage is another, nothing is fetched or compiled, its labels name the program. --no-cache compiles."""
    import kit.supply.images.building as building

    store = ScriptedImages()
    fetched: list[str] = []

    def fetch(recipe: ImageRecipe, *_: object) -> Fetched:
        fetched.extend(recipe.inputs)
        return Fetched({}, {})

    monkeypatch.setattr(building, "fetch_inputs", fetch)
    store.api.have("kit/base:trixie")
    kept_in(own_cache / "builds")
    build(store, OLLAMA, lambda _: None)
    facts = store.facts(OLLAMA.tag)
    assert facts is not None
    assert ready_made_program(facts) is None  # this kit's recipe compiled it
    others = replace(facts, labels={**facts.labels, "org.kit.program_origin": "ready-made"})
    assert ready_made_program(others) == DIGEST
    asked = store.api.builds[-1]
    assert asked["target"] == "kept"
    assert asked["labels"]["org.kit.program"] == DIGEST
    assert asked["labels"]["org.kit.program_origin"] == "compiled"
    pinned = {build_input(name).file: build_input(name).sha256 for name in OLLAMA.inputs}
    assert (fetched, json.loads(asked["labels"]["org.kit.inputs"])) == ([], pinned)
    assert store.api.context["kept/ollama"] == PROGRAM
    taken: list[str] = []

    def take(_: ScriptedImages, image: str, path: str, target: Path) -> bool:
        assert image
        taken.append(path)
        return target.write_bytes(b"n") == 1

    monkeypatch.setattr(ScriptedImages, "take_file", take)
    build(store, OLLAMA, lambda _: None, no_cache=True)
    assert store.api.builds[-1]["target"] == "source"
    assert (tuple(fetched), taken) == (OLLAMA.inputs, ["/bin/ollama"])
    again = kept.find(OLLAMA, "x86_64")
    assert again is not None
    assert again.sha256 == sha256(b"n").hexdigest()


@pytest.mark.parametrize("made", [each for each in recipes() if each.program], ids=lambda each: each.name)
def test_what_a_kept_program_was_made_of_is_known_without_a_file(made: ImageRecipe) -> None:
    """Each input is one archive with a pinned hash."""
    found = pinned_inputs(made)
    assert (found.files, set(found.sha256s)) == ({}, {build_input(name).file for name in made.inputs})
