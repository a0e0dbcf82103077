"""What lies between a user and an engine: LiteLLM's proxy and SGLang's router, before llama.cpp's server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.servers.gateways import litellm, sglang_router
from tests.integration.servers.llamacpp import Settings, llamacpp
from tests.support.measured import Served, require_right_load, require_right_sweep, require_right_test
from tests.support.running import kit

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="requirements.txt pins wheels for Linux"),
]

MODEL = "smol"
ENGINE_KEY, MASTER_KEY = "sk-of-the-engine-0123", "sk-of-the-proxy-4567"


@pytest.fixture(scope="module")
def proxy(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """LiteLLM, which wants another key than the engine behind it."""
    folder = tmp_path_factory.mktemp("proxy")
    with (
        llamacpp(Settings(weights, MODEL, ENGINE_KEY), folder / "engine.log") as behind,
        litellm(behind, ENGINE_KEY, MODEL, MASTER_KEY, folder) as url,
    ):
        yield url


@pytest.fixture(scope="module")
def router(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("router")
    with llamacpp(Settings(weights, MODEL), folder / "engine.log") as behind, sglang_router(behind, folder) as url:
        yield url


@pytest.fixture(scope="module", params=["proxy", "router"])
def served(request: pytest.FixtureRequest) -> Served:
    url: str = request.getfixturevalue(request.param)
    if request.param == "proxy":
        return Served(url, MODEL, MODEL, environment={"KIT_API_KEY": MASTER_KEY})
    # What a router lists that was given no name of a model, and hands on.
    return Served(url, "unknown", MODEL)


def test_a_load_is_counted_to_the_token(served: Served, tmp_path: Path) -> None:
    """Chunk by chunk as the engine sent them: no gateway of these two adds or joins any."""
    require_right_load(served, tmp_path / "load")


def test_a_sweep_answers_at_every_level(served: Served, tmp_path: Path) -> None:
    """One request a second, and two."""
    require_right_sweep(served, tmp_path / "sweep")


def test_the_answers_are_right(served: Served) -> None:
    """One by one and two at once."""
    require_right_test(served)


@pytest.mark.parametrize(
    ("key", "model", "status", "words"),
    [
        # LiteLLM looks a key that it does not know up in a database, and has none here.
        ("sk-another", MODEL, "400", "No connected db."),
        (MASTER_KEY, "nobody", "400", "Invalid model name passed in model=nobody"),
    ],
)
def test_a_refusal_is_told_in_the_proxys_words(
    proxy: str, key: str, model: str, status: str, words: str, tmp_path: Path
) -> None:
    """Once, with its status, by load, sweep and test."""
    environment = {"KIT_API_KEY": key}
    for command, code in (
        (("load", proxy, "--model", model, "--requests", "2", "--out", str(tmp_path / "load")), 8),
        (("sweep", proxy, "--model", model, "-c", "1", "--duration", "1", "--out", str(tmp_path / "sweep")), 8),
        (("test", proxy, "--model", model, "--level", "tiny"), 1),
    ):
        done = kit(*command, "--quiet", environment=environment)
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert status in said
        assert said.count(words) == 1


def test_a_list_that_the_proxy_refuses_ends_before_the_load(proxy: str, tmp_path: Path) -> None:
    """With its words, and nothing is asked by a made-up name."""
    done = kit("load", proxy, "--out", str(tmp_path / "load"), environment={"KIT_API_KEY": "sk-another"})
    assert done.returncode == 2
    assert "No connected db." in done.stderr
    assert not (tmp_path / "load").exists()
