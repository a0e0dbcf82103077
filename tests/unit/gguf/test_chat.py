"""Which family a chat template is of: only where the kit's words for that family are the template's own."""

from __future__ import annotations

import jinja2
import pytest

from kit.gguf.chat import MAX_TEMPLATE_CHARS, chat_family
from kit.runtimes.chat_templates import CHAT_TEMPLATES
from tests.support.gguf_files import CHATML

# As models carry them (published), but for the token that begins a text.
QWEN2 = (
    "{%- if tools %}\n    {{- '<|im_start|>system\\n' }}\n    {%- if messages[0]['role'] == 'system' %}\n"
    "        {{- messages[0]['content'] }}\n    {%- else %}\n"
    "        {{- 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.' }}\n    {%- endif %}\n"
    "    {{- '<|im_end|>\\n' }}\n{%- else %}\n    {%- if messages[0]['role'] == 'system' %}\n"
    "        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}\n    {%- else %}\n"
    "        {{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. "
    "You are a helpful assistant.<|im_end|>\\n' }}\n    {%- endif %}\n{%- endif %}\n"
    "{%- for message in messages %}\n"
    '    {%- if (message.role == "user") or (message.role == "system" and not loop.first) '
    'or (message.role == "assistant") %}\n'
    "        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\n"
    "    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n"
    "    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n"
)
LLAMA3 = (
    "{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' "
    "+ message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
GEMMA = (
    "{% set first = messages[0]['content'] + '\n\n' if messages[0]['role'] == 'system' else '' %}"
    "{% for message in (messages[1:] if first else messages) %}"
    "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\n' }}"
    "{{ first if loop.first else '' }}{{ message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
MISTRAL = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
    "{% set system_message = messages[0]['content'] + '\n\n' %}{% else %}{% set loop_messages = messages %}"
    "{% set system_message = '' %}{% endif %}{% for message in loop_messages %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + (system_message if loop.first else '') + message['content'] + ' [/INST]' }}"
    "{% else %}{{ message['content'] + '</s>' }}{% endif %}{% endfor %}"
)
PHI = (
    "{% for message in messages %}{% if message['role'] == 'system' and message['content'] %}"
    "{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}"
    "{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}"
    "{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
SYSTEM, USER, ANSWER, AGAIN = "Be brief.", "Hello", "Hi", "Again"
OURS = {
    "chatml": (
        f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{USER}<|im_end|>\n<|im_start|>assistant\n{ANSWER}"
        f"<|im_end|>\n<|im_start|>user\n{AGAIN}<|im_end|>\n<|im_start|>assistant\n"
    ),
    "llama3": (
        f"<|start_header_id|>system<|end_header_id|>\n\n{SYSTEM}<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
        f"{USER}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n{ANSWER}<|eot_id|>"
        f"<|start_header_id|>user<|end_header_id|>\n\n{AGAIN}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    "gemma": (
        f"<start_of_turn>user\n{SYSTEM}\n\n{USER}<end_of_turn>\n<start_of_turn>model\n{ANSWER}<end_of_turn>\n"
        f"<start_of_turn>user\n{AGAIN}<end_of_turn>\n<start_of_turn>model\n"
    ),
    "mistral": f"[INST] {SYSTEM}\n\n{USER} [/INST]{ANSWER}</s>[INST] {AGAIN} [/INST]",
    "phi": (
        f"<|system|>\n{SYSTEM}<|end|>\n<|user|>\n{USER}<|end|>\n<|assistant|>\n{ANSWER}<|end|>\n"
        f"<|user|>\n{AGAIN}<|end|>\n<|assistant|>\n"
    ),
}
SMOL_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
QWEN_SYSTEM = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."


@pytest.mark.parametrize(
    ("template", "family", "default_system"),
    [
        (CHATML, "chatml", SMOL_SYSTEM),
        (QWEN2, "chatml", QWEN_SYSTEM),
        (LLAMA3, "llama3", None),
        (GEMMA, "gemma", None),
        (MISTRAL, "mistral", None),
        (PHI, "phi", None),
    ],
)
def test_a_template_is_recognised_and_says_what_the_kit_says_for_its_family(
    template: str, family: str, default_system: str | None
) -> None:
    """Rendered as Jinja does; what Ollama makes of the kit's words is tested beside it (tests/runtimes)."""
    assert chat_family(template) == (family, default_system)
    assert family in CHAT_TEMPLATES
    roles = ("system", "user", "assistant", "user")
    words = zip(roles, (SYSTEM, USER, ANSWER, AGAIN), strict=True)
    messages = [{"role": role, "content": content} for role, content in words]
    own = jinja2.Environment(autoescape=False).from_string(template)
    rendered = own.render(messages=messages, add_generation_prompt=True)
    assert rendered == OURS[family]


@pytest.mark.parametrize(
    "template",
    [
        None,
        "",
        "{{ messages }}",
        LLAMA3.replace("{% for", "{{ 'Cutting Knowledge Date: December 2023' }}{% for", 1),
        CHATML.replace("assistant\n' }}{% endif %}", "assistant\n<think>\n' }}{% endif %}"),
        CHATML.replace("<|im_start|>' + message", "<|im_start|>' + '<|im_sep|>' + message"),
        CHATML + "<|im_start|>system\nAnother one.<|im_end|>",
        "{% set system_message = 'x' %}" + CHATML,
        MISTRAL.replace("'[INST] '", "' [INST] '"),
        MISTRAL.replace("' [/INST]'", "'[/INST]'"),
        MISTRAL + "[AVAILABLE_TOOLS]",
        PHI.replace("<|user|>\n", "<|user|><|im_sep|>\n"),
        CHATML + GEMMA,
        CHATML + " " * MAX_TEMPLATE_CHARS,
    ],
)
def test_a_template_in_doubt_is_of_no_family(template: str | None) -> None:
    """The server's own way with it is better than a guess."""
    assert chat_family(template) == (None, None)
