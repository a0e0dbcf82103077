"""kit sign, kit verify --signers, kit bundle and its list, kit plan --challenge, as they are typed."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from kit.cli import run
from kit.plan.challenge import challenge_seed
from kit.storage.archive import unpack
from tests.support.forge import changed, changed_files, in_result
from tests.support.good_bundle import good_bundle, good_files
from tests.support.keys import allowed, key_pair, public

NONCE = "00112233445566778899aabbccddeeff"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "demo.tar.gz"
    path.write_bytes(good_bundle())
    return path


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return key_pair(tmp_path_factory.mktemp("keys"), "ann")


def written(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def signed_by(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    """Exit code and verdict of `kit verify ... --json`."""
    code = run(["verify", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_bundle_is_signed_beside_itself_and_names_what_was_signed(
    bundle: Path, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Identity and the file's own sha256 under their names; the signature is no secret and no program."""
    assert run(["sign", str(bundle), "--key", str(key)]) == 0
    told = capsys.readouterr().out
    signature = tmp_path / "demo.tar.gz.sig"
    identity = sha256(unpack(good_bundle())["manifest.json"]).hexdigest()

    assert f"identity     {identity}" in told
    assert f"file sha256  {sha256(good_bundle()).hexdigest()}" in told
    assert not stat.S_IMODE(signature.stat().st_mode) & 0o111
    assert run(["verify", str(bundle), "--signers", str(allowed(tmp_path, f"ann {public(key)}"))]) == 0
    assert "Label: consistent, signed by ann (" in capsys.readouterr().out


