"""Which server is asked and what lets the kit in: the same words for `kit load`, `kit sweep` and `kit test`."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from kit.errors import InputError
from kit.plan.target import Access, checked_header, parse_target

F = TypeVar("F", bound=Callable[..., Any])


class Header(click.ParamType[tuple[str, str]]):
    """Name: value. What is wrong is told without the value, which may be a secret."""

    name = "'NAME: VALUE'"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, colon, text = str(value).partition(":")
        if not colon:
            self.fail("a header is written 'Name: value'.", param, ctx)
        try:
            return name.strip(), checked_header(name.strip(), text.strip())
        except InputError as error:
            self.fail(f"{error}", param, ctx)


_OPTIONS = (
    click.argument("url_argument", metavar="[URL]", required=False),
    click.option("--url", metavar="URL", help="The same as the argument URL."),
    click.option("--model", metavar="NAME", help="Model name; default the first that the server lists."),
    click.option(
        "--header",
        "headers",
        type=Header(),
        multiple=True,
        help="Send this header too; replaces one of the same name. Repeatable.",
    ),
    click.option(
        "--cacert",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Trust the certificate authorities in FILE; default SSL_CERT_FILE.",
    ),
    click.option("--insecure", is_flag=True, help="Accept any TLS certificate; recorded."),
)


def server_options(function: F) -> F:
    """URL, --url, --model, --header, --cacert and --insecure; see `given_url` and `given_access`."""
    return reduce(lambda inner, option: option(inner), reversed(_OPTIONS), function)


def given_url(words: dict[str, Any]) -> str:
    """The URL of these words, given as the argument or with --url; both words are taken out."""
    argument, option = words.pop("url_argument"), words.pop("url")
    if argument is not None and option is not None:
        raise click.UsageError("Give the URL once: as the argument or with --url.")
    if argument is None and option is None:
        raise click.UsageError("Missing argument 'URL'. Example: http://127.0.0.1:8080")
    return str(option if argument is None else argument)


def given_access(words: dict[str, Any], url: str) -> Access:
    """What the environment and these words let the kit in with at that URL; the words are taken out."""
    found = Access.from_environment()
    headers, cacert, insecure = words.pop("headers"), words.pop("cacert"), words.pop("insecure")
    if cacert is not None and not parse_target(url).tls:
        raise InputError(
            "--cacert has no use here: the URL is not https://, so nobody shows a certificate.",
            "Write https://, or leave --cacert out.",
        )
    return Access(
        headers=found.with_headers(headers),
        ca_file=found.ca_file if cacert is None else str(cacert),
        insecure=insecure or found.insecure,
    )
