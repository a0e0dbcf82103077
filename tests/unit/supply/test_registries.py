"""Crates and Go modules: addresses, sums, and which settings go into a build."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path

import pytest

from kit.errors import InputError
from kit.supply.registries import crate_address, crates_index, go_settings, module_sum, settings_files


@pytest.mark.parametrize(
    ("dl", "package", "address"),
    [
        ("https://static.crates.io/crates", "apr-cli", "https://static.crates.io/crates/apr-cli/0.1.0/download"),
        ("https://m/{crate}-{version}.crate", "apr-cli", "https://m/apr-cli-0.1.0.crate"),
        ("https://m/{prefix}/{crate}", "Inflector", "https://m/In/fl/Inflector"),
        ("https://m/{lowerprefix}/{crate}", "Inflector", "https://m/in/fl/Inflector"),
        ("https://m/{prefix}/{crate}", "cfg", "https://m/3/c/cfg"),
        ("https://m/{prefix}/{crate}", "gc", "https://m/2/gc"),
    ],
)
def test_the_address_of_a_crate_follows_its_index(dl: str, package: str, address: str) -> None:
    """With and without a template; names of one to three letters have prefixes of their own."""
    assert crate_address(dl, package, "0.1.0") == address


def test_a_registry_that_replaces_crates_io_is_taken() -> None:
    """Also through a chain, and by the name of a registry."""
    assert crates_index({}) == "https://index.crates.io/"
    chain = {
        "source": {"crates-io": {"replace-with": "a"}, "a": {"replace-with": "b"}},
        "registries": {"b": {"index": "sparse+https://crates.example/index"}},
    }
    assert crates_index(chain) == "https://crates.example/index/"


def test_a_replacement_that_cannot_be_fetched_from_is_refused() -> None:
    """A folder of vendored crates has no address; a circle ends."""
    with pytest.raises(InputError, match="vendored, which is not a sparse registry"):
        crates_index(
            {"source": {"crates-io": {"replace-with": "vendored"}, "vendored": {"registry": "file:///srv"}}}
        )
    circle = {"source": {"crates-io": {"replace-with": "a"}, "a": {"replace-with": "crates-io"}}}
    assert crates_index(circle) == "https://index.crates.io/"


def test_no_token_goes_into_a_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Addresses do; what is written is TOML that cargo reads, whatever the names are."""
    monkeypatch.setenv("CARGO_HOME", str(tmp_path))
    monkeypatch.setenv("GOENV", str(tmp_path / "env"))
    (tmp_path / "env").write_text("GOPROXY=https://go.example\nGOFLAGS=-x\n")
    for name in ("GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GONOPROXY", "GOINSECURE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config.toml").write_text(
        '[registry]\ntoken = "secret"\n[source.crates-io]\nreplace-with = "a b"\n'
        '[source."a b"]\nregistry = "sparse+https://crates.example/"\n'
        '[registries.mine]\nindex = "sparse+https://mine.example/"\ntoken = "secret"\n[net]\nretry = 5\n'
    )
    files = settings_files()
    assert b"secret" not in files["cargo.toml"]
    assert tomllib.loads(files["cargo.toml"].decode()) == {
        "source": {"crates-io": {"replace-with": "a b"}, "a b": {"registry": "sparse+https://crates.example/"}},
        "registries": {"mine": {"index": "sparse+https://mine.example/"}},
        "net": {"retry": 5},
    }
    assert files["go.env"] == b"GOPROXY=https://go.example\n"
    monkeypatch.setenv("GOPROXY", "off")
    assert go_settings() == {"GOPROXY": "off"}


def test_settings_that_cannot_be_read_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line, with the file."""
    monkeypatch.setenv("CARGO_HOME", str(tmp_path))
    (tmp_path / "config.toml").write_text("= no TOML")
    with pytest.raises(InputError, match=r"config\.toml cannot be read"):
        settings_files()


def test_the_sum_of_a_module_is_that_of_its_files(tmp_path: Path) -> None:
    """Order and compression of the archive do not matter; contents and names do."""
    first, second, other = tmp_path / "a.zip", tmp_path / "b.zip", tmp_path / "c.zip"
    contents = {"m@v1.0.0/go.mod": "module m\n", "m@v1.0.0/a.go": "package m\n"}
    for path, names, how in ((first, sorted(contents), 0), (second, sorted(contents, reverse=True), 8)):
        with zipfile.ZipFile(path, "w", how) as archive:
            for name in names:
                archive.writestr(name, contents[name])
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("m@v1.0.0/go.mod", "module m\n")
    assert module_sum(first) == module_sum(second)
    assert module_sum(first) != module_sum(other)
    assert module_sum(first).startswith("h1:")
    (tmp_path / "no.zip").write_text("no")
    assert module_sum(tmp_path / "no.zip") == "not a zip archive"
