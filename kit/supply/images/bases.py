"""Makes base images where no registry gives them."""

from __future__ import annotations

from kit.engines.docker.bases import BaseImage, base_tag, make_base
from kit.engines.docker.client import Client
from kit.engines.docker.images import OnLine, image_facts
from kit.errors import InputError
from kit.supply.download import cache_folder
from kit.supply.images.recipes import SUITES
from kit.text import nearest, plain_text


def make_bases(
    client: Client, suites: tuple[str, ...], on_line: OnLine, *, again: bool = False
) -> list[BaseImage]:
    """Make `kit/base:SUITE` for each suite that is not there yet (with `again`: for each); returns those made.

    `InputError` for an unknown suite, `EngineError` as `make_base` raises it.
    """
    for suite in suites:
        if suite not in SUITES:
            like = nearest(suite, SUITES)
            raise InputError(
                f'"{plain_text(suite)}" is no base of the kit.',
                f'Did you mean "{like}"?' if like else f"There are: {', '.join(SUITES)}.",
            )
    made = []
    for suite in suites:
        if not again and image_facts(client, base_tag(suite)):
            on_line(f"{base_tag(suite)} is here already")
            continue
        on_line(f"making {base_tag(suite)} with debootstrap")
        made.append(make_base(client, suite, cache_folder() / "bases", on_line))
    return made
