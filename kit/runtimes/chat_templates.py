"""Chat templates as Ollama takes them, equal to what models carry in their files (there in Jinja). Pure.

Given explicitly: what Ollama makes of a template in a file depends on its version. The token that begins a text is
not among them, for Ollama puts that in itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """A Go template and the texts that end an answer; `default_system` is how one is put in, at DEFAULT."""

    text: str
    stop: tuple[str, ...]
    default_system: str = ""


DEFAULT = "(default)"
CHAT_TEMPLATES: Mapping[str, ChatTemplate] = {
    "chatml": ChatTemplate(
        "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}"
        "<|im_start|>assistant\n",
        ("<|im_start|>", "<|im_end|>"),
        f"{{{{- if not .System }}}}<|im_start|>system\n{DEFAULT}<|im_end|>\n{{{{ end }}}}",
    ),
    "llama3": ChatTemplate(
        "{{- range .Messages }}<|start_header_id|>{{ .Role }}<|end_header_id|>\n\n"
        "{{ .Content }}<|eot_id|>{{ end }}<|start_header_id|>assistant<|end_header_id|>\n\n",
        ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    ),
    # It knows no system message: that goes in front of the first turn.
    "gemma": ChatTemplate(
        '{{- $system := .System }}{{ range .Messages }}{{ if ne .Role "system" }}<start_of_turn>'
        '{{ if eq .Role "assistant" }}model{{ else }}user{{ end }}\n'
        '{{ if $system }}{{ $system }}\n\n{{ $system = "" }}{{ end }}'
        "{{ .Content }}<end_of_turn>\n{{ end }}{{ end }}<start_of_turn>model\n",
        ("<start_of_turn>", "<end_of_turn>"),
    ),
    # Neither does this one.
    "mistral": ChatTemplate(
        '{{- $system := .System }}{{ range .Messages }}{{ if eq .Role "user" }}[INST] '
        '{{ if $system }}{{ $system }}\n\n{{ $system = "" }}{{ end }}{{ .Content }} [/INST]'
        '{{ else if eq .Role "assistant" }}{{ .Content }}</s>{{ end }}{{ end }}',
        ("[INST]", "[/INST]"),
    ),
    "phi": ChatTemplate(
        "{{- range .Messages }}<|{{ .Role }}|>\n{{ .Content }}<|end|>\n{{ end }}<|assistant|>\n",
        ("<|end|>", "<|user|>", "<|system|>", "<|assistant|>"),
    ),
}


def go_template(name: str, default_system: str | None) -> ChatTemplate:
    """The template of a family; where a model has a default system message, it is put in if a chat has none."""
    found = CHAT_TEMPLATES[name]
    if default_system is None:
        return found
    if not found.default_system:
        raise ValueError(f"the template {name} takes no default system message")
    return ChatTemplate(found.default_system.replace(DEFAULT, default_system) + found.text, found.stop)
