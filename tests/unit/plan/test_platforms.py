"""Platform files: what is wrong in one is named with its line and the nearest right word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.assets import asset
from kit.documents import ModelSource
from kit.errors import InputError
from kit.plan.platforms import load_platform, platform_names
from kit.strict import plain

DEMO = asset("compose", "platforms", "demo.yaml").read_text(encoding="utf-8")


def changed(tmp_path: Path, old: str, new: str) -> str:
    """A copy of the demo platform with one change; the path of the file."""
    assert DEMO.count(old) >= 1
    path = tmp_path / "mine.yaml"
    path.write_text(DEMO.replace(old, new, 1), encoding="utf-8")
    return str(path)


def line_of(text: str) -> int:
    """The line of the demo file that holds a text."""
    return next(number for number, line in enumerate(DEMO.splitlines(), 1) if text in line)


@pytest.mark.parametrize("name", platform_names())
def test_every_platform_of_the_kit_is_valid_and_called_like_its_file(name: str) -> None:
    """Schema, runtimes, settings, names."""
    assert load_platform(name).name == name


def test_a_platform_may_be_a_file_of_the_user(tmp_path: Path) -> None:
    """Anything that ends in .yaml is a path."""
    assert load_platform(changed(tmp_path, "name: demo", "name: mine")).name == "mine"


def test_an_unknown_platform_names_the_nearest() -> None:
    """demmo -> demo."""
    with pytest.raises(InputError, match="no platform 'demmo'") as caught:
        load_platform("demmo")
    assert "'demo'" in caught.value.remedy


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path and the reason of the system."""
    with pytest.raises(InputError, match=r"nowhere\.yaml cannot be read: No such file"):
        load_platform(str(tmp_path / "nowhere.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("window_s:", "windw_s:", "window_s:", 'did you mean "window_s"'),
        ("window_s: 5", "window_s: eight", "window_s:", "eight"),
        ("window_s: 5", "window_s: 0", "window_s:", "0"),
        ("replicates: 3", "replicates: 2.5", "replicates:", "2.5"),
        ("engine: process", "engine: proces", "engine:", 'did you mean "process"'),
        ("runtime: llamacpp", "runtime: llamacp", "runtime: llamacpp", "Did you mean 'llamacpp'"),
        ("variant: embedded", "variant: embeded", "variant: embedded", "Did you mean 'embedded'"),
        ("{slots: 1}", "{slot: 1}", "{slots: 1}", "Did you mean 'slots'"),
        ("{slots: 1}", "{slots: 0}", "{slots: 1}", "from 1 to 1024"),
        ("{slots: 1}", "{slots: true}", "{slots: 1}", "slots is True"),
        ("name: llamacpp-batched", "name: llamacpp-serial", "name: llamacpp-batched", "two entries are called"),
        ("min: 16", "min: 65", "output_tokens:", "above max"),
        ("[1, 2, 4]", "[1, 2, 2]", "concurrencies:", "duplicate concurrency"),
        ("seed: 2026", "seed: 2026\nseed: 1", "seed:", "seed"),
        ("name: demo", "name: ../demo", "name: demo", "name"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, line: str, words: str, tmp_path: Path) -> None:
    """File, line and the nearest right word or range."""
    with pytest.raises(InputError) as caught:
        load_platform(changed(tmp_path, old, new))
    message = str(caught.value)
    assert words in message
    assert "mine.yaml" in message
    expected = line_of(line)
    assert f"line {expected}" in message or f"line {expected + 1}" in message


@pytest.mark.parametrize("text", ["", "- a\n", "just words\n", "a: [\n", "\x00", "a: &x 1\nb: *x\n"])
def test_a_file_that_is_no_platform_is_refused(text: str, tmp_path: Path) -> None:
    """Empty, a list, a word, broken, binary, aliases."""
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"bad\.yaml"):
        load_platform(str(path))


# --- models that no catalogue has ----------------------------------------------------------------------

MODEL = "model: smollm2-135m-instruct-q4_1"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("block", "name", "source"),
    [
        ("{file: My Model.Q8_0.gguf}", "my-model.q8_0", {"file": "My Model.Q8_0.gguf"}),
        ("{file: m.gguf, name: mine}", "mine", {"file": "m.gguf", "name": "mine"}),
        ("{hf: Org/Some-GGUF}", "some-gguf", {"hf": "Org/Some-GGUF"}),
        (
            f"{{hf: Org/Some, file: q4/x.gguf, revision: {COMMIT}}}",
            "x",
            {"hf": "Org/Some", "file": "q4/x.gguf", "revision": COMMIT},
        ),
        (
            f"{{https: 'https://example.org/a/b.gguf?download=1', sha256: {'ab' * 32}}}",
            "b",
            {"https": "https://example.org/a/b.gguf?download=1", "sha256": "ab" * 32},
        ),
    ],
)
def test_a_model_may_be_a_block(block: str, name: str, source: dict[str, str], tmp_path: Path) -> None:
    """The platform calls it by a name; a local file is looked for beside the platform file."""
    platform = load_platform(changed(tmp_path, MODEL, f"model: {block}"))
    if "hf" not in source and "file" in source:
        source = source | {"file": str(tmp_path / source["file"])}
    assert platform.model == name
    assert platform.sources == {name: ModelSource(**source)}


