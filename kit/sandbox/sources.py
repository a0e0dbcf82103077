"""How the two programs are started: from their source, by a Python that has nothing else of the kit."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

# Its arguments: a number of bytes, then names of modules and their sources. The last one's `main` is called.
_BOOT = """\
import sys, types
_, memory_bytes, *rest = sys.argv
for name, source in zip(rest[::2], rest[1::2]):
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
del sys.argv[1:]
module.main(int(memory_bytes))
"""
# No site, no folder of the user's, no bytecode written, and nothing found in a working folder.
_ALONE = ("-S", "-s", "-B", "-P")
# One order of sets in every run.
ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONPATH": "", "LC_ALL": "C.UTF-8"}


def arguments(program: Literal["inside", "checker"], memory_bytes: int) -> tuple[str, ...]:
    """What Python is started with to run one of the two."""
    sources: list[str] = []
    for name in ("values", "confining", program):
        source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        sources += [f"kit.sandbox.{name}", source]
    return (*_ALONE, "-c", _BOOT, str(memory_bytes), *sources)
