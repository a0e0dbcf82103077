"""A results folder on a git branch: added to without a checkout, raced for, read byte for byte."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread

import pytest

from kit.errors import InputError, KitError, PublishError, SourceError
from kit.publish.branch import bundles_of_branch, publish_to_branch
from kit.publish.places import GitPlace
from tests.unit.publish.test_registry import PARCEL

CRLF = b"a\r\nb\x00\r\n$Id$"


@pytest.fixture(autouse=True)
def somebody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that knows who commits, and nothing else of this machine; with settings that would change bytes."""
    config = tmp_path / "gitconfig"
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-push", "reference-transaction", "post-checkout"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/hook-ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    config.write_text(
        "[user]\nname = Ann\nemail = ann@example.com\n[core]\nautocrlf = true\n"
        f'hooksPath = {hooks}\n[filter "bad"]\nclean = tr a b\nsmudge = tr a b\n[commit]\ngpgSign = true\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # as a hook that calls the kit would leave it


def git(folder: Path, *words: str, stdin: bytes = b"") -> bytes:
    command = ["git", "-c", "core.hooksPath=/dev/null", "--git-dir", str(folder), *words]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    folder = tmp_path / "it.git"
    clean = {name: value for name, value in os.environ.items() if name != "GIT_DIR"}
    subprocess.run(["git", "init", "--quiet", "--bare", str(folder)], check=True, env=clean)
    git(
        folder, "config", "core.hooksPath", str(folder / "hooks")
    )  # of a server, which has no settings of this user
    return folder


def place(bare: Path, path: str | None = None, branch: str = "main") -> GitPlace:
    return GitPlace(f"file://{bare}", "file", branch, path)


def add(folder: Path, archive: bytes, signature: bytes | None) -> None:
    """An intake in small: the archive by its first letters, and an index of what is there."""
    home = folder / archive[:4].decode()
    home.mkdir()
    (home / "bundle.tar.gz").write_bytes(archive)
    if signature:
        (home / "bundle.tar.gz.sig").write_bytes(signature)
    (folder / "index.json").write_text(" ".join(sorted(path.name for path in folder.iterdir() if path.is_dir())))


def seeded(bare: Path, files: dict[str, tuple[str, bytes]]) -> None:
    """A commit with these files: path to mode and content."""
    lines = []
    for path, (mode, data) in files.items():
        object_id = git(bare, "hash-object", "-w", "--no-filters", "--stdin", stdin=data).decode().strip()
        lines.append(f"{mode} {object_id}\t{path}\n")
    git(bare, "update-index", "--add", "--index-info", stdin="".join(lines).encode())
    tree = git(bare, "write-tree").decode().strip()
    git(bare, "update-ref", "refs/heads/main", git(bare, "commit-tree", tree, "-m", "x").decode().strip())


def shown(bare: Path, path: str, branch: str = "main") -> bytes:
    return git(bare, "cat-file", "blob", f"refs/heads/{branch}:{path}")


def paths(bare: Path, branch: str = "main") -> list[str]:
    return git(bare, "ls-tree", "-r", "--name-only", f"refs/heads/{branch}").decode().split()


def test_the_first_bundle_makes_the_branch(bare: Path, tmp_path: Path) -> None:
    """With a message of facts, by who the user's git says; no hook of the user's ran."""
    done = publish_to_branch(PARCEL, place(bare), add)
    wanted = ["results/an-a/bundle.tar.gz", "results/an-a/bundle.tar.gz.sig", "results/index.json"]
    assert list(done.changed) == wanted
    assert shown(bare, "results/an-a/bundle.tar.gz") == PARCEL.archive
    message = git(bare, "log", "-1", "--format=%an <%ae>%n%B", "refs/heads/main").decode()
    assert message.startswith("Ann <ann@example.com>\nAdd results of smol on EPYC, 2 CPUs (abababababababab)\n")
    assert PARCEL.identity in message
    assert PARCEL.sha256 in message
    assert "consistent" not in message
    assert not (tmp_path / "hook-ran").exists()


def test_what_is_there_already_makes_no_commit(bare: Path) -> None:
    first = publish_to_branch(PARCEL, place(bare), add)
    again = publish_to_branch(PARCEL, place(bare), add)
    assert (again.commit, again.changed) == (first.commit, ())


def test_the_rest_of_the_branch_stays_as_it_is(bare: Path) -> None:
    """Links, modes, line ends and attributes, in the results folder and beside it."""
    seeded(
        bare,
        {
            ".gitattributes": ("100644", b"* text eol=lf ident filter=bad\n"),
            "run.sh": ("100755", b"#!/bin/sh\n"),
            "results/link": ("120000", b"/etc/passwd"),
            "results/.hidden": ("100644", b"x"),
            "results/old/bundle.tar.gz": ("100644", CRLF),
        },
    )
    parcel = replace(PARCEL, archive=b"new-" + CRLF, signature=None)
    publish_to_branch(parcel, place(bare), add)
    assert shown(bare, "results/new-/bundle.tar.gz") == b"new-" + CRLF
    assert shown(bare, "results/old/bundle.tar.gz") == CRLF
    assert shown(bare, "results/index.json") == b"new- old"
    listed = git(bare, "ls-tree", "-r", "refs/heads/main").decode()
    for mode, path in (("120000", "results/link"), ("100755", "run.sh"), ("100644", "results/.hidden")):
        assert any(line.startswith(mode) and line.endswith(f"\t{path}") for line in listed.splitlines())
    got = {path: (archive, signature) for path, archive, signature in bundles_of_branch(place(bare))}
    assert got == {
        "results/new-/bundle.tar.gz": (b"new-" + CRLF, None),
        "results/old/bundle.tar.gz": (CRLF, None),
    }


