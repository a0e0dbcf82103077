"""Options that several commands share: the same name means the same thing everywhere."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import click

from kit.cli._shared.durations import Duration
from kit.cli._shared.words import completing
from kit.cli._shared.words.numbers import Whole
from kit.cli._shared.words.renamed import Renamed
from kit.documents import OutputTokens
from kit.errors import InputError, StorageError

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document only.")
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Print no progress, only results and errors.")
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
verbose_option = click.option(
    "--verbose", "-v", is_flag=True, help="Print every table in Markdown, as into a pipe; no summary screen."
)
MAX_SEED = 10**15  # what plans and loads can hold (schemas/common.v1.json)
seed_option = click.option(
    "--seed", type=Whole(0, MAX_SEED), help="Seed for prompts, salts, lengths and arrivals."
)
processes_option = click.option(
    "--processes", type=Whole(1, 256), metavar="P", help="Load generator processes. Default 1."
)
ramp_option = click.option(
    "--ramp", type=Duration(0, 3600), default=0, metavar="TIME", help="Start users over TIME. Default 0."
)
api_option = click.option(
    "--api",
    type=click.Choice(["chat", "completions"]),
    default="chat",
    show_default=True,
    help="Ask /chat/completions, or /completions with raw prompts.",
)


def _with_runtime_paths(_: click.Context, __: click.Parameter, folders: tuple[Path, ...]) -> None:
    """Before those of KIT_RUNTIME_PATH, for all that follows."""
    if folders:
        known = os.environ.get("KIT_RUNTIME_PATH", "")
        os.environ["KIT_RUNTIME_PATH"] = os.pathsep.join([*map(str, folders), *filter(None, [known])])


runtime_path_option = click.option(
    "--runtime-path",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    callback=_with_runtime_paths,
    expose_value=False,
    is_eager=True,
    help="A runtime's folder, or a folder of them; repeatable. Also KIT_RUNTIME_PATH.",
)
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask before downloads.")


def run_argument(function: F) -> F:
    """The argument RUN: a run folder or a bundle."""
    return click.argument(
        "run",
        type=click.Path(exists=True, path_type=Path),
        metavar="RUN|BUNDLE",
        shell_complete=completing.runs,
    )(function)


class Concurrencies(click.ParamType[tuple[int, ...]]):
    """1,2,4: distinct whole numbers from 1 to 4096."""

    name = "N,N,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        if not re.fullmatch(r"[0-9]{1,4}(,[0-9]{1,4})*", str(value)):
            self.fail(f"{value!r} is not a list of numbers like 1,2,4.", param, ctx)
        levels = tuple(int(part) for part in str(value).split(","))
        if len(set(levels)) != len(levels) or not all(1 <= level <= 4096 for level in levels):
            self.fail(f"{value!r}: expected distinct numbers from 1 to 4096.", param, ctx)
        return levels


def levels_option(what: str, default: str | None = None) -> Callable[[F], F]:
    """-c, --concurrency: numbers of users, or of streams."""
    return click.option(
        "-c",
        "--concurrency",
        cls=Renamed,
        old=["--users"],
        type=Concurrencies(),
        default=default,
        show_default=default is not None,
        help=what,
    )


def users_option(kind: click.ParamType[Any], what: str) -> Callable[[F], F]:
    """-c, --users: where users are asked about, not a load."""
    return click.option("-c", "--users", cls=Renamed, old=["--concurrency"], type=kind, help=what)


def metric_option(what: str, offered: completing.Complete = completing.metrics) -> Callable[[F], F]:
    """--metric, repeatable; an epilog of the command lists the figures."""
    return click.option("--metric", "metrics", multiple=True, metavar="PATH", shell_complete=offered, help=what)


METRICS_HELP = """\b
PATH is one of:
  throughput_tok_s, decode_tok_s, request_rate_s, error_rate, goodput_req_s, goodput_share,
  ttft_ms.P, tpot_ms.P, itl_ms.P, e2e_ms.P with P = p50, p90, p95, p99, p999, min, mean or max,
  prefill_tok_s.p50, cold_start_ms, joules_per_token, hit_rate ...
All of them: docs/reference.md. The tab key completes them.
"""


class OutputRange(click.ParamType[OutputTokens]):
    """64 or 16-256."""

    name = "N|MIN-MAX"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> OutputTokens:
        if isinstance(value, OutputTokens):
            return value
        found = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", str(value))
        if not found:
            self.fail(f"{value!r} is neither a number like 64 nor a range like 16-256.", param, ctx)
        low = int(found[1])
        high = int(found[2]) if found[2] else low
        if not 1 <= low <= high:
            self.fail(f"{value!r}: the range must be ascending and start at 1 or more.", param, ctx)
        return OutputTokens("uniform", low, high)


class ShareOfClients(click.ParamType[tuple[int, int]]):
    """2/3: client 2 of 3."""

    name = "I/N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"([0-9]{1,3})/([0-9]{1,3})", str(value))
        if not found or not 1 <= int(found[1]) <= int(found[2]) or int(found[2]) < 2:
            self.fail(f"{value!r} is no share like 1/2: client I of N, N at least 2.", param, ctx)
        return int(found[1]), int(found[2])


def out_option(what: str) -> Callable[[F], F]:
    """-o, --out: the folder or file that a command writes."""
    return click.option("-o", "--out", type=click.Path(path_type=Path), metavar="DIR", help=what)


def new_folder(out: Path | None, name: str) -> Path:
    """--out, or runs/<name>-<time> in the working folder: made at once, so that no other run can have the same.

    If nothing is in it when the command ends, it goes again.
    """
    if out is not None:
        return out
    from kit.timestamps import utc_now

    stamp = utc_now()[:19].replace("-", "").replace(":", "").replace("T", "-")
    runs = Path("runs")
    new_runs = not runs.exists()
    for number in count(1):
        folder = runs / (f"{name}-{stamp}" if number == 1 else f"{name}-{stamp}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not runs.is_dir():
                raise
            continue
        break
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(lambda: _remove_empty(folder, runs if new_runs else None))
    return folder


def _remove_empty(*folders: Path | None) -> None:
    """Remove what holds nothing; what holds something stays."""
    for folder in folders:
        if folder is not None:
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def reserved_file(path: Path) -> Iterator[None]:
    """Have a new file, empty so far, while what goes into it takes long; gone again if nothing came of it.

    `InputError` if it exists or cannot be made.
    """
    if path.exists():
        raise InputError(f"{path} exists.", "Give another file with -o.")
    write_file(path, b"")
    try:
        yield
    finally:
        with suppress(OSError):
            if not path.stat().st_size:
                path.unlink()


def write_file(path: Path, data: bytes) -> None:
    """Write what -o names, whole or not at all; raises what `refused_writing` raises."""
    from kit.storage.whole import write_whole

    with refused_writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)


@contextmanager
def refused_writing(path: Path) -> Iterator[None]:
    """What to say if a file cannot be written: `StorageError` where the disk is full, else `InputError`."""
    try:
        yield
    except OSError as error:
        what = f"{path} cannot be written: {error.strerror}."
        if error.errno in FULL:
            raise StorageError(what, "Free some space, or give another place with -o.") from None
        raise InputError(what, "Give another file with -o.") from None
