"""Models that no catalogue has: from files, a hub and addresses, over real HTTP with this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kit.catalogue import model, models
from kit.documents import ModelSource
from kit.errors import InputError, KitError, SourceError
from kit.supply import hashes, own_model
from kit.supply.download import fetch, model_path
from kit.supply.hashes import file_with, known_sha256
from kit.supply.own_model import OwnModel
from tests.support.gguf_files import COMMIT, TOKEN, Hub, gguf, serving

DATA = gguf()
SHA = sha256(DATA).hexdigest()
OTHER = gguf({"general.name": "Other"})


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(Hub({"q8/tiny.gguf": DATA, "README.md": b"# Tiny"})) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


def of_file(tmp_path: Path, data: bytes = DATA, file: str = "My Tiny.gguf", **block: str) -> OwnModel:
    path = tmp_path / file
    path.write_bytes(data)
    return own_model.own_model(ModelSource(file=str(path), **block))


def of_hub(file: str | None = None, revision: str | None = None) -> OwnModel:
    return own_model.own_model(ModelSource(hf="Org/Repo", file=file, revision=revision))


# --- files ----------------------------------------------------------------------------------------------


def test_a_file_is_hashed_and_described(tmp_path: Path) -> None:
    """Where it lies is known here, and is nothing that the plan will say."""
    found = of_file(tmp_path)
    entry = found.entry
    assert (entry.name, entry.file, entry.sha256, entry.bytes) == ("my-tiny", "My-Tiny.gguf", SHA, len(DATA))
    assert (entry.catalogue, entry.origin, entry.license, entry.title) == (False, "file", "mit", "Tiny")
    assert (entry.chat_template, entry.layers, found.facts.architecture) == ("chatml", 2, "llama")
    assert fetch(entry) == tmp_path / "My Tiny.gguf"


@pytest.mark.parametrize(
    ("data", "block", "words"),
    [
        (b"GGML" + bytes(100), {}, "does not begin with GGUF"),
        (DATA[:-1], {}, "is cut off"),
        (DATA, {"sha256": "ab" * 32}, "its block says"),
        (gguf({"split.count": 2}), {}, "one of several parts"),
        (DATA, {"name": "smollm2-135m-instruct-q4_1"}, "has another sha256"),
    ],
)
def test_a_file_that_is_not_meant_is_refused(
    data: bytes, block: dict[str, str], words: str, tmp_path: Path
) -> None:
    """With its name and what to do."""
    with pytest.raises(KitError, match=words) as caught:
        of_file(tmp_path, data, **block)
    assert caught.value.remedy


def test_a_part_of_a_model_is_refused_by_its_name(tmp_path: Path) -> None:
    """How to make one file of all is in the remedy."""
    with pytest.raises(InputError, match="one of several parts") as caught:
        of_file(tmp_path, file="m-00001-of-00003.gguf")
    assert "llama-gguf-split --merge" in caught.value.remedy


def test_a_folder_and_a_file_that_is_not_there_are_named(tmp_path: Path) -> None:
    """Both are often a mistyped path."""
    with pytest.raises(InputError, match="is a folder"):
        own_model.own_model(ModelSource(file=str(tmp_path)))
    with pytest.raises(SourceError, match=r"gone\.gguf cannot be read: No such file"):
        own_model.own_model(ModelSource(file=str(tmp_path / "gone.gguf")))


def test_a_file_of_the_catalogue_by_its_hash_is_the_catalogues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under whatever name it lies, unless somebody calls it otherwise."""
    known = replace(model("smollm2-135m-instruct-q4_1"), sha256=SHA, bytes=len(DATA))
    monkeypatch.setattr(own_model, "models", lambda: (known, *models()[1:]))
    assert of_file(tmp_path).entry == replace(known, path=str(tmp_path / "My Tiny.gguf"))
    named = of_file(tmp_path, name="mine").entry
    assert (named.name, named.catalogue, named.sha256) == ("mine", False, SHA)


def test_a_file_that_is_called_like_one_of_the_catalogue_gets_its_hash_in_its_name(tmp_path: Path) -> None:
    """It is another file, and a plan with that name would be refused."""
    found = of_file(tmp_path, file="smollm2-135m-instruct-q4_1.gguf").entry
    assert found.name == f"smollm2-135m-instruct-q4_1-{SHA[:8]}"


# --- hashes that are remembered --------------------------------------------------------------------------


