"""The index is made from bundles and signatures alone: the same files, the same bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kit.collection.index import (
    MIN_FOR_EACH,
    Seen,
    index_bytes,
    index_of,
    make_index,
    read_index,
    seen,
    seen_in,
    write_index,
)
from kit.collection.layout import archives_in
from kit.collection.signers import Trusted
from kit.documents.index import IndexSigner
from kit.errors import InputError
from kit.judge.compare.studies import CHOSEN
from kit.judge.reproduction import Party
from kit.signing import sign
from kit.storage.archive import unpack
from kit.storage.names import MANIFEST
from tests.support.documents_index import ENTRY
from tests.support.forge import changed, raw
from tests.support.keys import allowed, key_pair, public
from tests.support.studies import replicated, study
from tests.support.variants import on_host, variant

FIGURES = (100.1, 100.2, 100.3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two bundles at the top of a folder, and one that verification refuses."""
    found = tmp_path / "results"
    found.mkdir()
    (found / "one.tar.gz").write_bytes(variant(1))
    (found / "two.tar.gz").write_bytes(variant(2, on_host(cpu_model="Another CPU")))
    (found / "wrong.tar.gz").write_bytes(changed(raw("result.json", lambda data: data[:-3])))
    return found


def signed(folder: Path, name: str, key: Path) -> None:
    manifest = unpack((folder / f"{name}.tar.gz").read_bytes())[MANIFEST]
    (folder / f"{name}.tar.gz.sig").write_bytes(sign(manifest, key))


def test_every_archive_is_in_the_index_as_a_result_or_as_refused(folder: Path) -> None:
    """With what verification says, and the figures of each entry at each number of users."""
    index = make_index(folder)

    one, two = index.bundles
    assert (one.path, two.path) == ("one.tar.gz", "two.tar.gz")
    assert two.machine.slug == "another-2cpu"
    assert one.platform == "demo-short"
    assert [(card.entry, card.users, card.status) for card in one.cards] == [
        ("llamacpp-serial", 1, "measured"),
        ("llamacpp-serial", 2, "measured"),
        ("llamacpp-batched", 1, "measured"),
        ("llamacpp-batched", 2, "measured"),
    ]
    assert all(card.throughput_tok_s and card.ttft_p50_ms and card.error_rate == 0 for card in one.cards)
    assert one.signer is None
    (refused,) = index.refused
    assert refused.path == "wrong.tar.gz"
    assert "result.json" in refused.reason


def test_the_same_files_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """Wherever they lie, in whatever order they came."""
    other = tmp_path / "elsewhere"
    other.mkdir()
    for path in sorted(folder.iterdir(), reverse=True):
        (other / path.name).write_bytes(path.read_bytes())

    assert index_bytes(make_index(folder)) == index_bytes(make_index(other))


def test_what_is_written_is_read_again(folder: Path) -> None:
    """And it is no bundle itself: the index of the folder stays the same."""
    index = make_index(folder)
    write_index(folder, index)

    assert read_index(folder) == index
    assert make_index(folder) == index


@pytest.mark.parametrize("data", [None, b"", b"{}", b'{"schema":"kit/index/1"}', b"[]"])
def test_what_is_no_index_is_refused(tmp_path: Path, data: bytes | None) -> None:
    """With the place, and no traceback."""
    if data is not None:
        (tmp_path / "index.json").write_bytes(data)
    with pytest.raises(InputError):
        read_index(tmp_path)


def test_one_identity_is_one_line(folder: Path) -> None:
    """The second by path is listed as refused."""
    (folder / "copy.tar.gz").write_bytes(variant(1))

    index = make_index(folder)

    assert [entry.path for entry in index.bundles] == ["copy.tar.gz", "two.tar.gz"]
    assert [each.path for each in index.refused] == ["one.tar.gz", "wrong.tar.gz"]
    assert "same identity as copy.tar.gz" in index.refused[0].reason


def test_a_signer_has_the_name_that_the_folder_gives_its_key(folder: Path, tmp_path: Path) -> None:
    """A key that is not in the list has a fingerprint only; a signature of something else refuses the bundle."""
    known, unknown = key_pair(tmp_path, "known"), key_pair(tmp_path, "unknown")
    allowed(folder, f"ada@example.org {public(known)}")
    signed(folder, "one", known)
    signed(folder, "two", unknown)

    index = make_index(folder)
    one, two = index.bundles
    assert one.signer is not None
    assert one.signer.name == "ada@example.org"
    assert two.signer is not None
    assert two.signer.name is None
    assert two.signer.fingerprint.startswith("SHA256:")

    (folder / "two.tar.gz.sig").write_bytes((folder / "one.tar.gz.sig").read_bytes())
    assert [each.path for each in make_index(folder).refused] == ["two.tar.gz", "wrong.tar.gz"]


def _seen(identity: str, signer: str | None, values: tuple[float, ...], digest: str = "d") -> Seen:
    subject = replicated("x", 4, dict.fromkeys(CHOSEN, values))
    when = f"2026-11-22T12:00:{ord(identity)}.000000Z"
    dated = replace(subject, trials=tuple(replace(trial, measured_utc=when) for trial in subject.trials))
    found = study(dated)
    found = replace(found, identity=identity * 64, label="consistent")
    entry = replace(ENTRY, identity=identity * 64, path=f"{identity}.tar.gz", reproduced_by=())
    entry = replace(entry, signer=IndexSigner(signer, "SHA256:x") if signer else None)
    return Seen(entry, party=Party(found, digest, signer))


def test_a_result_is_reproduced_by_others_who_agree() -> None:
    """Not by its own signer, an unsigned run, one that differs, or a run of another plan."""
    index = index_of(
        [
            _seen("a", "ann", FIGURES),
            _seen("b", "bob", (100.15, 100.25, 100.35)),
            _seen("c", "ann", (100.12, 100.22, 100.32)),
            _seen("d", None, (100.13, 100.23, 100.33)),
            _seen("e", "eve", (150.1, 150.2, 150.3)),
            _seen("f", "fay", (100.14, 100.24, 100.34), "another plan"),
        ]
    )

    assert {entry.identity[0]: [each[0] for each in entry.reproduced_by] for entry in index.bundles} == {
        "a": ["b"],
        "b": ["a", "c"],
        "c": ["b"],
        "d": [],
        "e": [],
        "f": [],
    }


def test_many_archives_are_verified_on_all_cpus_with_the_same_outcome(folder: Path) -> None:
    """In their order, and what is wrong with one is that one's."""
    for number in range(2 * MIN_FOR_EACH):
        (folder / f"wrong-{number:02}.tar.gz").write_bytes(b"no archive %d" % number)

    found = seen_in(folder, Trusted())

    assert found == [seen(folder, path, Trusted()) for path in archives_in(folder)]
    assert len(found) == 2 * MIN_FOR_EACH + 3


def test_an_index_cannot_be_made_where_signatures_cannot_be_checked(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody's result is refused because of a program that is missing here."""
    signed(folder, "one", key_pair(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(InputError, match="ssh-keygen"):
        make_index(folder)


def test_a_signature_file_that_is_none_refuses_its_bundle(folder: Path) -> None:
    """Whatever somebody put beside it."""
    (folder / "one.tar.gz.sig").write_bytes(b"hello")

    assert [each.path for each in make_index(folder).refused] == ["one.tar.gz", "wrong.tar.gz"]
