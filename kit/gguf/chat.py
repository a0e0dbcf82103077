"""Which family a model's own chat template is of, told by what the text of the template holds. Pure.

The template is a program in Jinja out of a file that anybody can have written, so it is looked at and never run. A
family is named only where the template can do nothing else in a chat of plain messages; a doubt is None.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kit.documents.pins import ChatFamily

MAX_TEMPLATE_CHARS = 1 << 18
MAX_SYSTEM_CHARS = 400
_LINE = r"(?:\n|\\n)"  # as it stands, or as a string of Jinja writes it


@dataclass(frozen=True, slots=True)
class _Family:
    """What stands in every template of the family, and what stands in none."""

    has: tuple[str, ...]
    has_not: tuple[str, ...] = ()


# A date or a tool is put in front of every chat by the newer Llama 3; models that always think begin their answer
# with <think>; a message of its own for the system that is set beforehand has words that nobody knows here.
_FAMILIES: dict[ChatFamily, _Family] = {
    "chatml": _Family(
        ("<|im_start|>", "<|im_end|>", "assistant"),
        ("<|im_sep|>", "set system_message", "[INST]", "<start_of_turn>"),
    ),
    "llama3": _Family(("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"), ("Knowledge Date", "<think>")),
    "gemma": _Family(("<start_of_turn>", "<end_of_turn>", "model"), ("<|im_start|>",)),
    "mistral": _Family(("[INST] ", " [/INST]"), ("<<SYS>>", "[SYSTEM_PROMPT]", "[AVAILABLE_TOOLS]", " [INST]")),
    "phi": _Family(("<|user|>", "<|end|>", "<|assistant|>"), ("<|im_sep|>", "<|im_start|>", "<think>")),
}
_THINKS_ALWAYS = re.compile(rf"<\|im_start\|>assistant{_LINE}{{0,2}}<think>")
_DEFAULT_SYSTEM = re.compile(rf"<\|im_start\|>system{_LINE}([^'\"{{}}<>\\\n]{{1,{MAX_SYSTEM_CHARS}}})<\|im_end\|>")


def chat_family(template: str | None) -> tuple[ChatFamily | None, str | None]:
    """Family of a template, and the system message that it puts in by itself; (None, None) in doubt."""
    if template is None or len(template) > MAX_TEMPLATE_CHARS:
        return None, None
    fitting = [name for name, family in _FAMILIES.items() if _fits(template, family)]
    if len(fitting) != 1:
        return None, None
    if fitting[0] != "chatml":
        return fitting[0], None
    defaults = set(_DEFAULT_SYSTEM.findall(template))
    if _THINKS_ALWAYS.search(template) or len(defaults) > 1:
        return None, None
    return "chatml", next(iter(defaults), None)


def _fits(template: str, family: _Family) -> bool:
    return all(word in template for word in family.has) and not any(word in template for word in family.has_not)
