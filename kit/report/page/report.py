"""The files of a report as texts: one page, the same in Markdown, the plots. Pure; same inputs, same bytes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from kit import __version__
from kit.errors import InternalError
from kit.report.page import facts
from kit.report.page.body import badges, details, glance, summary, whole
from kit.report.page.html import esc, json_script
from kit.report.page.inputs import PageInput
from kit.report.page.markdown import markdown
from kit.report.page.sections import Section, heading, overview_of, sections_of
from kit.report.plots.render import dark_rules, javascript, svg, versions
from kit.report.plots.style import Plot, config

# In the first line of every file of a report: what has it may be replaced by the next one.
MARK = "made by kit report"
DARK_SCOPE = ".chart svg "


@dataclass(frozen=True, slots=True)
class Report:
    """The texts of report.html, REPORT.md and plots/NAME.svg by name."""

    html: str
    markdown: str
    plots: Mapping[str, str]


def report_of(inputs: Sequence[PageInput], title: str | None = None) -> Report:
    """The report of one or more studies; without a `title` it is that of the study, or says how many they are."""
    sections = sections_of(inputs)
    shown = title or _title(sections)
    plot = overview_of(sections)
    plots = [*([plot] if plot else []), *(each for section in sections for each in section.all_plots())]
    return Report(
        html=page_html(sections, plot, shown),
        markdown=f"<!-- {MARK} -->\n" + markdown(sections, plot, shown),
        plots={f"{each.id}.svg": f"<!-- {MARK} -->\n{_file(each)}\n" for each in plots},
    )


def _file(plot: Plot) -> str:
    return svg(plot.spec, plot.title, plot.desc, plot.id)


def _title(sections: Sequence[Section]) -> str:
    if len(sections) == 1:
        return heading(sections[0], several=False)
    return f"{_counted(sections)}: {', '.join(section.key for section in sections[:6])}" + ", …" * (
        len(sections) > 6
    )


# --- the page ---------------------------------------------------------------------------------------------


def page_html(sections: Sequence[Section], overview: Plot | None, title: str) -> str:
    """One page that needs nothing else: styles, pictures, data and the script that draws are inside."""
    if len(sections) == 1:
        only = sections[0]
        top, main = badges(only), summary(only, several=False) + details(only, several=False)
    else:
        top = f'<p class="machine">{_counted(sections)}.</p>'
        main = glance(sections, overview) + "".join(map(whole, sections))
    style, script = _style(), _script()
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )
    return (
        f"<!doctype html><!-- {MARK} -->\n"
        f'<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f'<meta name="generator" content="kit {__version__}">'
        f"<title>{esc(title, 200)}</title><style>{style}</style></head>\n"
        f"<body><header><h1>{esc(title, 200)}</h1>{top}</header>\n<main>{main}{_verify(sections)}</main>\n"
        f"<footer><p>{_footer()}</p></footer>\n"
        f"{json_script(config(), 'plot-config')}<script>{script}</script></body></html>\n"
    )


def _counted(sections: Sequence[Section]) -> str:
    imported = sum(section.given.kind == "imported" for section in sections)
    runs = len(sections) - imported
    words = [f"{runs} run{'s' * (runs != 1)}" if runs else "", f"{imported} imported" if imported else ""]
    return " and ".join(word for word in words if word)


def _verify(sections: Sequence[Section]) -> str:
    lines = "\n".join(esc(line) for line in facts.commands([section.given for section in sections]))
    return (
        '<section class="check" aria-labelledby="check"><h2 id="check">How to verify</h2>'
        "<p>Every number that is not marked as imported is computed from raw records. These commands "
        "recompute all of them, and this page; wrong ones are rejected.</p>"
        f'<pre tabindex="0"><code>{lines}</code></pre></section>'
    )


def _footer() -> str:
    drawn = ", ".join(f"{name} {version}" for name, version in versions().items())
    return (
        f"Made by kit {esc(__version__)}; drawn with {esc(drawn)}. It needs no network. Click names in a "
        "legend to isolate them."
    )


@cache
def _style() -> str:
    """The style sheet, with the colours of plots on a dark ground."""
    sheet = files("kit.report.page").joinpath("page.css").read_text(encoding="utf-8")
    return _inside(sheet.replace("/* dark plots */", dark_rules(DARK_SCOPE)), "style")


@cache
def _script() -> str:
    return _inside(javascript(files("kit.report.page").joinpath("page.js").read_text(encoding="utf-8")), "script")


def _inside(text: str, element: str) -> str:
    """The content of a style or script element: nothing in it may end that or begin a comment."""
    if f"</{element}" in text.lower() or "<!--" in text:
        raise InternalError(f"The {element} of the page cannot stand inside a page.")
    return text


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