def test_what_an_intake_removes_goes(bare: Path) -> None:
    seeded(bare, {"results/old": ("100644", b"x"), "results/kept": ("100644", b"y")})

    def replacing(folder: Path, archive: bytes, signature: bytes | None) -> None:
        (folder / "old").unlink()
        add(folder, archive, signature)

    done = publish_to_branch(replace(PARCEL, signature=None), place(bare), replacing)
    assert "results/old" in done.changed
    assert "results/old" not in paths(bare)
    assert "results/kept" in paths(bare)


def test_two_that_publish_at_once_both_arrive(bare: Path) -> None:
    """The one that comes too late does its work again on top of the other's: the index has both."""
    publish_to_branch(PARCEL, place(bare), add)
    together = Barrier(2)
    failures: list[BaseException] = []

    def publishing(name: bytes) -> Callable[[], None]:
        waited: list[bool] = []

        def meeting(folder: Path, archive: bytes, signature: bytes | None) -> None:
            if not waited:
                waited.append(True)
                together.wait(30)  # both have the same commit below them now
            add(folder, archive, signature)

        def run() -> None:
            try:
                publish_to_branch(replace(PARCEL, archive=name * 2, signature=None), place(bare), meeting)
            except BaseException as error:
                failures.append(error)

        return run

    threads = [Thread(target=publishing(name)) for name in (b"left", b"rite")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert shown(bare, "results/index.json") == b"an-a left rite"
    assert git(bare, "rev-list", "--count", "refs/heads/main").strip() == b"3"


def test_an_intake_that_refuses_leaves_the_branch(bare: Path) -> None:
    def refusing(*_: object) -> None:
        raise InputError("It is a copy.")

    with pytest.raises(InputError, match="a copy"):
        publish_to_branch(PARCEL, place(bare), refusing)
    assert git(bare, "branch").strip() == b""


def test_a_server_that_takes_no_push_is_a_failure_to_publish(bare: Path) -> None:
    """Its words are shown, made harmless, and it is asked once."""
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho x >> {bare}/asked\nprintf 'not on a \\033[31mSunday\\n'\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(PublishError) as caught:
        publish_to_branch(PARCEL, place(bare), add)
    assert caught.value.exit_code == 13
    assert any("Sunday" in line for line in caught.value.detail)
    assert all(line.isprintable() for line in caught.value.detail)
    assert (bare / "asked").read_text() == "x\n"


def test_who_commits_is_not_guessed(bare: Path, tmp_path: Path) -> None:
    """Not from the name of a user and a machine."""
    (tmp_path / "gitconfig").write_text("")
    with pytest.raises(InputError) as caught:
        publish_to_branch(PARCEL, place(bare), add)
    assert "user.name" in caught.value.remedy


# --- fetching -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (None, ["a.tar.gz", "r/x/b.tar.gz", "r/y/b.tar.gz"]),
        ("r", ["r/x/b.tar.gz", "r/y/b.tar.gz"]),
        ("r/x", ["r/x/b.tar.gz"]),
        ("r/y/b.tar.gz", ["r/y/b.tar.gz"]),
    ],
)
def test_all_bundles_a_folder_or_one(bare: Path, path: str | None, found: list[str]) -> None:
    files = {name: ("100644", name.encode()) for name in ("a.tar.gz", "r/x/b.tar.gz", "r/y/b.tar.gz", "r/y/c.txt")}
    seeded(bare, {**files, "r/x/b.tar.gz.sig": ("100644", b"s"), "link.tar.gz": ("120000", b"a.tar.gz")})
    got = list(bundles_of_branch(place(bare, path)))
    assert [each[0] for each in got] == found
    assert all(archive == name.encode() for name, archive, _ in got)
    assert [name for name, _, signature in got if signature] == [name for name in found if name == "r/x/b.tar.gz"]


@pytest.mark.parametrize(
    ("path", "branch"), [("r/z", "main"), ("*", "main"), (None, "other"), (None, "mai"), ("r/y/c.txt", "main")]
)
def test_where_nothing_is_that_is_said(bare: Path, path: str | None, branch: str) -> None:
    seeded(bare, {"r/y/b.tar.gz": ("100644", b"x"), "r/y/c.txt": ("100644", b"x")})
    with pytest.raises(SourceError):
        list(bundles_of_branch(place(bare, path, branch)))


def test_a_repository_that_is_none_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(KitError) as caught:
        list(bundles_of_branch(place(tmp_path / "nowhere")))
    assert caught.value.exit_code == 4
    assert caught.value.detail


def test_a_file_too_large_for_a_bundle_is_not_read(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.publish.branch.MAX_SIGNATURE_BYTES", 10)
    seeded(bare, {"b.tar.gz": ("100644", b"x"), "b.tar.gz.sig": ("100644", b"s" * 11)})
    with pytest.raises(SourceError, match="11 bytes; 10 are allowed"):
        list(bundles_of_branch(place(bare)))


def test_the_environment_of_another_git_has_no_say(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor may it open other protocols than the one of the address."""
    for name, value in {
        "GIT_WORK_TREE": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_EXTERNAL_DIFF": "x",
    }.items():
        monkeypatch.setenv(name, value)
    assert publish_to_branch(PARCEL, place(bare), add).changed
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    with pytest.raises(SourceError) as caught:
        list(bundles_of_branch(GitPlace(f"file://{bare}", "https", "main")))
    assert any("not allowed" in line for line in caught.value.detail)
