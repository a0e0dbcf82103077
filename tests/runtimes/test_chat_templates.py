"""Ollama itself renders chats with the kit's templates as Jinja does with the models' own, byte by byte."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import docker
import jinja2
import pytest

from kit.catalogue import find_chat, model
from kit.engines.docker.client import connect
from kit.runtimes.chat_templates import CHAT_TEMPLATES, ChatTemplate, go_template
from kit.supply.download import fetch
from tests.integration.containers.images import built
from tests.support.running import kit, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.alone, pytest.mark.long(part=5)]

WEIGHTS = model("smollm2-135m-instruct-q4_1")
PORT = 18434
KEY = b"tokenizer.chat_template"
# What models of these families carry (published; but for the token that begins a text, which Ollama adds).
PUBLISHED = {
    "llama3": (
        "{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' "
        "+ message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
    ),
    "gemma": (
        "{% set first = messages[0]['content'] + '\n\n' if messages[0]['role'] == 'system' else '' %}"
        "{% for message in (messages[1:] if first else messages) %}"
        "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\n' }}"
        "{{ first if loop.first else '' }}{{ message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
    ),
    "mistral": (
        "{% set first = messages[0]['content'] + '\n\n' if messages[0]['role'] == 'system' else '' %}"
        "{% for message in (messages[1:] if first else messages) %}{% if message['role'] == 'user' %}"
        "{{ '[INST] ' + (first if loop.first else '') + message['content'] + ' [/INST]' }}"
        "{% else %}{{ message['content'] + '</s>' }}{% endif %}{% endfor %}"
    ),
    "phi": (
        "{% for message in messages %}{% if message['role'] == 'system' and message['content'] %}"
        "{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}"
        "{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}"
        "{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
    ),
}
CHATS = (
    [("user", "What is 2 + 2?")],
    [("system", "0123 is the number of this request."), ("user", "Hello")],
    [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi {{ x }}"), ("user", "Again <b>\n two")],
    [("user", "Hello"), ("assistant", "Hi"), ("user", "Again")],
)


def own_template(file: Path) -> str:
    """The chat template in the metadata of a GGUF file."""
    head = file.read_bytes()[: 16 << 20]
    at = head.index(KEY) + len(KEY)
    kind, length = struct.unpack_from("<IQ", head, at)
    assert kind == 8, "a string"
    return head[at + 12 : at + 12 + length].decode()


def asked(url: str, document: object) -> Any:
    request = Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=300) as answer:
        return json.loads(answer.read())


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def ollama() -> Iterator[str]:
    """The address of an Ollama that has the weights as a blob."""
    client: docker.DockerClient = connect()
    built(client, "ollama", "cpu")
    client.close()
    started = kit("up", "cpu-four", "ollama-default", "--port", str(PORT), "--from-source", "--quiet")
    assert started.returncode == 0, started.stderr
    url = f"http://127.0.0.1:{PORT}"
    try:
        wait_until(lambda: answers(f"{url}/api/version"), "the server answers")
        with urlopen(Request(f"{url}/api/blobs/sha256:{WEIGHTS.sha256}", fetch(WEIGHTS).read_bytes())) as answer:
            assert answer.status in (200, 201)
        yield url
    finally:
        assert kit("down").returncode == 0


def rendered(url: str, template: ChatTemplate, chat: list[dict[str, str]]) -> str:
    """What Ollama would give its model to read."""
    made = {
        "model": "rendering",
        "files": {WEIGHTS.file: f"sha256:{WEIGHTS.sha256}"},
        "template": template.text,
        "stream": False,
    }
    assert asked(f"{url}/api/create", made) == {"status": "success"}
    said = asked(
        f"{url}/api/chat",
        {"model": "rendering", "messages": chat, "stream": False, "_debug_render_only": True},
    )
    return str(said["_debug_info"]["rendered_template"])


@pytest.mark.parametrize("family", CHAT_TEMPLATES)
def test_a_chat_is_rendered_as_by_the_models_own_template(ollama: str, family: str) -> None:
    """With and without a system message, over several turns; of ChatML by the template in the very file."""
    name, default_system = find_chat(WEIGHTS)
    mine = go_template(family, default_system if family == name else None)
    own = jinja2.Environment().from_string(own_template(fetch(WEIGHTS)) if family == name else PUBLISHED[family])
    for chat in CHATS:
        messages = [{"role": role, "content": words} for role, words in chat]
        assert rendered(ollama, mine, messages) == own.render(messages=messages, add_generation_prompt=True)
