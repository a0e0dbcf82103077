"""Writes the weights of a GGUF file out as bfloat16 safetensors, with tokenizer and chat template: for vLLM.

    python3 gguf_to_safetensors.py FOLDER FILE OUT

runs inside the image of vLLM, which has torch, transformers and gguf; `kit models prepare` starts it there. The
numbers are those of the file, dequantised by transformers, so both engines compute with the same weights (but for
the rounding to bfloat16). The same versions give the same bytes.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer


def main(folder: str, file: str, out: str) -> None:
    """FOLDER/FILE is the GGUF file; OUT exists and is empty."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.bfloat16)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
    tokenizer.save_pretrained(out)
    # save_pretrained of the model refuses what came from a quantised file: the parts are written one by one.
    model.config.save_pretrained(out)
    path = Path(out) / "config.json"
    config = json.loads(path.read_text())
    config.pop("quantization_config", None)
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    tied = bool(config.get("tie_word_embeddings"))
    state = {
        name: tensor.to(torch.bfloat16).contiguous()
        for name, tensor in sorted(model.state_dict().items())
        if not (tied and name == "lm_head.weight")
    }
    save_file(state, str(Path(out) / "model.safetensors"), metadata={"format": "pt"})
    for written in sorted(Path(out).iterdir()):
        sys.stdout.write(f"{written.name} {written.stat().st_size}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
