"""llama.cpp's own server as people start it: plain, with a key, behind a prefix, with the long path of a cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.servers.llamacpp import Settings, llamacpp
from tests.support.measured import Served, require_right_load, require_right_sweep, require_right_test
from tests.support.running import kit

pytestmark = pytest.mark.integration

ALIAS = "smol"
KEY = "sk-of-the-tests-0123456789"
PREFIX = "/engines/llama"
LONG_NAME = 230  # a schema of ours once held names to 200 characters
WAYS = ("plain", "key", "prefix", "long-name")


def long_path(folder: Path, weights: Path) -> Path:
    """The weights under a path such as a cache of models has, made longer than any alias."""
    deep = folder / "models--org--A-Model-480B-A35B-Instruct-1M-GGUF" / "snapshots" / ("0123456789abcdef" * 10)
    deep.mkdir(parents=True)
    path = deep / "A-Model-480B-A35B-Instruct-1M-UD-Q4_K_XL-00001-of-00006.gguf"
    path.symlink_to(weights)
    assert len(str(path)) >= LONG_NAME
    return path


@pytest.fixture(scope="module", params=WAYS)
def served(
    request: pytest.FixtureRequest, weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    way: str = request.param
    folder = tmp_path_factory.mktemp(way)
    settings = {
        "plain": Settings(weights),
        "key": Settings(weights, ALIAS, key=KEY),
        "prefix": Settings(weights, ALIAS, prefix=PREFIX),
        "long-name": Settings(long_path(folder, weights)) if way == "long-name" else Settings(weights),
    }[way]
    name = settings.alias or str(settings.model)
    environment = {"KIT_API_KEY": settings.key} if settings.key else {}
    with llamacpp(settings, folder / "server.log") as url:
        yield Served(url + settings.prefix, name, name, environment=environment)


def test_a_load_is_counted_to_the_token(served: Served, tmp_path: Path) -> None:
    """The model that the list names; as many tokens as asked for, each of them in a chunk of its own or less."""
    require_right_load(served, tmp_path / "load")


def test_a_sweep_answers_at_every_level(served: Served, tmp_path: Path) -> None:
    """One request a second, and two."""
    require_right_sweep(served, tmp_path / "sweep")


def test_the_answers_are_right(served: Served) -> None:
    """One by one and two at once."""
    require_right_test(served)


@pytest.fixture(scope="module")
def guarded(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Behind a key and a prefix, with the key still to be given."""
    folder = tmp_path_factory.mktemp("guarded")
    with llamacpp(Settings(weights, ALIAS, KEY, PREFIX), folder / "server.log") as url:
        yield Served(url + PREFIX, ALIAS, ALIAS)


def test_a_whole_endpoint_and_a_header_do_as_well(guarded: Served, tmp_path: Path) -> None:
    """The URL as it stands in other programs' examples, the key where KIT_API_KEY would put it."""
    whole = replace(
        guarded,
        url=f"{guarded.url}/v1/chat/completions",
        words=("--header", f"Authorization: Bearer {KEY}"),
    )
    require_right_load(whole, tmp_path / "load")
    require_right_test(whole)


@pytest.mark.parametrize("key", ["", "sk-another"])
def test_a_wrong_key_is_told_in_the_servers_words(guarded: Served, key: str, tmp_path: Path) -> None:
    """By all three commands: before any load where the list of models is asked for, and after one where not."""
    named = ("--model", ALIAS)
    for number, (command, code) in enumerate(
        [
            (("load", guarded.url, "--requests", "2"), 2),
            (("load", guarded.url, "--requests", "2", *named), 8),
            (("sweep", guarded.url, "--concurrency", "1", "--duration", "1"), 2),
            (("sweep", guarded.url, "--concurrency", "1", "--duration", "1", *named), 8),
            (("test", guarded.url, "--level", "tiny"), 2),
            (("test", guarded.url, "--level", "tiny", *named), 1),
        ]
    ):
        out = () if command[0] == "test" else ("--out", str(tmp_path / str(number)))
        done = kit(*command, *out, "--quiet", environment={"KIT_API_KEY": key})
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "401" in said
        assert said.count("Invalid API Key") == 1
        assert not key or key not in said


def test_a_missing_prefix_is_told_in_the_servers_words(guarded: Served, tmp_path: Path) -> None:
    """The server's 404, not a guess."""
    url = guarded.url.removesuffix(PREFIX)
    asked = ("--model", ALIAS, "--requests", "2", "--out", str(tmp_path / "load"))
    done = kit("load", url, *asked, "--quiet", environment={"KIT_API_KEY": KEY})
    assert done.returncode == 8
    assert "404" in done.stdout
    assert "File Not Found" in done.stdout
