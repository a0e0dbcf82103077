"""What is measured of servers that already run."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.documents import SearchWish
from kit.errors import InputError
from kit.plan.choosing.platform_file import platform_text
from kit.plan.choosing.server_choice import chosen_servers
from kit.plan.choosing.wishes import Wishes
from kit.plan.platforms import load_platform

URLS = ("http://127.0.0.1:1234", "http://127.0.0.1:8000/")


def test_each_address_is_an_entry_called_by_host_and_port() -> None:
    """Two paths of one port have two names."""
    found = chosen_servers((*URLS, "http://127.0.0.1:8000/other", "https://llm.example.org"), None, Wishes())
    names = [entry.name for entry in found.platform.entries]
    assert names == ["127.0.0.1-1234", "127.0.0.1-8000", "127.0.0.1-8000--2", "llm.example.org"]
    assert {(entry.runtime, entry.variant) for entry in found.platform.entries} == {("server", "running")}


def test_what_is_written_is_read_back_as_the_same_platform(tmp_path: Path) -> None:
    """With the model that is asked for."""
    found = chosen_servers(URLS, "small", Wishes(users=(8, 1), budget_s=600))
    path = tmp_path / "own.yaml"
    path.write_text(platform_text(found.platform, found.reasons), encoding="utf-8")
    assert load_platform(str(path)) == found.platform
    assert "- {name: 127.0.0.1-1234, url: 'http://127.0.0.1:1234', served_model: small}" in path.read_text("utf-8")
    assert "\nmodel:" not in path.read_text("utf-8")
    assert found.platform.workload.concurrencies == (1, 8)
    assert [entry.served_model for entry in found.platform.entries] == ["small", "small"]


def test_limits_alone_are_searched_for_the_most_users(tmp_path: Path) -> None:
    """Of each server; in the file too."""
    wish = SearchWish("ttft=1s", 16, share=0.9)
    found = chosen_servers(URLS, None, Wishes(search=wish))
    path = tmp_path / "own.yaml"
    path.write_text(platform_text(found.platform, found.reasons), encoding="utf-8")
    assert load_platform(str(path)) == found.platform
    assert (found.platform.workload.search, found.platform.workload.concurrencies) == (wish, (1, 4, 16))
    assert found.reasons[2] == (
        "Users: the most from 1 to 16 within ttft 1,000 ms for 90 % of requests (--users for fixed numbers)."
    )
    assert found.reasons[3].startswith("Time: 1 replicate of 10 s windows, at most 12 cells and ")


@pytest.mark.parametrize(
    ("urls", "wishes", "words"),
    [
        (("http://a:1", "http://a:1/"), Wishes(), "are the same server"),
        (("ftp://a",), Wishes(), "ftp"),
        (("http://me:secret@a",), Wishes(), "user or a password"),
        (URLS, Wishes(engine="docker"), "Leave out --engine docker"),
        (URLS, Wishes(runtimes=("ollama",)), "Leave out --runtime"),
        (URLS, Wishes(budget_s=30), "too short"),
    ],
)
def test_what_cannot_be_is_refused(urls: tuple[str, ...], wishes: Wishes, words: str) -> None:
    """With what to do about it, and no secret."""
    with pytest.raises(InputError) as caught:
        chosen_servers(urls, None, wishes)
    assert words in str(caught.value)
    assert "secret@" not in str(caught.value)
