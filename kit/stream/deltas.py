"""The text of a delta: what servers call it, and the forms they write it in."""

from __future__ import annotations

import json

from kit.stream.values import BadStreamError, as_list, as_object, as_text

# Servers in transition send the same text under two of these names.
REASONING_NAMES = ("reasoning", "reasoning_content", "reasoning_text", "thinking")


def reasoning_of(delta: dict[str, object]) -> str:
    """The reasoning, once, under whatever name; a flag or a number of that name is no text."""
    said = [_loose(delta[name]) for name in REASONING_NAMES if delta.get(name)]
    if not any(said) and isinstance(delta.get("reasoning_details"), list):
        said = [_loose(delta["reasoning_details"])]
    return "".join(dict.fromkeys(said))


def _loose(value: object) -> str:
    """Text in any form that is known of reasoning: a string, an object that has one, or a list of those."""
    if isinstance(value, str):
        return as_text(value, "reasoning")
    if isinstance(value, list):
        return "".join([_loose(each) for each in value])
    if isinstance(value, dict):
        return next(
            (_loose(value[key]) for key in ("text", "thinking", "content", "summary") if value.get(key)), ""
        )
    return ""


def content_of(content: object) -> tuple[str, str]:
    """Reasoning and content of a content: a string, or a list of parts as in the messages of a request."""
    if isinstance(content, str) or not content:
        return "", as_text(content, "content")
    reasoning: list[str] = []
    text: list[str] = []
    for part in [content] if isinstance(content, dict) else as_list(content, "content"):
        if isinstance(part, str):
            text.append(as_text(part, "content"))
        elif isinstance(part, dict):
            thought = part.get("type") in ("thinking", "reasoning")
            (reasoning if thought else text).append(_loose(part) if thought else as_text(part.get("text"), "text"))
        elif part:
            raise BadStreamError("a part of the content is not an object")
    return "".join(reasoning), "".join(text)


def arguments_of(delta: dict[str, object]) -> str:
    """What the model writes into calls of tools; an object of arguments is written as JSON again."""
    calls = delta.get("tool_calls")
    functions = [
        as_object(as_object(call, "a tool call").get("function"), "function")
        for call in as_list(calls, "tool_calls")
    ]
    if delta.get("function_call"):  # the name before there were several
        functions.append(as_object(delta["function_call"], "function_call"))
    return "".join([_arguments(function.get("arguments")) for function in functions])


def _arguments(value: object) -> str:
    if isinstance(value, dict) and value:
        return as_text(json.dumps(value, ensure_ascii=False), "arguments")
    return as_text(value, "arguments")
