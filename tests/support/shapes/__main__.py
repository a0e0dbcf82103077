"""`python -m tests.support.shapes` prints what docs/streams.md says of every shape."""

from tests.support.shapes.table import table

print(table())
