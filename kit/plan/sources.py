"""Models that no catalogue has, as people name them: blocks in platform files, words on the command line. Pure.

A block gives way to a name, which the rest of the house uses; `Platform.sources` says what it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from kit.documents import ModelSource
from kit.errors import InputError
from kit.strict.decode import typed
from kit.strict.json_reader import Json
from kit.text import DocumentPath, plain_text

GGUF, HUB = ".gguf", "hf:"
MAX_NAME_CHARS = 64
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_URL = re.compile(r"https?://[!-~]{1,2000}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
Blocks = tuple[tuple[DocumentPath, ModelSource], ...]


def plan_name(text: str) -> str:
    """A name for the plan, made of a file's name: "My Model.Q8_0.gguf" is "my-model.q8_0"."""
    stem = text[: -len(GGUF)] if text.lower().endswith(GGUF) else text
    name = re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("._-")[:MAX_NAME_CHARS]
    return name or "model"


def plan_file(text: str) -> str:
    """A file's name as a plan can hold it: letters, digits, dots, dashes; nothing of its folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).lstrip("._-")[-200:].lstrip("._-") or "model.gguf"


def base_name(source: ModelSource) -> str:
    """What the file is called where it comes from; the repository's name as long as no file of it is known."""
    if source.https is not None:
        return unquote(urlsplit(source.https).path).rsplit("/", 1)[-1]
    return (source.file or source.hf or "").rstrip("/").rsplit("/", 1)[-1]


def source_name(source: ModelSource) -> str:
    """What the plan calls it: as its block says, else by its file."""
    return source.name or plan_name(base_name(source))


def fault(source: ModelSource) -> tuple[str, str] | None:
    """What is wrong with a block beside its form, and what to do; None if nothing is."""
    places = [source.hf is not None, source.https is not None, source.file is not None and source.hf is None]
    if sum(places) != 1:
        return "a model comes from one place", "Give file, or hf with or without a file of it, or https."
    if source.revision is not None and source.hf is None:
        return "revision is of a repository", "Give it with hf, or leave it out."
    if source.https is not None and not _URL.fullmatch(source.https):
        return "an address begins with https:// and has no spaces", "Write other characters as %XX."
    if source.https is not None and "@" in urlsplit(source.https).netloc:
        return "an address must not hold a user or password", "Take them out of the address."
    return None


def blocks(platform: Json, where: str) -> Blocks:
    """Every block of a platform's document that stands where a model's name can, with its place."""
    return tuple((place, typed(ModelSource, value, where)) for place, value in _places(platform))


def _places(platform: Json) -> Iterator[tuple[DocumentPath, dict[str, Json]]]:
    if not isinstance(platform, dict):
        return
    entries = platform.get("entries")
    owners: list[tuple[DocumentPath, Json]] = [((), platform)]
    owners += [(("entries", n), entry) for n, entry in enumerate(entries if isinstance(entries, list) else [])]
    for place, owner in owners:
        value = owner.get("model") if isinstance(owner, dict) else None
        if isinstance(value, dict):
            yield (*place, "model"), value


def lifted(platform: Json, names: dict[DocumentPath, str]) -> Json:
    """The document with the names in place of the blocks at these places."""
    if not isinstance(platform, dict):
        return platform
    entries = platform.get("entries")
    whole: dict[str, Json] = dict(platform)
    if ("model",) in names:
        whole["model"] = names["model",]
    if isinstance(entries, list):
        whole["entries"] = [
            {**entry, "model": names["entries", n, "model"]}
            if isinstance(entry, dict) and ("entries", n, "model") in names
            else entry
            for n, entry in enumerate(entries)
        ]
    return whole


def beside(source: ModelSource, folder: Path) -> ModelSource:
    """A source whose file is looked for from `folder`, where that is a file of this machine."""
    if source.hf is not None or source.file is None:
        return source
    return replace(source, file=str(folder / Path(source.file).expanduser()))


def source_of(text: str) -> ModelSource | None:
    """What somebody means with a word on the command line; None for what can only be a name of the catalogue.

    `InputError` for an `hf:` that names no repository.
    """
    if text.startswith(HUB):
        return _repository(text)
    if text.startswith("https://"):
        source = ModelSource(https=text)
        if wrong := fault(source):
            raise InputError(f"{plain_text(wrong[0], 200).capitalize()}.", wrong[1])
        return source
    if "/" in text or text.lower().endswith(GGUF) or text.startswith(("~", ".")) or Path(text).exists():
        return beside(ModelSource(file=text), Path.cwd())
    return None


def _repository(text: str) -> ModelSource:
    rest, at, revision = text.removeprefix(HUB).partition("@")
    repository, colon, quoted = rest.partition(":")
    file = unquote(quoted)
    good = _REPOSITORY.fullmatch(repository) and (not at or _REVISION.fullmatch(revision)) and (not colon or file)
    if not good:
        raise InputError(
            f"{plain_text(text, 200)!r} names no repository.",
            "The form is hf:ORG/REPO[:FILE][@REVISION], for example hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF.",
        )
    return ModelSource(hf=repository, file=file or None, revision=revision or None)


def hub_word(repository: str, file: str, commit: str) -> str:
    """A file of a repository at a commit as one word, which `source_of` reads."""
    return f"{HUB}{repository}:{quote(file)}@{commit}"
