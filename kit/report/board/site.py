"""The texts of a board: its page, its feed. Pure; the same bundles, the same bytes: no clock is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup

from kit import __version__
from kit.catalogue.published import Published
from kit.metrics.registry import ERROR_RATE, ITL_P50, THROUGHPUT, TTFT_P50
from kit.report.board.charts import MAX_CHARTS, groups_of
from kit.report.board.exhibits import LONG_AGO, SHORT, Board, Exhibit
from kit.report.board.lines import SHOWN, filters_of, levels_of, lines_of, machine_names
from kit.report.page.templates import environment, inside, style_of
from kit.report.plots.render import inline_svg
from kit.report.plots.style import Plot
from kit.report.tables import SUSPECT
from kit.text import bytes_text, plain_text

# What stands over the figures: as short as eleven columns beside each other need it.
HEADS = {THROUGHPUT: "tokens/s", TTFT_P50: "TTFT p50, ms", ITL_P50: "ITL p50, ms", ERROR_RATE: "errors"}
# In the first line of the board's page: a site that has it may be replaced by the next one.
MARK = "made by kit site"
NO_CHALLENGE = "no challenge"
FEED_ENTRIES = 100


@dataclass(frozen=True, slots=True)
class PublishedLine:
    """A row of what others published; `figures` as they stand there, "291 at 4"."""

    origin: str
    title: str
    what: str
    source: str
    figures: tuple[str, ...]
    caveat: str


METRIC_WORDS = {
    "throughput_tok_s": "throughput, tok/s",
    "decode_tok_s": "decode speed per user, tok/s",
    "decode_times_concurrency": "decode speed per user times users",
    "ttft_ms.p50": "TTFT p50, ms",
    "probador_score": "score of probador",
    "unstated_tok_s": "tok/s, not stated of what",
}


def board_html(board: Board) -> str:
    """The page of a board: one file that needs nothing else, with links to the pages of its bundles."""
    lines = lines_of(board.exhibits)
    names = {each.identity: each for each in board.exhibits}
    machines = machine_names([each.study for each in board.exhibits])
    return (
        _environment()
        .get_template("board.jinja")
        .render(
            board=board,
            title=plain_text(board.title, 200),
            counted=_counted(board, machines),
            lines=lines,
            shown=SHOWN,
            filters=filters_of(lines),
            levels=levels_of(lines),
            groups=groups_of(lines),
            bundles=sorted(zip(board.exhibits, machines, strict=True), key=lambda pair: _newest_first(pair[0])),
            known=names,
            published=published_lines(board.published),
            style=_style(),
            script=_script(),
        )
    )


def feed_xml(board: Board) -> str:
    """The newest bundles as an Atom feed; times are those at which the runs began, by their own clocks."""
    newest = sorted(board.exhibits, key=_newest_first)[:FEED_ENTRIES]
    # Of all, as on the page: two that only facts tell apart have the same numbers here and there.
    every = machine_names([each.study for each in board.exhibits])
    machines = dict(zip((each.identity for each in board.exhibits), every, strict=True))
    return (
        _environment()
        .get_template("feed.jinja")
        .render(
            board=board,
            title=plain_text(board.title, 200),
            updated=newest[0].started_utc if newest else LONG_AGO,
            entries=[(each, machines[each.identity]) for each in newest],
        )
    )


def published_lines(published: Sequence[Published]) -> tuple[PublishedLine, ...]:
    """Every figure that others published, those of one row of theirs together."""
    return tuple(
        PublishedLine(
            origin=each.title,
            title=row.label,
            what=METRIC_WORDS.get(table.metric, table.metric),
            source=table.source,
            figures=tuple(
                f"{value:,.10g} at {users}" if users is not None else f"{value:,.10g}, users not stated"
                for users, value in row.values
            ),
            caveat=row.caveat,
        )
        for each in published
        for table in each.tables
        for row in table.rows
    )


def _newest_first(exhibit: Exhibit) -> tuple[object, ...]:
    return tuple(-ord(c) for c in exhibit.started_utc), exhibit.identity


def _counted(board: Board, machines: Sequence[str]) -> str:
    words = [
        _count(len(board.exhibits), "bundle"),
        _count(len(set(machines)), "machine"),
        _count(len({each.signer for each in board.exhibits if each.signer}), "signer"),
    ]
    return ", ".join(words)


def _count(number_: int, what: str) -> str:
    return f"{number_:,} {what}{'s' * (number_ != 1)}"


@cache
def _environment() -> Environment:
    made = environment("board", "page")
    made.globals |= {
        "HEADS": HEADS, "MARK": MARK, "MAX_CHARTS": MAX_CHARTS, "NO_CHALLENGE": NO_CHALLENGE, "SHORT": SHORT,
        "SUSPECT": SUSPECT, "bytes_text": bytes_text, "count": _count, "kit_version": __version__,
        "picture": _picture,
    }  # fmt: skip
    return made


def _picture(plot: Plot) -> Markup:
    return Markup(inline_svg(plot.spec, plot.title, plot.desc, plot.id))


@cache
def _style() -> Markup:
    return style_of(("page", "page.css"), ("board", "board.css"))


@cache
def _script() -> Markup:
    return inside(files("kit.report.board").joinpath("board.js").read_text(encoding="utf-8"), "script")