def test_a_block_of_an_entry_and_its_name_in_another_are_one_model(tmp_path: Path) -> None:
    """What a block has given a name can be called by it."""
    text = DEMO.replace("settings: {slots: 1}", "settings: {slots: 1}\n    model: {file: a.gguf, name: mine}")
    path = tmp_path / "mine.yaml"
    path.write_text(
        text.replace("settings: {slots: 4}", "settings: {slots: 4}\n    model: mine"), encoding="utf-8"
    )
    platform = load_platform(str(path))
    assert [entry.model for entry in platform.entries] == ["mine", "mine"]
    assert platform.model == "smollm2-135m-instruct-q4_1"


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("{fil: a.gguf}", 'did you mean "file"'),
        ("{file: a.gguf, https: 'https://example.org/a.gguf'}", "a model comes from one place"),
        ("{name: a}", "a model comes from one place"),
        ("{file: a.gguf, revision: main}", "revision is of a repository"),
        ("{hf: Org}", "does not have the form"),
        ("{hf: Org/Repo, sha256: beef}", "does not have the form"),
        ("{https: 'http://example.org/a.gguf'}", "does not have the form"),
        ("{https: 'https://me:secret@example.org/a.gguf'}", "must not hold a user or password"),
        ("{file: 5}", "expected a string"),
        ("[a.gguf]", "expected a string"),
    ],
)
def test_a_block_that_cannot_be_meant_is_refused_with_its_line(block: str, words: str, tmp_path: Path) -> None:
    """The line of the block, and what is wrong with it, without the other forms that a model can have."""
    with pytest.raises(InputError) as caught:
        load_platform(changed(tmp_path, MODEL, f"model: {block}"))
    assert words in str(caught.value)
    assert f"mine.yaml, line {line_of(MODEL)}" in str(caught.value).replace(": line", ", line")
    assert "secret" not in str(caught.value)
    assert caught.value.detail == ()


def test_a_platform_is_written_with_its_blocks_in_their_places(tmp_path: Path) -> None:
    """So what was read can be written, and read again, as the same platform."""
    text = DEMO.replace(MODEL, "model: {file: a.gguf}").replace(
        "settings: {slots: 4}", "settings: {slots: 4}\n    model: {hf: Org/Repo}"
    )
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    platform = load_platform(str(tmp_path / "mine.yaml"))
    (tmp_path / "again.yaml").write_text(json.dumps(plain(platform)), encoding="utf-8")
    assert load_platform(str(tmp_path / "again.yaml")) == platform
    assert [*platform.sources] == ["a", "repo"]


def test_two_blocks_with_one_name_are_refused(tmp_path: Path) -> None:
    """Two files of one name in two folders are two models."""
    text = DEMO.replace(MODEL, "model: {file: a/m.gguf}").replace(
        "settings: {slots: 4}", "settings: {slots: 4}\n    model: {file: b/m.gguf}"
    )
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="two models would be called 'm'"):
        load_platform(str(path))


