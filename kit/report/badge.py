"""A badge: what a run found, in one line of SVG, with the colour of its label. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from kit.documents.study import Study
from kit.judge.best import BestFigure
from kit.judge.machines import machine_text
from kit.metrics.registry import THROUGHPUT
from kit.text import plain_text

MAX_CHARS, MAX_ENTRY_CHARS = 80, 30
COLOURS = {"consistent": "#2e7d32", "self-reported": "#8a6d00", "rejected": "#b3261e"}
OTHER = "#5f6368"
_HEIGHT, _PAD, _SIZE = 20, 6, 11
# Widths of Verdana at 11 pixels, nearly; the text is set to the width that is computed, so nothing runs over.
_NARROW, _WIDE = frozenset("iljtfrI.,:;'|![]() -"), frozenset("mwMW@%")


@dataclass(frozen=True, slots=True)
class Badge:
    """What is on a badge: two texts, the label that gives the colour, and the sentence that a reader hears."""

    left: str
    right: str
    label: str
    title: str


def badge_of(study: Study, best: BestFigure) -> Badge:
    """What a badge says of a run: its name, the figure, entry and users, and the label."""
    label = study.label or "imported"
    unit = f" {best.metric.unit}" if best.metric.unit else ""
    name = "" if best.metric.path == THROUGHPUT else f"{best.metric.name} "
    entry = plain_text(best.entry, MAX_ENTRY_CHARS)
    figure = f"{name}{best.metric.shown(best.value)}{unit}, {best.place} ({entry})"
    title = f"{study.name}: {best.metric.title} {figure}, on {machine_text(study)}; label: {label}"
    return Badge(f"kit {study.name}", f"{figure}, {label}", label, title)


def badge_svg(badge: Badge) -> str:
    """The badge as a document of SVG, with text that cannot be markup."""
    left, right = (plain_text(text, MAX_CHARS) for text in (badge.left, badge.right))
    left_px, right_px = (_width(text) + 2 * _PAD for text in (left, right))
    total, colour = left_px + right_px, COLOURS.get(badge.label, OTHER)
    title = escape(plain_text(badge.title, 300))
    head = f'xmlns="http://www.w3.org/2000/svg" width="{total}" height="{_HEIGHT}" role="img"'
    return f"""<svg {head} aria-label="{title}">
<title>{title}</title>
<clipPath id="r"><rect width="{total}" height="{_HEIGHT}" rx="3"/></clipPath>
<g clip-path="url(#r)"><rect width="{left_px}" height="{_HEIGHT}" fill="#3c4043"/>\
<rect x="{left_px}" width="{right_px}" height="{_HEIGHT}" fill="{colour}"/></g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="{_SIZE}">
{_text(left, _PAD, left_px - 2 * _PAD)}
{_text(right, left_px + _PAD, right_px - 2 * _PAD)}
</g>
</svg>
"""


def _text(text: str, x: int, width: int) -> str:
    return f'<text x="{x}" y="14" textLength="{width}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'


def _width(text: str) -> int:
    """About so many pixels, never less than one."""
    return max(1, round(sum(4 if char in _NARROW else 10.5 if char in _WIDE else 7 for char in text)))
