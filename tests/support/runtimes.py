"""The runtimes that contract tests run over: those of the kit, and those that lie outside of the package."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from kit.runtimes import OWN
from kit.runtimes.outside.folder import Outside, read_folder
from kit.runtimes.protocol import Runtime

FOLDER = Path(__file__).resolve().parents[2] / "runtimes"
NAMES = ("sglang", "transformers")


@cache
def outside(name: str) -> Outside:
    return read_folder(FOLDER / name)


ALL: Mapping[str, Runtime] = {**OWN, **{name: outside(name).runtime for name in NAMES}}
