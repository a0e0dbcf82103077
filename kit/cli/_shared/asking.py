"""What a server is asked and how answers are judged: the same words for `kit load` and `kit sweep`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kit.cli._shared.durations import Duration
from kit.cli._shared.options import OutputRange, api_option, seed_option
from kit.cli._shared.percent import Percent
from kit.cli._shared.sessions import SessionsOption
from kit.cli._shared.words import completing
from kit.cli._shared.words.numbers import Whole
from kit.documents import OutputTokens, Sessions, Timeouts

if TYPE_CHECKING:
    from kit.plan.prompts import PromptSet

F = TypeVar("F", bound=Callable[..., Any])

DAY_S = 86_400.0
MAX_INPUT_TOKENS = 1_000_000
MOST_FAILED = 0.999  # with all of them there is nothing to abort
DEFAULT_PROMPTS = "short"
_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NO_WORDS = frozenset({"true", "false", "null", "none", "nan", "infinity"})  # meant as another value than a text


class Member(click.ParamType[tuple[str, object]]):
    """KEY=JSON; a single word needs no quotes."""

    name = "KEY=JSON"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, object]:
        if isinstance(value, tuple):
            return value
        from kit.strict import StrictError, read_json

        key, equals, text = str(value).partition("=")
        if not equals or not _MEMBER.fullmatch(key):
            self.fail(f"{value!r} is not of the form KEY=JSON, like temperature=0.7.", param, ctx)
        try:
            return key, read_json(text.encode("utf-8", "replace"), f"--body {key}")
        except StrictError as error:
            if _WORD.fullmatch(text) and text.lower() not in _NO_WORDS:
                return key, text
            words = f"{key}: {text!r} is no JSON ({error.message}); a text with blanks needs quotes: {key}="
            self.fail(words + json.dumps(text), param, ctx)


class MemberName(click.ParamType[str]):
    """The name of a member of the body."""

    name = "KEY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _MEMBER.fullmatch(str(value)):
            self.fail(f"{value!r} is not the name of a member of the body.", param, ctx)
        return str(value)


def _timeout(name: str, what: str) -> Callable[[F], F]:
    return click.option(
        f"--timeout-{name}", f"timeout_{name}", type=Duration(0.001, DAY_S), metavar="TIME", help=what
    )


_OPTIONS = (
    click.option(
        "--prompts",
        metavar="SET|FILE",
        shell_complete=completing.prompt_sets,
        help="Prompt set (micro, short, medium, long) or a file: lines, JSONL or ShareGPT. Default short.",
    ),
    click.option(
        "--input-tokens",
        type=Whole(1, MAX_INPUT_TOKENS),
        metavar="N",
        help="Made-up prompts of N tokens, as the server counts them.",
    ),
    click.option(
        "--output-tokens", type=OutputRange(), default="16-256", show_default=True, help="Output tokens."
    ),
    click.option(
        "--sessions",
        type=SessionsOption(),
        help="Users who ask turn after turn: chat or agent[,turns=8-24][,first=WORDS][,turn=WORDS][,think=1-8s]"
        "[,count=SESSIONS][,caches=off].",
    ),
    click.option("--ignore-eos", is_flag=True, help="Generate the full length (llama.cpp, vLLM)."),
    click.option(
        "--body",
        type=Member(),
        multiple=True,
        help="Set a member of the request: --body temperature=0.7. Repeatable; recorded.",
    ),
    click.option(
        "--without",
        type=MemberName(),
        multiple=True,
        help="Leave a member out of the request: top_p, seed, stream_options ... Repeatable; recorded.",
    ),
    click.option(
        "--limit-key",
        type=click.Choice(["max_tokens", "max_completion_tokens"]),
        default="max_tokens",
        show_default=True,
        help="The member that limits an answer.",
    ),
    api_option,
    click.option("--no-system", is_flag=True, help="Send no system message: all stands in the first message."),
    _timeout("connect", "Give up connecting after TIME. Default 5s."),
    _timeout("first", "Give up an answer without text after TIME. Default 2m."),
    _timeout("idle", "Give up an answer that stops for TIME. Default 1m."),
    _timeout("total", "Give up an answer after TIME. Default 10m."),
    click.option(
        "--slo",
        metavar="LIMITS",
        shell_complete=completing.slo_limits,
        help="Goodput limits on ttft, tpot, itl, e2e: ttft=200ms,e2e=2s.",
    ),
    click.option("--validate", metavar="RULE", help="Check response texts: basic, contains:TEXT, regex:PATTERN."),
    click.option(
        "--max-error-rate",
        type=Percent(MOST_FAILED),
        help="Abort when more than this share of the requests fails: 5% or 0.05.",
    ),
    seed_option,
)


def asking_options(function: F) -> F:
    """Prompts, members of the body, time-outs, limits and seed."""
    return reduce(lambda inner, option: option(inner), reversed(_OPTIONS), function)


@dataclass(frozen=True, slots=True)
class AskingOptions:
    """The words of `asking_options`."""

    prompts: str | None
    input_tokens: int | None
    output_tokens: OutputTokens
    sessions: Sessions | None
    ignore_eos: bool
    body: tuple[tuple[str, object], ...]
    without: tuple[str, ...]
    limit_key: str
    api: str
    no_system: bool
    timeout_connect: float | None
    timeout_first: float | None
    timeout_idle: float | None
    timeout_total: float | None
    slo: str | None
    validate: str | None
    max_error_rate: float | None
    seed: int | None


def chosen_prompts(asked: AskingOptions) -> PromptSet:
    """A set of the kit, a file, or prompts made up to a length; `InputError` if there are none."""
    from kit.plan.prompt_files import MAX_FILE_BYTES, read_prompt_file, synthetic_prompts
    from kit.plan.prompts import load_prompts, prompt_set_names

    if asked.input_tokens is not None:
        if asked.prompts is not None:
            raise click.UsageError("Give either --prompts or --input-tokens.")
        return synthetic_prompts(asked.input_tokens, asked.seed or 0)
    name = asked.prompts or DEFAULT_PROMPTS
    path = Path(name)
    if name in prompt_set_names() or not (path.exists() or path.suffix or len(path.parts) > 1):
        return load_prompts(name)
    return read_prompt_file(read_file(path, MAX_FILE_BYTES + 1, "--prompts"), path.name)


def read_file(path: Path, most: int, option: str) -> bytes:
    """So many bytes of a file that an option names; `InputError` if it cannot be read."""
    from kit.errors import InputError

    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}.", f"Check the path given to {option}."
        ) from None


def chosen_timeouts(asked: AskingOptions) -> Timeouts:
    """The kit's time-outs with those that were given; a longer one for the first text lengthens the total too."""
    from dataclasses import replace

    from kit.plan.plan import TIMEOUTS, seconds_to_ns

    given = {
        "connect_ns": asked.timeout_connect,
        "first_ns": asked.timeout_first,
        "idle_ns": asked.timeout_idle,
        "total_ns": asked.timeout_total,
    }
    found = replace(TIMEOUTS, **{name: seconds_to_ns(value) for name, value in given.items() if value is not None})
    if asked.timeout_total is None and found.first_ns > TIMEOUTS.first_ns:
        return replace(found, total_ns=TIMEOUTS.total_ns + found.first_ns)
    return found
