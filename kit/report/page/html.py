"""Small pieces of HTML: text made harmless, elements, tables, data for scripts. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape

from kit.report.page.figures import Table
from kit.report.plots.render import inline_svg
from kit.report.plots.style import Plot, Spec
from kit.report.tables import SUSPECT
from kit.text import plain_text

MAX_TEXT = 2000
# What could end a script element or a line of JavaScript, as JSON may write it.
_IN_SCRIPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def esc(words: str, limit: int = MAX_TEXT) -> str:
    """Text from anywhere, harmless inside an element or a quoted attribute."""
    return escape(plain_text(words, limit), quote=True)


def json_script(value: object, id_: str) -> str:
    """A value as a data block that no content of it can end."""
    document = json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False)
    for character, written in _IN_SCRIPT.items():
        document = document.replace(character, written)
    return f'<script type="application/json" id="{id_}">{document}</script>'


def listing(items: Iterable[str], kind: str = "") -> str:
    """A list of pieces of HTML; nothing for none."""
    made = "".join(f"<li>{item}</li>" for item in items)
    return f'<ul class="{kind}">{made}</ul>' if made else ""


def figure(plot: Plot, kind: str = "") -> str:
    """A plot: its picture, which the script replaces by one that answers, and what it shows."""
    spec: Spec = {key: value for key, value in plot.spec.items() if key not in ("config", "$schema")}
    still = inline_svg(plot.spec, plot.title, plot.desc, plot.id)
    return (
        f'<figure class="chart {kind}" data-plot="{plot.id}" data-desc="{esc(plot.desc)}">'
        f'<div class="still">{still}</div><div class="live" hidden></div>'
        f"<figcaption>{esc(plot.caption)}</figcaption>{json_script(spec, plot.id + '-spec')}</figure>"
    )


def number_table(table: Table) -> str:
    """Entries down, concurrency across."""
    head = "".join(f'<th scope="col">{level}</th>' for level in table.levels)
    body = ""
    for entry, row in table.rows:
        cells = "".join(
            f"<td><span class=num>{esc(each.value)}"
            + (f'<abbr title="SUSPECT: see Warnings">{SUSPECT}</abbr>' if each.suspect else "")
            + "</span>"
            + (f" <small>{esc(each.beside)}</small>" if each.beside else "")
            + "</td>"
            for each in row
        )
        body += f'<tr><th scope="row">{esc(entry)}</th>{cells}</tr>'
    return scrolling(
        f'<table class="numbers"><caption>{esc(table.title)}</caption>'
        f'<thead><tr><th scope="col">users</th>{head}</tr></thead><tbody>{body}</tbody></table>',
        table.title,
    )


def text_table(caption: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain text, the first column its row heads."""
    head = "".join(f'<th scope="col">{esc(header)}</th>' for header in headers)
    body = "".join(
        f'<tr><th scope="row">{esc(row[0])}</th>' + "".join(f"<td>{esc(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return scrolling(
        f'<table class="facts"><caption>{esc(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>",
        caption,
    )


def scrolling(inner: str, label: str) -> str:
    """What may be wider than a telephone: it scrolls by itself, by keyboard too."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{esc(label)}">{inner}</div>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values."""
    return "<dl>" + "".join(f"<dt>{esc(name)}</dt><dd>{esc(value)}</dd>" for name, value in pairs) + "</dl>"
