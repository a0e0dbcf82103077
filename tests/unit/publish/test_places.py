"""What destinations and sources mean, and what is none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.errors import InputError
from kit.publish.places import GitPlace, LocalPath, OciPlace, WebFile, destination, is_loopback, source

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("results", LocalPath(Path("results"))),
        ("oci://ghcr.io/name/results", OciPlace("ghcr.io", "name/results")),
        ("oci://localhost:5000/results:smol-2", OciPlace("localhost:5000", "results", "smol-2")),
        ("oci://[::1]:5000/results", OciPlace("[::1]:5000", "results")),
        ("oci://docker.io/name/results", OciPlace("registry-1.docker.io", "name/results")),
        ("git+https://host/a/b.git#main", GitPlace("https://host/a/b.git", "https", "main")),
        ("git+ssh://git@host:22/a/b#r/x:of/2026", GitPlace("ssh://git@host:22/a/b", "ssh", "r/x", "of/2026")),
        ("git+file:///a/b#main", GitPlace("file:///a/b", "file", "main")),
    ],
)
def test_a_destination_is_a_folder_a_branch_or_a_repository_of_a_registry(text: str, place: object) -> None:
    assert destination(text) == place


def test_a_source_is_also_a_digest_or_an_address() -> None:
    assert source(f"oci://ghcr.io/n:t@{DIGEST}") == OciPlace("ghcr.io", "n", "t", DIGEST)
    assert source("https://host/x.tar.gz?a=b", sha256="0" * 64) == WebFile("https://host/x.tar.gz?a=b", "0" * 64)
    assert source("http://localhost/x.tar.gz", plain_http=True) == WebFile("http://localhost/x.tar.gz")


@pytest.mark.parametrize(
    "text",
    [
        "", "x" * 2000, "a\nb", "oci://\u202ehost/n",
        "oci:host/n", "oci://host", "oci:///n", "oci://-h/n",
        "oci://h ost/n", "oci://host/Name", "oci://host/../n", "oci://host/n:",
        "oci://host/n:-x", "oci://host/n@sha256:12", "oci://host/n@", "oci://u:p@host/n", "oci://host/n/",
        "git+https://host/a", "git+https://host/a#", "git+http://host/a#main", "git+ext::sh -c x#main",
        "git+https://-oProxyCommand=x/a#main", "git+https:///a#main", "git+file://host/a#main", "git+file://#main",
        "git+https://host/a#-x", "git+https://host/a#a..b", "git+https://host/a#a.lock", "git+https://host/a#/a",
        "git+https://host/a#main:../x", "git+https://host/a#main:/x", "git+https://host/a#main:.git/x",
        "git+https://host/a?x#main", "git+https://host/a#a//b", "git+https://host/a#.a",
        "http://host/x", "https://host", "https://host/#x", "https:///x", "ftp://host/x", "https://[::1/x",
        "git+https://[::1/x#main", "https://host:x/y", "oci://host:123456/n",
    ],
)  # fmt: skip
def test_what_is_no_place_is_refused(text: str) -> None:
    """With one line what is wrong and one what to give; never another error."""
    with pytest.raises(InputError) as caught:
        source(text)
    assert caught.value.remedy
    assert caught.value.what.isprintable()


def test_nothing_is_published_to_an_address_or_a_digest() -> None:
    for text in ("https://host/x.tar.gz", f"oci://host/n@{DIGEST}"):
        with pytest.raises(InputError):
            destination(text)


def test_a_password_is_not_shown() -> None:
    place = destination("git+https://ann:secret@host/a#main")
    assert "secret" not in place.text()
    with pytest.raises(InputError) as caught:
        destination("git+https://ann:secret@host/a")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5000", "127.0.0.1:80", "127.8.9.1", "[::1]:5000", "[::1]"]
)
def test_this_machine_is_known_by_its_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.evil.com", "128.0.0.1", "example.com:127", "0.0.0.0", "[::2]:1", ""])
def test_other_machines_are_not_this_one(host: str) -> None:
    assert not is_loopback(host)
