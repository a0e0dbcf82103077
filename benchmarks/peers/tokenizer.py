"""A tokenizer that needs no download: every byte is a token. The tools want one to make their prompts."""

from __future__ import annotations

import json
from pathlib import Path


def byte_letters() -> list[str]:
    """The letters that byte-level tokenizers write for bytes 0 to 255 (GPT-2's table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    spare = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(spare)) for byte in range(256)]


def write_tokenizer(folder: Path) -> Path:
    """A folder that Hugging Face's AutoTokenizer loads; returns it."""
    end = {"id": 256, "content": "<end>", "special": True}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    vocabulary = {letter: number for number, letter in enumerate(byte_letters())}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{**end, **flags}],
        "normalizer": None,
        "pre_tokenizer": level,
        "post_processor": None,
        "decoder": level,
        "model": {"type": "BPE", "vocab": {**vocabulary, "<end>": 256}, "merges": []},
    }
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 131072,
        "eos_token": "<end>",
        "chat_template": "{% for message in messages %}{{ message['content'] }}{% endfor %}",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    # AutoTokenizer asks for the model's kind before it looks at the tokenizer.
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2", "vocab_size": 257}), encoding="utf-8")
    return folder
