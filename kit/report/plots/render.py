"""A specification as a picture, and the JavaScript that draws it in a page: the only use of vl-convert.

vl-convert has Vega inside; it reaches neither a browser nor the network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from html import escape

from kit.errors import InternalError
from kit.report.plots.style import DARK, Spec
from kit.text import plain_text

VEGA_LITE = "6.4"
MAX_DESC_CHARS = 1500
_OPEN = re.compile(r"<svg\b[^>]*>")
_SIZE = re.compile(r'\b(width|height|viewBox)="([^"]*)"')
_CLIP = re.compile(r'(id="|url\(#)(clip|gradient)([0-9]+)')
_LONG = re.compile(r"-?(?<![0-9])[0-9]+\.[0-9]{3,}")
_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
# The picture as a whole is one image to those who cannot see it: its parts need no roles.
_ROLES = re.compile(r' (?:role="graphics-[a-z]+"|aria-[a-z]+="[^"]*"|pointer-events="none"|opacity="1")')
_EMPTY = re.compile(r'<path class="(?:back|fore)ground"[^<>]* d="(?:M0,0h0v0h0Z)?"[^<>]*/>')


def dark_rules(scope: str = "") -> str:
    """CSS that turns ink, grid and paper of a plot for a dark ground; `scope` goes before each selector."""
    rules = []
    for light, dark in DARK.items():
        rules.append(f'{scope}[fill="{light}"]{{fill:{dark}}}{scope}[stroke="{light}"]{{stroke:{dark}}}')
    return "".join(rules)


def svg(spec: Spec, title: str, desc: str, id_: str) -> str:
    """The picture as one SVG file: transparent ground, readable on light and dark, the same bytes each time.

    `title` and `desc` are plain text and stand in it; `id_` keeps its ids apart from those of other pictures.
    """
    style = f"<style>@media(prefers-color-scheme:dark){{{dark_rules()}}}</style>"
    return _framed(_drawn(spec), title, desc, id_, style)


def inline_svg(spec: Spec, title: str, desc: str, id_: str) -> str:
    """The same picture for the inside of a page, which has the rules for dark grounds itself."""
    return _framed(_drawn(spec), title, desc, id_, "")


@cache
def _compiled(document: str) -> str:
    import vl_convert

    try:
        return str(vl_convert.vegalite_to_svg(document, vl_version=VEGA_LITE, allowed_base_urls=[]))
    except ValueError as error:
        raise InternalError(f"A plot could not be drawn: {plain_text(str(error), 200)}") from None


def _drawn(spec: Spec) -> str:
    return _compiled(json.dumps(spec, sort_keys=True, allow_nan=False))


def _framed(drawn: str, title: str, desc: str, id_: str, style: str) -> str:
    """Vega's picture under an opening tag of ours, its ids numbered from one and its numbers cut to 2 digits."""
    head = _OPEN.match(drawn)
    if head is None:
        raise InternalError("A plot came back without a picture.")
    size = dict(_SIZE.findall(head.group()))
    names: dict[str, str] = {}

    def own(found: re.Match[str]) -> str:
        return found[1] + names.setdefault(found[2] + found[3], f"{id_}-{len(names) + 1}")

    def lean(tag: re.Match[str]) -> str:
        return _LONG.sub(_two_digits, _CLIP.sub(own, _ROLES.sub("", tag.group())))

    body = _TAG.sub(lean, _EMPTY.sub("", drawn[head.end() :]))
    words = f"<title>{_safe(title)}</title><desc>{_safe(desc)}</desc>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" width="{size["width"]}" '
        f'height="{size["height"]}" viewBox="{size["viewBox"]}">{words}{style}{body}'
    )


def _two_digits(found: re.Match[str]) -> str:
    return f"{float(found.group()):.2f}".rstrip("0").rstrip(".")


def _safe(words: str) -> str:
    return escape(plain_text(words, MAX_DESC_CHARS), quote=True)


@cache
def javascript(snippet: str) -> str:
    """One script: Vega, Vega-Lite and vega-embed (as `vegaEmbed`) around `snippet`; the same bytes each time."""
    import vl_convert

    return str(vl_convert.javascript_bundle(snippet, vl_version=VEGA_LITE))


def versions() -> Mapping[str, str]:
    """What draws: the versions of Vega, Vega-Lite and vega-embed."""
    import vl_convert

    return {
        "vega": str(vl_convert.get_vega_version()),
        "vega-lite": VEGA_LITE,
        "vega-embed": str(vl_convert.get_vega_embed_version()),
    }
