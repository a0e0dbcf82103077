"""A branch that adds bundles is judged as data, in a real repository; whatever else it changes refuses it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from kit.collection.layout import place
from kit.collection.proposed import Judged, check_proposal
from kit.documents import Host
from kit.errors import InputError
from kit.judge.machines import machine_of
from kit.judge.open import RefusedError
from kit.signing import sign
from kit.storage.archive import unpack
from kit.storage.names import MANIFEST
from kit.strict import read_json, typed
from tests.support.forge import changed, drop
from tests.support.keys import allowed, key_pair, public
from tests.support.variants import on_host, variant


def home_of(archive: bytes) -> str:
    """Where an archive belongs in the repository."""
    files = unpack(archive)
    host = typed(Host, read_json(files["host.json"], "host.json"), "host.json")
    return f"results/{place('demo-short', machine_of(host), sha256(files[MANIFEST]).hexdigest())}"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository with code, one result, and a branch for a proposal."""

    root: Path

    def git(self, *words: str) -> None:
        names = {
            f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        plain = {"PATH": os.environ["PATH"], "HOME": str(self.root.parent), "GIT_CONFIG_NOSYSTEM": "1", **names}
        subprocess.run(["git", *words], cwd=self.root, check=True, env=plain, capture_output=True, timeout=60)

    def write(self, path: str, data: bytes) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)

    def add(self, archive: bytes, home: str | None = None) -> str:
        path = f"{home or home_of(archive)}/bundle.tar.gz"
        self.write(path, archive)
        return path

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "A change")

    def judged(self) -> tuple[Judged, ...]:
        self.commit()
        return check_proposal(self.root, "main", "proposal", "results")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "repository"
    root.mkdir()
    found = Repository(root)
    found.git("init", "-q", "-b", "main")
    found.write("kit/code.py", b"print('good')\n")
    found.write("results/index.json", b"{}\n")
    found.write("results/flat.tar.gz", variant(3))
    found.add(variant(1))
    found.commit()
    found.git("checkout", "-q", "-b", "proposal")
    return found


def test_a_branch_that_adds_a_bundle_is_accepted(repository: Repository) -> None:
    """The answer names path, label and identity; the working tree is as it was."""
    path = repository.add(variant(2))

    (found,) = repository.judged()

    assert found.path == path
    assert found.refusal is None
    assert found.accepted is not None
    assert found.accepted.entry.label in ("self-reported", "consistent")


def test_two_bundles_at_once_are_judged_each(repository: Repository) -> None:
    """One that is refused does not hide one that is accepted, nor the reason of another."""
    good = repository.add(variant(2))
    copy = repository.add(variant(1, on_host(cpu_model="Another CPU")))
    rejected = repository.add(changed(drop("result.json")))

    found = {each.path: each for each in repository.judged()}

    assert found[good].accepted is not None
    assert "identical files of records" in str(found[copy].refusal)
    assert "rejected by verification" in str(found[rejected].refusal)


def test_two_bundles_of_one_proposal_may_not_be_copies_of_each_other(repository: Repository) -> None:
    """Neither comes in."""
    repository.add(variant(2))
    repository.add(variant(2, on_host(cpu_model="Another CPU")))

    assert [each.accepted for each in repository.judged()] == [None, None]


def test_a_signed_bundle_is_judged_by_the_signers_of_the_base(repository: Repository, tmp_path: Path) -> None:
    """A branch cannot bring its own list."""
    key = key_pair(tmp_path)
    repository.git("checkout", "-q", "main")
    allowed(repository.root / "results", f"ada@example.org {public(key)}")
    repository.commit()
    repository.git("checkout", "-q", "proposal")
    repository.git("rebase", "-q", "main")
    path = repository.add(variant(2))
    repository.write(f"{path}.sig", sign(unpack(variant(2))[MANIFEST], key))

    (found,) = repository.judged()

    assert found.accepted is not None
    assert found.accepted.entry.signer is not None
    assert found.accepted.entry.signer.name == "ada@example.org"


def test_the_base_may_have_moved_on(repository: Repository) -> None:
    """What others have added since is no change of this branch, and counts as a result."""
    repository.add(variant(2, on_host(cpu_model="Another CPU")))
    repository.commit()
    repository.git("checkout", "-q", "main")
    repository.add(variant(2))
    repository.commit()

    (found,) = check_proposal(repository.root, "main", "proposal", "results")

    assert "identical files of records" in str(found.refusal)


def _code(repository: Repository) -> None:
    repository.write("kit/code.py", b"print('bad')\n")


def _new_code(repository: Repository) -> None:
    repository.write(".github/workflows/new.yml", b"on: pull_request_target\n")


def _changed(repository: Repository) -> None:
    repository.write(f"{home_of(variant(1))}/bundle.tar.gz", variant(2))


def _removed(repository: Repository) -> None:
    (repository.root / home_of(variant(1)) / "bundle.tar.gz").unlink()


def _moved(repository: Repository) -> None:
    old = repository.root / home_of(variant(1)) / "bundle.tar.gz"
    repository.add(old.read_bytes(), "results/demo/another-cpu-2cpu/0123456789abcdef")
    old.unlink()


def _index(repository: Repository) -> None:
    repository.write("results/index.json", b'{"bundles": []}\n')


def _report(repository: Repository) -> None:
    repository.write(f"{home_of(variant(2))}/report.html", b"<script>")


def _signers(repository: Repository) -> None:
    repository.write("results/allowed_signers", b"me ssh-ed25519 AAAA\n")


