"""kit verify of many: every bundle has its line, one bad one stops nothing, parts merge to the whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kit.cli import run
from kit.signing import sign, signature_beside
from kit.storage.archive import unpack
from kit.strict.schema import check
from tests.support.good_bundle import good_bundle, good_files
from tests.support.keys import allowed, key_pair, public


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three good bundles in two folders, one of them twice, and a damaged one."""
    results = tmp_path / "results"
    for name in ("a/one.tar.gz", "a/two.tar.gz", "b/three.tar.gz"):
        path = results / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(good_bundle())
    (results / "b/bad.tar.gz").write_bytes(good_bundle()[:-7])
    return results


def test_a_folder_is_a_table_with_a_line_for_each_and_exit_code_1_for_one_bad(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sorted by name; why the bad one was rejected; how many of each label."""
    assert run(["verify", str(folder), "--jobs", "2"]) == 1
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert [line.split()[:2] for line in lines[2:6]] == [
        ["a/one.tar.gz", "consistent"],
        ["a/two.tar.gz", "consistent"],
        ["b/bad.tar.gz", "rejected"],
        ["b/three.tar.gz", "consistent"],
    ]
    assert any(line.startswith("REJECT b/bad.tar.gz: archive.canonical ") for line in lines)
    assert lines[-1] == "4 bundles: 3 consistent, 1 rejected"
    assert said.err == ""
    (folder / "b/bad.tar.gz").unlink()
    assert run(["verify", str(folder), "-q"]) == 0
    assert capsys.readouterr().out == "".join(
        f"consistent\t{name}.tar.gz\n" for name in ("a/one", "a/two", "b/three")
    )


def test_the_document_is_the_same_from_everywhere_and_has_no_path_of_this_machine(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And follows its schema; each statement is one of in-toto."""
    run(["verify", str(folder), "--json"])
    first = capsys.readouterr().out
    monkeypatch.chdir(folder)
    run(["verify", ".", "--json", "-j", "1", "-o", "../all.json"])
    again = capsys.readouterr().out
    document = json.loads(first)
    check(document, "verdicts", "printed")
    assert first == again == (folder.parent / "all.json").read_text(encoding="utf-8")
    assert str(folder) not in first
    assert {each["_type"] for each in document["statements"]} == {"https://in-toto.io/Statement/v1"}


def test_parts_of_a_set_are_merged_to_what_one_command_writes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Byte for byte; the exit code of each part, and of the whole, is that of its own bundles."""
    parts = [str(folder.parent / f"{part}.json") for part in (1, 2, 3)]
    codes = [run(["verify", str(folder), "--shard", f"{n}/3", "-o", part]) for n, part in enumerate(parts, 1)]
    assert codes == [0, 0, 1]
    assert "2 bundles (part 1 of 3, of 4 bundles): 2 consistent" in capsys.readouterr().out
    run(["verify", str(folder), "-o", str(folder.parent / "whole.json")])
    assert run(["verify", "--merge", *parts[::-1], "-o", str(folder.parent / "merged.json")]) == 1
    assert "4 bundles: 3 consistent, 1 rejected" in capsys.readouterr().out
    assert (folder.parent / "merged.json").read_bytes() == (folder.parent / "whole.json").read_bytes()
    assert run(["verify", "--merge", *parts[:2]]) == 2
    assert "Part 3 of 3 is missing." in capsys.readouterr().err


def test_one_bundle_alone_is_what_it_was_and_as_a_statement(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--json` keeps its document; the statement says the same in in-toto's form, and holds its bytes."""
    bundle = str(folder / "a/one.tar.gz")
    assert run(["verify", bundle, "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["schema"] == "kit/verdict/1"
    texts = []
    for _ in range(2):
        assert run(["verify", bundle, "--statement"]) == 0
        texts.append(capsys.readouterr().out)
    statement = json.loads(texts[0])
    check(statement, "statement", "printed")
    assert texts[0] == texts[1]
    assert statement["subject"] == [{"name": "manifest.json", "digest": {"sha256": verdict["identity"]}}]
    assert {name: statement["predicate"][name] for name in ("label", "checked", "findings")} == {
        name: verdict[name] for name in ("label", "checked", "findings")
    }
    assert run(["verify", str(folder / "b/bad.tar.gz"), "--statement"]) == 1
    assert json.loads(capsys.readouterr().out)["subject"][0]["name"] == "bad.tar.gz"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--merge", "--shard", "1/2"], "--merge takes the files"),
        (["--statement", "--json"], "--statement is about one bundle"),
        (["--shard", "3/2"], "no part I of N"),
        (["--jobs", "0"], "--jobs"),
    ],
)
def test_options_that_do_not_go_together_are_said(
    folder: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and nothing is judged."""
    assert run(["verify", str(folder / "a/one.tar.gz"), *options]) == 2
    assert words in capsys.readouterr().err


def test_a_file_that_is_no_summary_is_not_merged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a bundle nor the verdict on one."""
    single = folder / "single.json"
    run(["verify", str(folder / "a/one.tar.gz"), "--json"])
    single.write_text(capsys.readouterr().out, encoding="utf-8")
    for wrong in (folder / "a/one.tar.gz", single):
        assert run(["verify", "--merge", str(wrong)]) == 2
        assert str(wrong) in capsys.readouterr().err


def test_a_run_folder_keeps_no_identity_and_is_judged_beside_bundles(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its statement is about its result; a statement of it alone is refused, for want of an identity."""
    for name, data in good_files().items():
        path = tmp_path / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "one.tar.gz").write_bytes(good_bundle())
    assert run(["verify", str(tmp_path / "run"), str(tmp_path / "one.tar.gz"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [each["subject"][0]["name"] for each in document["statements"]] == ["manifest.json", "result.json"]
    assert run(["verify", str(tmp_path / "run"), "--statement"]) == 2
    assert "has no identity" in capsys.readouterr().err


# --- two of one plan ----------------------------------------------------------------------------------------


def reproduced(a: Path, b: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    assert run(["verify", str(a), str(b), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    check(document, "verdicts", "printed")
    return document["reproduction"]


def test_two_accepted_bundles_are_held_against_each_other(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy reproduces nothing; the first argument is A, whatever its name; other plans are not comparable."""
    one, two = folder / "a/one.tar.gz", folder / "a/two.tar.gz"
    found = reproduced(two, one, capsys)
    assert found["outcome"] == "not comparable"
    assert found["reasons"] == ["both are the same bundle"]
    assert run(["verify", str(one), str(two)]) == 0
    assert "Reproduced? not comparable" in capsys.readouterr().out


def test_neither_a_rejected_one_nor_a_folder_is_held_against_another(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only two that were named and accepted."""
    for given in (["a/one.tar.gz", "b/bad.tar.gz"], ["a"], ["a", "b/three.tar.gz"]):
        run(["verify", *(str(folder / name) for name in given)])
        assert "Reproduced?" not in capsys.readouterr().out


# --- signatures ---------------------------------------------------------------------------------------------


def test_each_bundle_has_the_signer_of_the_file_beside_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Known, missing, of other bytes, no signature at all; the last two are worse than none, so exit code 1."""
    ann, bob = key_pair(tmp_path, "ann"), key_pair(tmp_path, "bob")
    signers = allowed(tmp_path, f"ann {public(ann)}", f"bob {public(bob)}")
    one, two, three = (folder / name for name in ("a/one.tar.gz", "a/two.tar.gz", "b/three.tar.gz"))
    manifest = unpack(one.read_bytes())["manifest.json"]
    signature_beside(one).write_bytes(sign(manifest, ann))
    (folder / "b/bad.tar.gz").unlink()
    words = ["verify", str(folder), "--signers", str(signers)]

    assert run(words) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[2:5]]
    assert [line[2] for line in lines] == ["ann", "none", "none"]

    signature_beside(two).write_bytes(sign(manifest + b" ", bob))
    signature_beside(three).write_text("no signature", encoding="utf-8")
    assert run(words) == 1
    said = capsys.readouterr().out
    assert said.count("SIGNATURE ") == 2
    assert "SIGNATURE b/three.tar.gz: BAD: it is not an SSH signature" in said

    signature_beside(two).write_bytes(sign(manifest, bob))
    assert run(["verify", str(one), str(two), "--signers", str(signers), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    check(document, "verdicts", "printed")
    assert document["reproduction"]["signers"] == ["ann", "bob"]
    assert [each["predicate"]["signature"]["name"] for each in document["statements"]] == ["ann", "bob"]


def test_signers_that_cannot_be_checked_are_an_error_and_no_verdict(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is no ssh-keygen, nobody is said to be unknown; one signature is not that of many."""
    signers, one = tmp_path / "signers", folder / "a/one.tar.gz"
    signers.write_text("", encoding="utf-8")
    key = key_pair(tmp_path, "ann")
    signature_beside(one).write_bytes(sign(unpack(one.read_bytes())["manifest.json"], key))
    assert run(["verify", str(folder), "--signers", str(signers), "--signature", str(signature_beside(one))]) == 2
    monkeypatch.setenv("PATH", str(tmp_path))
    capsys.readouterr()
    assert run(["verify", str(folder), "--signers", str(signers)]) == 2
    assert "ssh-keygen is not installed" in capsys.readouterr().err
