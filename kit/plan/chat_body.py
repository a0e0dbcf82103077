"""The body of the request that asks a prompt: a pure function of (load, prompts, planned request).

Apart from `kit.plan.prompts`, so that the load generator need not load what reads and checks YAML.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kit.documents import Load, PlannedRequest
from kit.documents.pins import Sparse
from kit.errors import InputError

LIMIT_KEYS = frozenset({"max_tokens", "max_completion_tokens"})
# What a load must not override: it decides what is measured and how it is counted.
RESERVED_KEYS = frozenset({"model", "messages", "prompt", "stream", "stream_options"}) | LIMIT_KEYS
# Without one of these there is nothing to measure.
NEEDED_KEYS = frozenset({"model", "messages", "prompt", "stream"})
SEED_LIMIT = 2**31  # servers read the seed into a signed 32-bit integer


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat that a user gave."""

    role: str
    content: str


Chat = tuple[Message, ...]
Prompt = str | Chat  # a question of the kit or of a user, or a whole chat of a user


@dataclass(frozen=True, slots=True)
class PromptTexts(Sparse):
    """prompts.json: the prompts of a set, or whole chats instead, and the sha256 of the file they come from."""

    sha256: str
    texts: tuple[str, ...]
    chats: tuple[Chat, ...] = ()

    @property
    def prompts(self) -> Sequence[Prompt]:
        return self.chats or self.texts


def messages(
    prompts: Sequence[Prompt], request: PlannedRequest, *, system: bool = True, own: bool = True
) -> list[dict[str, str]]:
    """The chat of one request. The salt stands first of all, so no two requests share a prefix to be cached.

    Without `system` the salt stands in the first message that there is; prompts that are not the kit's `own` get
    the salt and no instruction.
    """
    prompt = prompts[request.prompt]
    first = f"{request.salt} is the number of this request." + " You are a careful programmer." * own
    chat = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else _plain(prompt)
    if system and chat[0]["role"] not in ("system", "developer"):
        return [{"role": "system", "content": first}, *chat]
    return [{**chat[0], "content": f"{first}\n\n{chat[0]['content']}"}, *chat[1:]]


def _plain(chat: Chat) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in chat]


def check_members(extra: Iterable[str], without: Iterable[str]) -> None:
    """`InputError` if a load would set or leave out members of the body that decide what is measured."""
    reserved = sorted(RESERVED_KEYS & set(extra))
    if reserved:
        raise InputError(
            f"The load's extra_body may not set {', '.join(reserved)}.",
            "The plan decides that; take it out of extra_body (--body).",
        )
    needed = sorted(NEEDED_KEYS & set(without))
    if needed:
        raise InputError(
            f"No request can go without {', '.join(needed)}.", "Leave out other members: --without top_p"
        )


def raw_prompt(prompts: Sequence[Prompt], request: PlannedRequest) -> str:
    """The raw prompt of one request, its salt first of all; `InputError` for a chat, which has none."""
    prompt = prompts[request.prompt]
    if not isinstance(prompt, str):
        raise InputError(
            "A chat cannot be sent as a raw prompt.",
            "Give prompts that are texts, or leave out --api completions.",
        )
    return f"{request.salt} is the number of this request.\n\n{prompt}"


def body(load: Load, prompts: Sequence[Prompt], request: PlannedRequest) -> dict[str, object]:
    """The whole OpenAI completion request; `InputError` if the load would change what is measured."""
    if load.api == "completions":
        return _request(load, {"prompt": raw_prompt(prompts, request)}, request.max_tokens)
    own = load.prompts_from == "kit"
    chat = messages(prompts, request, system=load.chat == "system-user", own=own)
    return chat_request(load, chat, request.max_tokens)


def chat_request(load: Load, chat: list[dict[str, str]], max_tokens: int) -> dict[str, object]:
    """The request that asks for the answer to a chat; `InputError` as for `body`."""
    return _request(load, {"messages": chat}, max_tokens)


def _request(load: Load, asked: Mapping[str, object], max_tokens: int) -> dict[str, object]:
    check_members(load.extra_body, load.without)
    whole = {
        "model": load.model,
        **asked,
        load.limit_key: max_tokens,
        "temperature": 0,
        "top_p": 1,
        "seed": load.seed % SEED_LIMIT,
        "stream": True,
        "stream_options": {"include_usage": True},
        **load.extra_body,
    }
    return {name: value for name, value in whole.items() if name not in load.without} if load.without else whole