def _link(repository: Repository) -> None:
    home = repository.root / "results/demo/a-2cpu/0123456789abcdef"
    home.mkdir(parents=True)
    (home / "bundle.tar.gz").symlink_to("/etc/passwd")


def _executable(repository: Repository) -> None:
    path = repository.add(variant(2), "results/demo/a-2cpu/0123456789abcdef")
    (repository.root / path).chmod(0o755)


def _linked_folder(repository: Repository) -> None:
    (repository.root / "results" / "demo-short" / "other").symlink_to("/etc")


def _submodule(repository: Repository) -> None:
    inner = repository.root / "results" / "demo-short" / "inner"
    inner.mkdir()
    nested = Repository(inner)
    nested.git("init", "-q")
    nested.write("x", b"")
    nested.commit()


def _odd_name(repository: Repository) -> None:
    repository.write("results/demo/a cpu\n\x1b[2J/0123456789abcdef/bundle.tar.gz", variant(2))


@pytest.mark.parametrize(
    "change",
    [
        _code,
        _new_code,
        _changed,
        _removed,
        _moved,
        _index,
        _report,
        _signers,
        _link,
        _executable,
        _linked_folder,
        _submodule,
        _odd_name,
    ],
)
def test_a_branch_that_changes_anything_else_is_refused(
    repository: Repository, change: Callable[[Repository], None]
) -> None:
    """Even if it also adds a good bundle; each fault is named, harmless for a terminal."""
    repository.add(variant(2))
    change(repository)

    with pytest.raises(RefusedError, match="more than bundles") as refused:
        repository.judged()

    assert len(refused.value.detail) >= 1
    assert all(line.isprintable() for line in refused.value.detail)


def test_a_branch_without_a_bundle_is_refused(repository: Repository) -> None:
    """Nothing to check is no success."""
    repository.git("commit", "-q", "--allow-empty", "-m", "Nothing")

    with pytest.raises(RefusedError, match="adds no bundle"):
        check_proposal(repository.root, "main", "proposal", "results")


def test_a_branch_with_no_past_in_common_says_where_to_begin(repository: Repository) -> None:
    """As `kit publish` makes one that was missing."""
    repository.git("checkout", "-q", "--orphan", "apart")
    repository.git("commit", "-q", "--allow-empty", "-m", "Apart")

    with pytest.raises(InputError) as caught:
        check_proposal(repository.root, "main", "apart", "results")
    assert "git switch -c BRANCH BASE" in caught.value.remedy


def test_a_signature_alone_is_refused(repository: Repository) -> None:
    """To sign what is there already is the owner's, by hand."""
    repository.write(f"{home_of(variant(1))}/bundle.tar.gz.sig", b"-----BEGIN SSH SIGNATURE-----\n")

    with pytest.raises(RefusedError, match=r"has no bundle\.tar\.gz beside it"):
        repository.judged()


def test_a_bundle_in_another_place_is_refused(repository: Repository) -> None:
    """The place follows from the bundle."""
    repository.add(variant(2), "results/demo-short/nvidia-h200-16cpu/0123456789abcdef")

    (found,) = repository.judged()

    assert found.accepted is None
    assert f"Move it to {home_of(variant(2))}/bundle.tar.gz" in str(found.refusal)


def test_a_bundle_that_verification_rejects_is_refused(repository: Repository) -> None:
    """With the rule that rejects it."""
    archive = changed(drop("result.json"))
    repository.add(archive)

    (found,) = repository.judged()

    assert "rejected by verification" in str(found.refusal)


def test_more_bundles_than_a_person_looks_at_are_refused(repository: Repository) -> None:
    """Eleven files of one byte: refused before any of them is read."""
    for number in range(11):
        repository.add(b"x", f"results/demo/a-2cpu/{number:016x}")

    with pytest.raises(RefusedError, match="adds 11 bundles"):
        repository.judged()


@pytest.mark.parametrize(
    ("base", "head", "folder"),
    [
        ("--output=/tmp/x", "proposal", "results"),
        ("main", "--ext-diff", "results"),
        ("main", "proposal..main", "results"),
        ("main", "nowhere", "results"),
        ("main", "proposal", "../results"),
        ("main", "proposal", ":(top)"),
    ],
)
def test_odd_words_are_no_options_of_git(repository: Repository, base: str, head: str, folder: str) -> None:
    """Usage errors, whatever a branch is called."""
    with pytest.raises(InputError):
        check_proposal(repository.root, base, head, folder)


def test_nothing_of_the_repository_is_run(repository: Repository, tmp_path: Path) -> None:
    """No hook, no filter, no diff program that the repository's own settings name."""
    trap = tmp_path / "ran"
    program = tmp_path / "trap"
    program.write_text(f"#!/bin/sh\ntouch {trap}\ncat\n", encoding="utf-8")
    program.chmod(0o755)
    repository.git("checkout", "-q", "main")
    repository.write(".gitattributes", b"*.gz filter=trap diff=trap\n")
    repository.commit()
    repository.git("checkout", "-q", "proposal")
    repository.git("rebase", "-q", "main")
    repository.add(variant(2))
    repository.commit()
    for name in (
        "filter.trap.smudge",
        "filter.trap.clean",
        "diff.external",
        "diff.trap.command",
        "diff.trap.textconv",
    ):
        repository.git("config", name, str(program))
    repository.git("config", "core.fsmonitor", str(program))

    (found,) = check_proposal(repository.root, "main", "proposal", "results")

    assert found.accepted is not None
    assert not trap.exists()
