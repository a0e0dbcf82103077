"""Prompts that do not come with the kit: a user's file in one of three forms, and some made up to a length. Pure.

A file is lines of text, a prompt each; or JSON values, one a line or all in a list: a string, {"prompt": TEXT},
{"messages": [...]} as in a chat request, or {"conversations": [...]} as ShareGPT has them, of which the first
question is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256

from kit.documents.shape import LengthFit
from kit.errors import InputError
from kit.plan.chat_body import Chat, Message
from kit.plan.prompts import PromptSet
from kit.plan.workloads.corpus import corpus_prompts
from kit.plan.workloads.lengths import made_up
from kit.text import plain_text

MAX_FILE_BYTES = 64 << 20
MAX_PROMPTS = 100_000
MAX_NAME_CHARS = 60
ROLES = frozenset({"system", "developer", "user", "assistant"})
_ASKERS = frozenset({"human", "user"})
_FORMS = 'Each is a text, {"prompt": TEXT}, {"messages": [...]} or {"conversations": [...]}.'
Read = str | Chat | None  # a prompt, a chat, or nothing that is asked


def read_prompt_file(data: bytes, file_name: str) -> PromptSet:
    """The prompts of a user's file; `InputError` names the line or the entry that is wrong."""
    where = plain_text(file_name, 200)
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"{where} has more than {MAX_FILE_BYTES >> 20} MiB.", "Take a part of it.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{where}: line {line}: these bytes are not UTF-8.", "Save the file as UTF-8.") from None
    found = [(place, entry) for place, entry in _entries(text, where) if entry is not None]
    asked = [(place, read) for place, entry in found if (read := _read(entry, f"{where}: {place}")) is not None]
    if not asked:
        raise InputError(f"{where} has no prompt.", f"{_FORMS} Or write one prompt a line.")
    if len(asked) > MAX_PROMPTS:
        raise InputError(f"{where} has {len(asked)} prompts.", f"Take at most {MAX_PROMPTS}.")
    return _prompt_set(_name(file_name), data, [read for _, read in asked], len(found) - len(asked))


def _prompt_set(name: str, data: bytes, prompts: list[str | Chat], skipped: int) -> PromptSet:
    chats: tuple[Chat, ...] = ()
    texts: tuple[str, ...] = ()
    if all(isinstance(prompt, str) for prompt in prompts):
        texts = tuple(prompt for prompt in prompts if isinstance(prompt, str))
    else:
        chats = tuple((Message("user", p),) if isinstance(p, str) else p for p in prompts)
    ids = tuple(f"{name}-{number}" for number in range(1, len(prompts) + 1))
    return PromptSet(name, texts, ids, sha256(data).hexdigest(), chats, data, "file", skipped)


def _name(file_name: str) -> str:
    """The name that documents allow: of a file's name without its ending."""
    stem = file_name.rpartition(".")[0] or file_name
    return re.sub(r"[^a-z0-9._-]", "-", stem.lower())[:MAX_NAME_CHARS].lstrip("._-") or "prompts"


# --- the forms ------------------------------------------------------------------------------------------


def _entries(text: str, where: str) -> Iterator[tuple[str, object]]:
    """Each entry with its place: of a JSON list, of JSON lines, or plain lines; blank lines are none."""
    start = text.lstrip()[:1]
    if start == "[":
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            document = None
            if "\n" not in text.strip():
                raise _not_json(where, error) from None
        if isinstance(document, list):
            yield from ((f"entry {number}", entry) for number, entry in enumerate(document, 1))
            return
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if start not in ("{", '"'):
            yield f"line {number}", line.strip()
            continue
        try:
            yield f"line {number}", json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _not_json(f"{where}: line {number}", error) from None


def _not_json(where: str, error: Exception) -> InputError:
    words = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
    return InputError(f"{where} cannot be read as JSON: {words}.", _FORMS)


def _read(entry: object, where: str) -> Read:
    if isinstance(entry, str):
        return _prompt(entry, where)
    if isinstance(entry, dict):
        inner = entry.get("body")  # the form of batch requests
        members = inner if isinstance(inner, dict) else entry
        for key, read in _READERS.items():
            if members.get(key) is not None:
                return read(members[key], where)
    raise InputError(f"{where} is no prompt.", _FORMS)


def _prompt(value: object, where: str) -> Read:
    if not isinstance(value, str):
        raise InputError(f"{where}: the prompt is no text.", _FORMS)
    return _sendable(value, where) if value.strip() else None


def _sendable(text: str, where: str) -> str:
    """The text, if it can be sent: half of a surrogate pair, which JSON can write, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{where}: the text has half of a surrogate pair.", "Write the character whole."
        ) from None
    return text


def _chat(value: object, where: str) -> Read:
    if not isinstance(value, list) or not value:
        raise InputError(f"{where}: messages is not a list of messages.", _FORMS)
    return tuple(_message(each, where) for each in value)


def _message(value: object, where: str) -> Message:
    found: Mapping[str, object] = value if isinstance(value, dict) else {}
    role, content = found.get("role"), found.get("content")
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else None for part in content]
        content = "".join(part for part in parts if isinstance(part, str))
        if not all(isinstance(part, str) for part in parts):
            content = None  # an image, or a sound
    if not isinstance(role, str) or role not in ROLES or not isinstance(content, str):
        raise InputError(
            f"{where}: a message needs a role ({', '.join(sorted(ROLES))}) and a text as its content.",
            "Only text is asked; take other messages out.",
        )
    return Message(role, _sendable(content, where))


def _conversation(value: object, where: str) -> Read:
    """The first question of a ShareGPT conversation; None where it has none."""
    if not isinstance(value, list):
        raise InputError(f"{where}: conversations is not a list.", _FORMS)
    for turn in value:
        if isinstance(turn, dict) and turn.get("from") in _ASKERS:
            return _prompt(turn.get("value"), where)
    return None


_READERS: Mapping[str, Callable[[object, str], Read]] = {
    "messages": _chat,
    "conversations": _conversation,
    "prompt": _prompt,
    "text": _prompt,
}


# --- made up to a length --------------------------------------------------------------------------------


def synthetic_prompts(tokens: int, seed: int, fit: LengthFit | None = None) -> PromptSet:
    """Prompts of the corpus of so many tokens with all around them, as a file that can be asked again.

    Without a `fit` of the server's counts a word is taken for a token.
    """
    made = corpus_prompts(seed, made_up(tokens, fit))
    data = "".join(json.dumps({"prompt": text}) + "\n" for text in made.texts).encode()
    name = f"synthetic-{tokens}"
    ids = tuple(f"{name}-{number}" for number in range(1, made.count + 1))
    return PromptSet(name, made.texts, ids, sha256(data).hexdigest(), source=data, origin="synthetic")
