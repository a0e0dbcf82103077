"""How pages are made from templates: every value printable and escaped, one style sheet, scripts by their hash."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kit.errors import InternalError
from kit.report.plots.render import dark_rules
from kit.text import plain_text

DARK_SCOPE = ".chart svg "
MAX_TEXT = 2000


def environment(*folders: str) -> Environment:
    """Templates of these folders of kit.report; every value is made printable and escaped, an unknown name is an
    error.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader("kit.report", folder) for folder in folders]),
        autoescape=True,
        finalize=lambda value: value if hasattr(value, "__html__") else plain_text(str(value), MAX_TEXT),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.policies["json.dumps_kwargs"] = {"sort_keys": True, "separators": (",", ":"), "allow_nan": False}
    made.globals |= {"hash": hash_of}
    return made


def style_of(*sheets: tuple[str, str]) -> Markup:
    """Style sheets by (folder of kit.report, name), one after the other, with the colours of plots on a dark
    ground.
    """
    text = "".join(files(f"kit.report.{folder}").joinpath(name).read_text("utf-8") for folder, name in sheets)
    return inside(text.replace("/* dark plots */", dark_rules(DARK_SCOPE)), "style")


def inside(text: str, element: str) -> Markup:
    """The content of a style or script element: nothing in it may end that or begin a comment."""
    if f"</{element}" in text.lower() or "<!--" in text:
        raise InternalError(f"The {element} of the page cannot stand inside a page.")
    return Markup(text)


def hash_of(text: str) -> Markup:
    """The source of a script or style in the policy of its page."""
    return Markup(f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'")
