"""Where the files of a folder of results lie, and which archives an index sees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.collection.layout import MAX_SLUG_CHARS, NOT_STATED, archives_in, is_place, machine_slug, place
from kit.documents.study import Machine
from kit.errors import InputError
from kit.storage.archive import check_name

EPYC = Machine("x86_64", "AMD EPYC 7763 64-Core Processor", 2, 8 << 30, (), None, (), "6.1.0", None)
IDENTITY = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("machine", "slug"),
    [
        (EPYC, "amd-epyc-7763-2cpu"),
        (replace(EPYC, cpu_model="Intel(R) Xeon(R) CPU @ 2.80GHz"), "intel-xeon-2-80ghz-2cpu"),
        (replace(EPYC, cpu_model=None, architecture="aarch64", cpus=4), "aarch64-4cpu"),
        (replace(EPYC, gpus=("NVIDIA H200",), cpus=16), "nvidia-h200-16cpu"),
        (replace(EPYC, gpus=("NVIDIA H200", "NVIDIA H200"), cpus=16), "2x-nvidia-h200-16cpu"),
        (replace(EPYC, cpu_model="../../etc/passwd\n\x1b[2J"), "etc-passwd-2j-2cpu"),
        (replace(EPYC, cpu_model="中央処理装置"), "machine-2cpu"),
        (replace(EPYC, cpu_model="x" * 200), "x" * 55 + "-2cpu"),
        (None, NOT_STATED),
    ],
)
def test_a_machine_has_a_name_for_its_folder(machine: Machine | None, slug: str) -> None:
    """By GPU or CPU, and the CPUs that a run may use."""
    assert machine_slug(machine) == slug


@given(st.text(max_size=100), st.lists(st.text(max_size=50), max_size=3), st.integers(1, 10**6))
def test_whatever_a_bundle_says_of_its_machine_names_a_folder(model: str, gpus: list[str], cpus: int) -> None:
    """On every file system: the archive's own rules for names hold."""
    slug = machine_slug(replace(EPYC, cpu_model=model, gpus=tuple(gpus), cpus=cpus))
    assert len(slug) <= MAX_SLUG_CHARS
    assert check_name(slug) is None
    assert is_place(place("demo", replace(EPYC, cpu_model=model, gpus=tuple(gpus), cpus=cpus), IDENTITY))


@pytest.mark.parametrize(
    "path",
    ["demo/a/0123456789abcde", "demo/a/b/0123456789abcdef", "Demo/a/0123456789abcdef", "demo/../0123456789abcdef"],
)
def test_what_has_not_the_form_of_a_place_is_none(path: str) -> None:
    """Too short, too deep, upper case, upwards."""
    assert not is_place(PurePosixPath(path))


def test_an_index_sees_archives_at_the_top_and_in_their_places_and_no_others(tmp_path: Path) -> None:
    """Sorted; no links, hidden files, remains of editors, or archives anywhere else."""
    home = tmp_path / place("demo", EPYC, IDENTITY)
    home.mkdir(parents=True)
    elsewhere = tmp_path / "demo" / "amd-epyc-7763-2cpu" / ".part-0123456789abcdef"
    elsewhere.mkdir()
    for path in (
        home / "bundle.tar.gz",
        home / "other.tar.gz",
        elsewhere / "bundle.tar.gz",
        tmp_path / "old.tar.gz",
        tmp_path / ".hidden.tar.gz",
        tmp_path / "old.tar.gz~",
        tmp_path / "demo" / "deep.tar.gz",
        tmp_path / "claims.yaml",
    ):
        path.write_bytes(b"")
    (tmp_path / "link.tar.gz").symlink_to(tmp_path / "old.tar.gz")
    (tmp_path / "linked").symlink_to(tmp_path / "demo")

    assert [str(path) for path in archives_in(tmp_path)] == [
        "demo/amd-epyc-7763-2cpu/0123456789abcdef/bundle.tar.gz",
        "old.tar.gz",
    ]


def test_an_archive_whose_name_cannot_stand_in_an_index_is_an_error(tmp_path: Path) -> None:
    """It is not passed over: its owner wants it in the index."""
    (tmp_path / "my run.tar.gz").write_bytes(b"")

    with pytest.raises(InputError, match="Rename the file"):
        archives_in(tmp_path)
