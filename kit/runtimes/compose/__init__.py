"""Compose files: a documented subset of the Compose specification, read strictly (docs/compose.md).

The same file starts a runtime by hand with `docker compose up` and through the kit, so whatever the kit does not
carry out exactly as Compose would is refused, with file, line, key and what to write instead.
"""

from kit.runtimes.compose.reader import ComposeFile, read_compose
from kit.runtimes.compose.service import container

__all__ = ["ComposeFile", "container", "read_compose"]
