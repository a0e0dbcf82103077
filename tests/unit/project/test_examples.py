"""Commands are found in pages and help texts, and a mark says which need what CI has not."""

from __future__ import annotations

import pytest

from tests.support.examples import HELP_NEEDS, Example, commands_in, help_examples, page_examples

PAGE = """
Text with `kit nothing`.

```
$ kit load http://127.0.0.1:8080 -c 4     a description
kit verify a.tar.gz --json   # a comment
kit run x \\
    --users 1
diagram
```

<!-- needs docker -->
```sh
kit clean
make smol
```

<!-- needs network 2; time 3 -->
```
kit fetch a
kit fetch b
kit fetch c
```

```yaml
kit: none
```

<!-- made by: kit status -->
```
kit made
```
<!-- end -->
"""


def test_the_commands_of_a_page_are_found() -> None:
    """Without their descriptions, lines joined; blocks of other languages and outputs are none."""
    assert list(commands_in(PAGE, "p")) == [
        Example("kit load http://127.0.0.1:8080 -c 4", "p"),
        Example("kit verify a.tar.gz --json", "p"),
        Example("kit run x --users 1", "p"),
        Example("kit clean", "p", "docker"),
        Example("make smol", "p", "docker"),
        Example("kit fetch a", "p"),
        Example("kit fetch b", "p", "network"),
        Example("kit fetch c", "p", "time"),
    ]


@pytest.mark.parametrize(
    ("mark", "told"), [("needs nothing", "unknown mark 'nothing'"), ("needs docker 2", "that the block has not")]
)
def test_a_wrong_mark_is_an_error(mark: str, told: str) -> None:
    """An unknown need, a command that is not there."""
    with pytest.raises(ValueError, match=told):
        list(commands_in(f"<!-- {mark} -->\n```\nkit clean\n```\n", "p"))


def test_most_examples_run() -> None:
    """The marks are for what cannot run, and each of those of help texts is used."""
    examples = [*help_examples(), *page_examples()]
    assert len(examples) > 100
    assert sum(each.needs is None for each in examples) > 0.6 * len(examples)
    assert set(HELP_NEEDS) <= {each.command for each in help_examples()}
