"""A server's own words about what went wrong, out of whatever body or event it puts them into. Pure."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8

from kit.stream.sse import MAX_EVENT_BYTES
from kit.stream.values import BadStreamError, json_object

MAX_DETAIL_CHARS = 200  # of an error text, which is copied into every record
MAX_PAGE_CHARS = 16 << 10  # of a web page that stands where an answer should: its words come after its styles
# Where servers, gateways and frameworks put their words, the most specific first.
_MORE = ("message", "detail", "msg", "Message", "error_message", "error_description", "errorMessage")
_KEYS = ("error", "errors", *_MORE, "fault", "faultstring", "reason", "title", "description")
_MAX_ITEMS = 3  # of a list of complaints
_TAG = re.compile(r"<[^<>]*>")
_UNSEEN = ("<script", "<style")


def message_of(error: object) -> str:
    """The words of an error in any of the shapes servers use; the JSON itself where none is known."""
    words = _words(error)
    while not words and isinstance(error, dict) and error.get("error"):
        error = error["error"]
    return words or json.dumps(error, ensure_ascii=False)


def _words(error: object) -> str:
    if isinstance(error, str):
        return error.strip()
    if isinstance(error, list):
        return "; ".join(filter(None, map(_words, error[:_MAX_ITEMS])))
    if not isinstance(error, dict):
        return ""
    found = next(filter(None, (_words(error.get(key)) for key in _KEYS)), "")
    if isinstance(error.get("error"), str):  # often no more than "Bad Request", and what is bad stands beside it
        more = next(filter(None, (_words(error.get(key)) for key in _MORE)), "")
        found = ": ".join(dict.fromkeys(filter(None, (found, more))))
    place = error.get("loc")  # FastAPI says which member of the body it means
    if found and isinstance(place, list):
        return f"{'.'.join(str(step) for step in place if isinstance(step, str | int))}: {found}"
    return found


def words_of_body(body: bytes) -> str:
    """What a body says that is no stream: the message of its JSON, the text of a web page, else its beginning."""
    text = body[:MAX_EVENT_BYTES].removeprefix(BOM_UTF8).strip()
    start = text[: 4 * MAX_PAGE_CHARS].decode("utf-8", "replace")
    if start.startswith("<"):
        return _page_words(start[:MAX_PAGE_CHARS])
    return _words_of_json(text) or start[: 4 * MAX_DETAIL_CHARS]


def _words_of_json(text: bytes) -> str:
    """The message of an object, or of a list of errors, read as the object that it would be in; else ""."""
    try:
        if text.startswith(b"{"):
            return message_of(json_object(text))
        return _words(json_object(b'{"errors":' + text + b"}")) if text.startswith(b"[") else ""
    except BadStreamError:
        return ""


def _page_words(page: str) -> str:
    """The text of a web page without tags, scripts and styles; each phrase once, as titles are headings too."""
    phrases: list[str] = []
    at, unseen = 0, ""
    for tag in _TAG.finditer(page):
        if not unseen:
            phrases.append(" ".join(page[at : tag.start()].split()))
        at, name = tag.end(), tag[0].lower()
        if unseen:
            unseen = "" if name.startswith(unseen.replace("<", "</")) else unseen
        else:
            unseen = next((each for each in _UNSEEN if name.startswith(each)), "")
    return " ".join(dict.fromkeys(filter(None, phrases))) or page[: 4 * MAX_DETAIL_CHARS]


def clean(text: str) -> str:
    """One line of at most `MAX_DETAIL_CHARS` printable characters."""
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * MAX_DETAIL_CHARS])
    return " ".join(printable.split())[:MAX_DETAIL_CHARS].rstrip()
