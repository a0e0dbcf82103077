"""What processors can do at most: memory bandwidth and operations, by the names that they give themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from kit.strict import read_yaml
from kit.strict.decode import typed


@dataclass(frozen=True, slots=True)
class Device:
    """One family: every name that has all of `words` (lower case) is of it.

    Of a GPU: `memory_gb_s` and `tera_operations` (of the narrowest type, with sparsity if its maker says so) are
    of one card. Of a CPU: `memory_gb_s` and `cache_mb` are of one socket, of which a machine has up to `sockets`;
    a CPU does at most `operations_per_cycle` at `max_ghz`. `confirmed`: somebody compared all of it with `source`.
    """

    name: str
    kind: Literal["gpu", "cpu"]
    words: tuple[str, ...]
    memory_gb_s: float
    source: str
    confirmed: bool
    tera_operations: float | None = None
    cache_mb: int = 0
    sockets: int = 1
    operations_per_cycle: int | None = None
    max_ghz: float | None = None

    @property
    def told(self) -> str:
        """The name, with a word where its figures were never compared with their source."""
        return self.name if self.confirmed else f"{self.name} (by figures that are not confirmed)"


@dataclass(frozen=True, slots=True)
class _File:
    schema: Literal["kit/devices/1"]
    devices: tuple[Device, ...]


@cache
def devices() -> tuple[Device, ...]:
    """All of them; of two that fit a name the first counts."""
    where = "kit/catalogue/devices.yaml"
    document = read_yaml(files("kit.catalogue").joinpath("devices.yaml").read_bytes(), where)
    return typed(_File, document.value, where).devices


def device(kind: Literal["gpu", "cpu"], name: str) -> Device | None:
    """The family that a name is of, or None."""
    lower = name.lower()
    fitting = (each for each in devices() if each.kind == kind and all(word in lower for word in each.words))
    return next(fitting, None)
