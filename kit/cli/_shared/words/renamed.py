"""An option that had other names: they still work, and no help shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click


class Renamed(click.Option):
    """`old` are names of before, like `--output` for `--out`."""

    def __init__(self, *args: Any, old: Sequence[str], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.old = list(old)

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        shown = self.opts
        self.opts = [*shown, *self.old]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts = shown