# --- servers that already run ------------------------------------------------------------------------------

OWN = "{name: own, runtime: llamacpp, variant: embedded, settings: {}"
UNNAMED = "{name: a, runtime: server, variant: running, settings: {}}"
RUNNING = """
schema: kit/platform/1
name: mine
title: Two servers that already run
engine: process
correctness: {name: correctness, level: tiny}
workload:
  name: short
  prompts: short
  output_tokens: {distribution: uniform, min: 16, max: 64}
  loop: closed
  concurrencies: [1, 4]
  warmup_s: 2
  window_s: 10
  drain_s: 60
  replicates: 3
  ignore_eos: true
seed: 1
entries:
  - {name: a, url: "http://127.0.0.1:8080/"}
  - {name: b, url: "https://llm.example.org/openai/v1", served_model: big, api_key_env: BIG_KEY}
"""


def running(tmp_path: Path, old: str = "", new: str = "") -> str:
    """A platform of servers that already run, with one change; the path of the file."""
    path = tmp_path / "mine.yaml"
    new, _, top = new.partition("\n")
    path.write_text(f"{RUNNING.replace(old, new, 1) if old else RUNNING}{top}\n", encoding="utf-8")
    return str(path)


def test_an_entry_of_a_running_server_needs_no_more_than_its_address(tmp_path: Path) -> None:
    """Runtime, variant, settings and the platform's model follow."""
    platform = load_platform(running(tmp_path))

    first, second = platform.entries
    assert (first.runtime, first.variant, first.settings) == ("server", "running", {})
    assert (second.served_model, second.api_key_env) == ("big", "BIG_KEY")
    assert platform.model == "none"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("http://127.0.0.1:8080/", "ftp://127.0.0.1", "ftp://"),
        ("http://127.0.0.1:8080/", "http://me:secret@127.0.0.1", "has a user or a password"),
        ("http://127.0.0.1:8080/", "http://h/v1/chat/completions?api_key=1", "seems to hold a secret"),
        ("engine: process", "engine: docker", "is not loaded by the engine docker"),
        ("{name: a, ", "{name: a, settings: {slots: 1}, ", "decided by who started the server"),
        ("{name: a, ", "{name: a, model: smollm2-135m-instruct-q4_1, ", "decided by who started the server"),
        ("{name: a, ", "{name: a, runtime: llamacpp, ", "is server/running, not llamacpp/running"),
        ("api_key_env: BIG_KEY", "api_key_env: sk-1234", "does not have the form"),
        ('{name: a, url: "http://127.0.0.1:8080/"}', f"{OWN}}}", 'missing key "model"'),
        ('{name: a, url: "http://127.0.0.1:8080/"}', f"{OWN}}}\nmodel: none", "no model for the entry own"),
        ('{name: a, url: "http://127.0.0.1:8080/"}', f"{OWN}, served_model: x}}\nmodel: none", "already run"),
        ('{name: a, url: "http://127.0.0.1:8080/"}', f"{UNNAMED}\nmodel: none", "already runs"),
    ],
)
def test_what_cannot_be_of_a_running_server_is_refused(old: str, new: str, words: str, tmp_path: Path) -> None:
    """With the line of the entry, and no secret of the address."""
    assert old in RUNNING
    with pytest.raises(InputError) as caught:
        load_platform(running(tmp_path, old, new))

    assert words in str(caught.value)
    assert "secret@" not in str(caught.value)
    assert "sk-1234" not in str(caught.value) or words == "does not have the form"


def test_running_and_started_servers_stand_in_one_platform(tmp_path: Path) -> None:
    """As long as the engine is that of processes."""
    text = RUNNING.replace("seed: 1", "seed: 1\nmodel: smollm2-135m-instruct-q4_1")
    text = text.replace(
        "entries:", "entries:\n  - {name: own, runtime: llamacpp, variant: embedded, settings: {}}"
    )
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")

    assert [entry.url is None for entry in load_platform(str(path)).entries] == [True, False, False]
