"""Durations: as people write them, in one way everywhere."""

from __future__ import annotations

import click
import pytest

from kit.cli import COMMANDS, cli
from kit.cli._shared.durations import Duration, duration_text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        ("30s", 30.0),
        ("0.5", 0.5),
        (".5", 0.5),
        ("500ms", 0.5),
        ("2m", 120.0),
        ("1.5h", 5400.0),
        ("1.5M", 90.0),
        ("2 m", 120.0),
        (" 30S ", 30.0),
        ("24h", 86_400.0),
        ("0", 0.0),
        (7, 7.0),
    ],
)
def test_a_duration_is_seconds_or_has_a_unit(text: str | int, seconds: float) -> None:
    """ms, s, m and h, in either case."""
    found = Duration(0, 86_400).convert(text, None, None)
    assert found == seconds
    assert isinstance(found, float)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *((text, "not a duration") for text in ("", "s", "-1s", "1d", "1m30s", "1e3", "1,5s", "1..5", "\u0663s")),
        *((text, "not between") for text in ("0.4s", "499ms", "24.1h", "999999999h")),
    ],
)
def test_anything_else_is_told(text: str, words: str) -> None:
    """With an example, or with the limits as they can be typed."""
    with pytest.raises(click.BadParameter, match=words) as caught:
        Duration(0.5, 86_400).convert(text, None, None)
    assert "30s" in caught.value.message or "500ms and 24h" in caught.value.message


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (0.5, "500ms"), (30, "30s"), (90, "90s"), (120, "2m"), (86_400, "24h")]
)
def test_a_duration_is_shown_as_it_can_be_typed(seconds: float, text: str) -> None:
    """In the largest unit that makes it whole."""
    assert duration_text(seconds) == text


@pytest.mark.parametrize("name", ["load", "sweep", "plan", "reproduce"])
def test_every_option_of_a_time_takes_a_unit(name: str) -> None:
    """No command counts in bare seconds alone."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    times = {"duration", "warmup", "ramp", "window"}
    found = {param.name: param.type for param in command.params if (param.name or "").startswith("timeout_")}
    found |= {param.name: param.type for param in command.params if param.name in times}
    assert found
    assert all(isinstance(kind, Duration) for kind in found.values()), found


@pytest.mark.parametrize(
    ("options", "short"),
    [({"--concurrency", "--users"}, "-c"), ({"--out"}, "-o"), ({"--quiet"}, "-q"), ({"--yes"}, "-y")],
)
def test_an_option_has_the_same_short_form_in_every_command(options: set[str], short: str) -> None:
    """And the short form means no other option anywhere."""
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        groups = command.commands.values() if isinstance(command, click.Group) else [command]
        for each in groups:
            assert each is not None
            for param in each.params:
                assert bool(options & set(param.opts)) == (short in param.opts), (name, each.name, param.opts)