def test_a_large_file_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is written to; a file that was written a moment ago is not believed."""
    path = tmp_path / "m.gguf"
    path.write_bytes(DATA)
    read: list[Path] = []

    def counted(each: Path) -> str:
        read.append(each)
        return sha256(each.read_bytes()).hexdigest()

    monkeypatch.setattr(hashes, "file_sha256", counted)
    assert [known_sha256(path), known_sha256(path), len(read)] == [SHA, SHA, 2]
    os.utime(path, ns=(time.time_ns(), time.time_ns() - 10 * hashes.SETTLED_NS))
    assert [known_sha256(path), known_sha256(path), len(read)] == [SHA, SHA, 3]
    path.write_bytes(OTHER)
    assert known_sha256(path) == sha256(OTHER).hexdigest()
    assert file_with(sha256(OTHER).hexdigest()) == path
    assert file_with(SHA) is None


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"schema": "kit/hashes/1", "files": [{"path": 1}]}', b"\xff"])
def test_what_is_remembered_may_be_damaged(damage: bytes, tmp_path: Path) -> None:
    """It is hashed again, and remembered anew."""
    path = tmp_path / "m.gguf"
    path.write_bytes(DATA)
    known_sha256(path)
    (tmp_path / "cache" / "hashes.json").write_bytes(damage)
    assert known_sha256(path) == SHA
    assert file_with(SHA) == path


# --- a hub ----------------------------------------------------------------------------------------------


def test_a_repository_with_one_file_needs_no_name(hub: Hub) -> None:
    """Revision, hash and size are the hub's; of the file only the beginning was read."""
    entry = of_hub().entry
    assert (entry.name, entry.file, entry.sha256, entry.bytes) == ("tiny", "tiny.gguf", SHA, len(DATA))
    assert entry.origin == f"hf:Org/Repo:q8/tiny.gguf@{COMMIT}"
    assert (entry.chat_template, entry.license) == ("chatml", "mit")
    assert hub.paths() == ["/api/models/Org/Repo/revision/main", f"/Org/Repo/resolve/{COMMIT}/q8/tiny.gguf"]
    assert hub.seen[-1][3] == "bytes=0-2097151"
    assert fetch(entry).read_bytes() == DATA
    assert model_path(entry).is_file()


def test_what_was_fetched_is_not_asked_for_again(hub: Hub) -> None:
    """Its header is read in the cache."""
    fetch(of_hub().entry)
    hub.seen.clear()
    assert of_hub(revision=COMMIT).entry.path is not None
    assert hub.paths() == [f"/api/models/Org/Repo/revision/{COMMIT}"]


def test_of_several_files_none_is_guessed(hub: Hub) -> None:
    """They are listed with their sizes; a name that is none is answered with the list too."""
    hub.files["other.gguf"] = OTHER
    with pytest.raises(SourceError, match=r"has 2 \.gguf files") as caught:
        of_hub()
    assert [line.split("  ")[0] for line in caught.value.detail] == ["q8/tiny.gguf", "other.gguf"]
    assert "hf:Org/Repo:FILE" in caught.value.remedy
    with pytest.raises(SourceError, match=r"has no file tiny\.gguf"):
        of_hub("tiny.gguf")
    assert of_hub("other.gguf").entry.sha256 == sha256(OTHER).hexdigest()


def test_a_repository_without_one_says_so(hub: Hub) -> None:
    """And an unknown revision, and an unknown repository."""
    del hub.files["q8/tiny.gguf"]
    with pytest.raises(SourceError, match=r"has no \.gguf file"):
        of_hub()
    with pytest.raises(SourceError, match="has no revision 'v9'"):
        of_hub(revision="v9")
    with pytest.raises(SourceError, match="no repository Org/Other"):
        own_model.own_model(ModelSource(hf="Org/Other"))


def test_a_part_in_a_repository_is_refused_before_anything_is_fetched(hub: Hub) -> None:
    """All parts are listed where none is named."""
    hub.files = {f"m-0000{n}-of-00002.gguf": DATA for n in (1, 2)}
    with pytest.raises(InputError, match="one of several parts"):
        of_hub("m-00001-of-00002.gguf")
    assert len(hub.seen) == 1


def test_the_pointer_says_the_hash_where_the_listing_does_not(hub: Hub) -> None:
    """It stands in the repository in the place of the file."""
    hub.lists_hashes = False
    assert of_hub().entry.sha256 == SHA
    assert f"/Org/Repo/raw/{COMMIT}/q8/tiny.gguf" in hub.paths()


