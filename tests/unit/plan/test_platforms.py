"""Platform files: what is wrong in one is named with its line and the nearest right word."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.assets import asset
from kit.errors import InputError
from kit.plan.platforms import load_platform, platform_names

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
