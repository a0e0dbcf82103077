"""Prompt sets: read strictly, identified by the hash of their file. `kit.plan.chat_body` asks them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from kit.assets import asset
from kit.errors import InputError
from kit.plan.chat_body import Chat
from kit.strict import read_yaml, typed
from kit.strict.schema import check
from kit.text import hint, plain_text

# Files beside the prompt sets that are none: suites of `kit.plan.correctness`.
SUITES = frozenset({"correctness", "correctness-bare", "correctness-raw"})
_CORPUS = "corpus"  # of which kit.plan.workloads.corpus makes prompts


@dataclass(frozen=True, slots=True)
class PromptSet:
    """The prompts of one file in their order; `sha256` is that of the bytes of the file, hexadecimal.

    `chats` are whole chats, of a user's file, and stand for the texts where there are any. `source` is the bytes
    of a set that does not come with the kit, and `skipped` how many of its entries ask nothing.
    """

    name: str
    texts: tuple[str, ...]
    ids: tuple[str, ...]
    sha256: str
    chats: tuple[Chat, ...] = ()
    source: bytes | None = None
    origin: Literal["kit", "file", "synthetic", "corpus"] = "kit"
    skipped: int = 0

    @property
    def count(self) -> int:
        return len(self.chats or self.texts)


@dataclass(frozen=True, slots=True)
class _Prompt:
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class _Document:
    schema: Literal["kit/prompts/1"]
    name: str
    title: str
    prompts: tuple[_Prompt, ...]


# --- reading --------------------------------------------------------------------------------------------


def prompt_set_names() -> list[str]:
    """The names of the prompt sets that come with the kit."""
    return sorted({path.stem for path in asset("prompts").glob("*.yaml")} - SUITES - {_CORPUS})


def load_prompts(name: str) -> PromptSet:
    """The prompt set called `name`; `InputError` naming the nearest if there is none, or if its file is wrong."""
    known = prompt_set_names()
    if name not in known:
        raise InputError(
            f"There is no prompt set {plain_text(name)!r}.",
            hint(name, known, also=f"Known prompt sets: {', '.join(known)}."),
        )
    # The schemas of the kit's own sets are checked by its tests: a load is not to wait for that.
    return parse_prompts(asset("prompts", f"{name}.yaml").read_bytes(), name, with_schema=False)


def parse_prompts(data: bytes, name: str, *, with_schema: bool = True) -> PromptSet:
    """The prompt set in the bytes of its YAML file; `InputError` with file and line if it is not one."""
    where = f"prompts/{name}.yaml"
    located = read_yaml(data, where)
    if with_schema:
        check(located.value, "prompts", where, located.line)
    document = typed(_Document, located.value, where)
    if document.name != name:
        raise InputError(
            f"{where}, line {located.line(('name',))}: the set calls itself {document.name!r}.",
            "Name and file name must be the same.",
        )
    ids = tuple(prompt.id for prompt in document.prompts)
    texts = tuple(prompt.text for prompt in document.prompts)
    for key, values in (("id", ids), ("text", texts)):
        second = _first_repeated(values)
        if second is not None:
            line = located.line(("prompts", second, key))
            raise InputError(
                f"{where}, line {line}: prompts[{second}] has the {key} of an earlier prompt.",
                "A duplicate prompt could be answered from a cache: change one of them.",
            )
    return PromptSet(name, texts, ids, sha256(data).hexdigest())


def _first_repeated(values: Sequence[str]) -> int | None:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            return index
        seen.add(value)
    return None