def test_a_gated_repository_says_what_to_do(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a token, with one that may not, and with one that may."""
    hub.gated = True
    with pytest.raises(SourceError, match="gated, private, or not there") as caught:
        of_hub()
    assert "HF_TOKEN" in caught.value.remedy
    assert f"{hub.url}/Org/Repo" in caught.value.remedy
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    with pytest.raises(SourceError, match="does not let the owner of HF_TOKEN") as caught:
        of_hub()
    assert "accept its terms" in caught.value.remedy
    assert "hf_other" not in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert fetch(of_hub().entry).read_bytes() == DATA


def test_the_token_goes_to_the_hub_and_to_nobody_else(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to the store that the hub sends downloads to, nor to another address, nor into a message."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with serving(Hub({"q8/tiny.gguf": DATA})) as store:
        hub.elsewhere = store.url
        entry = of_hub().entry
        assert fetch(entry).read_bytes() == DATA
        assert {who for _, _, who, _ in hub.seen} == {f"Bearer {TOKEN}"}
        assert len(store.seen) == 2
        own_model.own_model(ModelSource(https=f"{store.url}/q8/tiny.gguf", sha256=SHA))
        assert {who for _, _, who, _ in store.seen} == {None}
        store.files.clear()
        model_path(entry).unlink()
        with pytest.raises(SourceError, match="HTTP status 404") as caught:
            fetch(entry)
    assert "signature" not in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_token_that_cannot_be_sent_is_refused_unseen(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line break in it would end the header."""
    monkeypatch.setenv("HF_TOKEN", "hf_a\nX: b")
    with pytest.raises(InputError, match="HF_TOKEN holds characters") as caught:
        of_hub()
    assert "hf_a" not in str(caught.value)
    assert hub.seen == []


@pytest.mark.parametrize("address", ["ftp://x", "https://me:pw@x", "huggingface.co", "https://"])
def test_an_endpoint_that_is_no_address_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is asked."""
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(InputError, match="HF_ENDPOINT is no address"):
        of_hub()


def test_a_hub_whose_file_has_another_hash_is_not_believed(hub: Hub) -> None:
    """What came is thrown away."""
    entry = of_hub().entry
    hub.files["q8/tiny.gguf"] = OTHER
    with pytest.raises(SourceError, match="came with sha256"):
        fetch(entry)
    assert not model_path(entry).exists()


# --- addresses ------------------------------------------------------------------------------------------


def test_an_address_with_a_hash_is_planned_without_a_download(hub: Hub) -> None:
    """A query stays out of what the plan says: it may hold a key."""
    entry = own_model.own_model(ModelSource(https=f"{hub.url}/q8/tiny.gguf?key=secret", sha256=SHA)).entry
    assert (entry.name, entry.sha256, entry.bytes) == ("tiny", SHA, len(DATA))
    assert entry.origin == f"{hub.url}/q8/tiny.gguf"
    assert len(hub.seen) == 1


def test_an_address_without_a_hash_is_downloaded_once(hub: Hub) -> None:
    """Not to be planned; then kept under its hash, and known by its address."""
    source = ModelSource(https=f"{hub.url}/q8/tiny.gguf")
    with pytest.raises(SourceError, match="Nobody states the sha256") as caught:
        own_model.own_model(source)
    assert "kit models fetch" in caught.value.remedy
    assert hub.seen == []
    entry = own_model.own_model(source, may_download=True).entry
    assert (entry.sha256, model_path(entry).read_bytes()) == (SHA, DATA)
    assert own_model.own_model(source).entry == entry
    assert len(hub.seen) == 1


def test_a_server_that_takes_no_ranges_serves_short_files_only(hub: Hub) -> None:
    """A long one would have to be fetched to be known."""
    hub.takes_ranges = False
    assert own_model.own_model(ModelSource(https=f"{hub.url}/q8/tiny.gguf", sha256=SHA)).entry.bytes == len(DATA)
    hub.files["long.gguf"] = DATA + bytes(3 << 20)
    with pytest.raises(SourceError, match="cannot be read in pieces"):
        own_model.own_model(ModelSource(https=f"{hub.url}/long.gguf", sha256="ab" * 32))


def test_a_long_header_is_read_in_pieces(hub: Hub) -> None:
    """A vocabulary of some megabytes, and not a byte of the weights beyond the last piece."""
    long = gguf({"tokenizer.ggml.tokens": ["x" * 1000] * 5000})
    hub.files["long.gguf"] = long + bytes(32 << 20)
    digest = sha256(hub.files["long.gguf"]).hexdigest()
    found = own_model.own_model(ModelSource(https=f"{hub.url}/long.gguf", sha256=digest))
    assert found.facts.vocabulary == 5000
    assert [each[3] for each in hub.seen] == ["bytes=0-2097151", "bytes=2097152-10485759"]
    assert found.entry.bytes == len(hub.files["long.gguf"])