def test_a_signature_is_not_overwritten_unless_that_is_wanted(
    bundle: Path, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """-o puts it elsewhere."""
    there = tmp_path / "demo.tar.gz.sig"
    there.write_text("somebody's", encoding="utf-8")

    assert run(["sign", str(bundle), "--key", str(key)]) == 2
    assert "exists" in capsys.readouterr().err
    assert there.read_text(encoding="utf-8") == "somebody's"
    assert run(["sign", str(bundle), "--key", str(key), "-o", str(tmp_path / "new" / "a.sig")]) == 0
    capsys.readouterr()
    assert run(["sign", str(bundle), "--key", str(key), "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["label"] == "consistent"
    assert there.read_bytes() == (tmp_path / "new" / "a.sig").read_bytes()


def test_a_rejected_bundle_is_not_signed(tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and the rule; no signature is left."""
    bad = tmp_path / "bad.tar.gz"
    bad.write_bytes(changed(in_result(lambda result: replace(result, plan_sha256="0" * 64))))

    assert run(["sign", str(bad), "--key", str(key)]) == 1
    assert "plan.digest" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [bad]


def test_what_a_signature_is_worth_is_in_the_document_and_never_in_the_label(
    bundle: Path, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Known, unknown, missing: exit code 0; bad, revoked: 1. Label, findings and checks are those without one."""
    plain_code, plain = signed_by(str(bundle), capsys=capsys)
    assert run(["sign", str(bundle), "--key", str(key), "-o", str(tmp_path / "good.sig")]) == 0
    capsys.readouterr()
    ann, nobody = allowed(tmp_path, f"ann {public(key)}"), tmp_path / "nobody"
    nobody.write_text("", encoding="utf-8")
    bad = tmp_path / "bad.sig"
    bad.write_bytes((tmp_path / "good.sig").read_bytes().replace(b"U1NIU0lH", b"V1NIU0lH"))
    revoked = tmp_path / "revoked"
    revoked.write_text(public(key) + "\n", encoding="utf-8")
    good = ["--signature", str(tmp_path / "good.sig")]
    cases = {
        "known": (0, ["--signers", str(ann), *good]),
        "unknown": (0, ["--signers", str(nobody), *good]),
        "missing": (0, ["--signers", str(ann)]),
        "revoked": (1, ["--signers", str(ann), "--revoked", str(revoked), *good]),
        "bad": (1, ["--signers", str(ann), "--signature", str(bad)]),
    }

    for outcome, (code, words) in cases.items():
        found_code, found = signed_by(str(bundle), *words, capsys=capsys)
        signature = found.pop("signature")
        assert (signature["outcome"], found_code) == (outcome, code)
        assert signature.get("name") == ("ann" if outcome == "known" else None)
        assert found == plain
    assert plain_code == 0
    assert "signature" not in plain


def test_a_signature_of_another_bundle_is_bad(
    bundle: Path, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where both are good: somebody else's numbers under a known name."""
    other = tmp_path / "other.tar.gz"
    other.write_bytes(changed(in_result(lambda result: replace(result, kit_version="9.9.9"))))
    assert run(["sign", str(bundle), "--key", str(key)]) == 0
    capsys.readouterr()
    signers = str(allowed(tmp_path, f"ann {public(key)}"))

    code, found = signed_by(str(other), "--signers", signers, "--signature", str(bundle) + ".sig", capsys=capsys)

    assert (code, found["signature"]["outcome"]) == (1, "bad")


def test_an_archive_that_cannot_be_read_has_no_good_signature(
    bundle: Path, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is rejected, and nobody is named for it."""
    assert run(["sign", str(bundle), "--key", str(key)]) == 0
    capsys.readouterr()
    bundle.write_bytes(good_bundle() + b"\0")
    signers = str(allowed(tmp_path, f"ann {public(key)}"))

    code, found = signed_by(str(bundle), "--signers", signers, capsys=capsys)

    assert (code, found["label"], found["signature"]["outcome"]) == (1, "rejected", "bad")


def test_options_about_signatures_that_do_not_fit_are_refused(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run folder has none; a list of revoked keys alone says nothing."""
    folder = written(tmp_path / "run", good_files())
    signers = str(allowed(tmp_path))

    assert run(["verify", str(folder), "--signers", signers]) == 2
    assert "has no signature" in capsys.readouterr().err
    assert run(["verify", str(bundle), "--revoked", signers]) == 2
    assert "needs --signers" in capsys.readouterr().err


# --- kit bundle -----------------------------------------------------------------------------------------------


def test_packing_prints_identity_and_sha256_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two hashes under two names; a complete run is not called incomplete."""
    folder = written(tmp_path / "run", good_files())
    assert run(["bundle", str(folder)]) == 0
    told = capsys.readouterr().out
    data = (tmp_path / "run.tar.gz").read_bytes()

    assert data == good_bundle()
    assert f"identity     {sha256(unpack(data)['manifest.json']).hexdigest()}" in told
    assert f"file sha256  {sha256(data).hexdigest()}" in told
    assert "Incomplete" not in told


def test_an_incomplete_run_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the cells that have no numbers; programs read it as a list."""

    def without_first(result: Any) -> Any:
        first, *others = result.cells
        return replace(result, complete=False, cells=(replace(first, status="missing", metrics=None), *others))

    folder = written(tmp_path / "run", changed_files(in_result(without_first)))
    first = json.loads(good_files()["result.json"])["cells"][0]["id"]

    assert run(["bundle", str(folder), "--list"]) == 0
    assert f"Incomplete: 1 planned cells have no numbers:\n  {first}: missing\n" in capsys.readouterr().out
    assert run(["bundle", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["complete"], found["lacking"]) == (False, [{"id": first, "status": "missing"}])


def test_the_list_has_every_file_and_field_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sizes add up to what is in the archive; that answers are in it is said first."""
    folder = written(tmp_path / "run", good_files())
    assert run(["bundle", str(folder), "--list"]) == 0
    told = capsys.readouterr().out
    assert run(["bundle", str(folder), "--list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    in_archive = {name: len(data) for name, data in unpack(good_bundle()).items()}
    listed = {file["path"]: file["bytes"] for group in found["groups"] for file in group["files"]}
    assert listed == in_archive
    assert sum(group["bytes"] for group in found["groups"]) == sum(in_archive.values())
    assert told.startswith("answers: ")
    assert "Every answer of the model in full" in told
    assert all(name in told for name in in_archive)
    machine = next(group for group in found["groups"] if group["name"] == "machine")
    assert {"cpu_model", "kernel", "packages.kit"} <= {field["path"] for field in machine["fields"]}
    assert list(tmp_path.iterdir()) == [folder]


def test_the_list_finds_names_of_this_machine_and_user(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole words only, wherever they stand; what is nobody's name is not looked for."""
    monkeypatch.setattr("platform.node", lambda: "annspc.example.org")
    monkeypatch.setenv("LOGNAME", "root")
    monkeypatch.setenv("HOME", "/home/ann")
    files = dict(good_files())
    clean = written(tmp_path / "clean", files)
    files["host.json"] = files["host.json"].replace(b"64-Core Processor", b"CPU of annspc")
    named = written(tmp_path / "named", files)

    assert run(["bundle", str(clean), "--list"]) == 0
    assert "Names of this machine and user: in none of these files." in capsys.readouterr().out
    assert run(["bundle", str(named), "--list"]) == 0
    assert "FOUND: annspc in host.json." in capsys.readouterr().out
    assert run(["bundle", str(named), "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["own_names_found_in"] == {"annspc": ["host.json"]}


# --- challenges -----------------------------------------------------------------------------------------------


@pytest.fixture
def board() -> Iterator[str]:
    """A board that gives a nonce, a file that is too long, and an answer that is none."""

    class Board(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = {"/nonce": NONCE.encode() + b"\n", "/long": b"0" * 100_000}.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Board)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_challenge_as_digits_file_or_address_makes_the_same_plan(
    tmp_path: Path, board: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The nonce is in the plan, the seed follows from it, and the text says so."""
    file = tmp_path / "challenge"
    file.write_text(f"{NONCE.upper()}\n", encoding="utf-8")

    for challenge in (NONCE, str(file), f"{board}/nonce"):
        assert run(["plan", "demo", "--challenge", challenge, "--json"]) == 0
        plan = json.loads(capsys.readouterr().out)
        assert (plan["challenge"], plan["seed"]) == (NONCE, challenge_seed(NONCE))
    assert run(["plan", "demo", "--challenge", NONCE]) == 0
    assert f"challenge   {NONCE}" in capsys.readouterr().out
    assert run(["plan", "demo", "--json"]) == 0
    assert "challenge" not in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["plan", "demo", "--challenge", "BOARD/gone"], 4, "could not be fetched"),
        (["plan", "demo", "--challenge", "BOARD/long"], 4, "larger than"),
        (["plan", "demo", "--challenge", "no-such-file"], 2, "no-such-file is no challenge"),
        (["plan", "demo", "--challenge", "0123"], 2, "16 to 64 hexadecimal digits"),
        (["plan", "demo", "--challenge", NONCE, "--seed", "3"], 2, "leave out --seed"),
        (["reproduce", "--resume", ".", "--challenge", NONCE], 2, "leave out the options"),
    ],
)
def test_what_is_no_challenge_is_refused(
    board: str, words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is measured, with one line and a remedy."""
    assert run([word.replace("BOARD", board) for word in words]) == code
    assert said in " ".join(capsys.readouterr().err.split())
