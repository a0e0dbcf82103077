"""Writes a tiny model with random weights as F16, in the one shape that realizar's wgpu backend computes.

    python3 tiny_llama.py FOLDER FILE OUT

runs inside kit/gguf; `kit models prepare` starts it there. Its vocabulary and chat template are those of FILE, so
a real tokenizer is at work; what it says is noise. It is for engines that would need minutes for a real model:
they can be started, streamed from and counted. Heads have 128 values each, because realizar's wgpu backend takes
that for granted. The same versions give the same bytes.
"""

import sys
from pathlib import Path

import numpy
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType

LAYERS, WIDTH, HEADS, KV_HEADS, HEAD, HIDDEN, CONTEXT, SEED = 2, 256, 2, 1, 128, 512, 2048, 2026
TOKENS, UNUSED, UNKNOWN = "tokenizer.ggml.tokens", "<empty_output>", "<unk>"


def tensors(vocabulary: int) -> dict[str, tuple[int, ...]]:
    """Shape of every matrix by its name, output dimension first."""
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (vocabulary, WIDTH)}
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        shapes |= {
            f"{block}attn_norm.weight": (WIDTH,),
            f"{block}attn_q.weight": (HEADS * HEAD, WIDTH),
            f"{block}attn_k.weight": (KV_HEADS * HEAD, WIDTH),
            f"{block}attn_v.weight": (KV_HEADS * HEAD, WIDTH),
            f"{block}attn_output.weight": (WIDTH, HEADS * HEAD),
            f"{block}ffn_norm.weight": (WIDTH,),
            f"{block}ffn_gate.weight": (HIDDEN, WIDTH),
            f"{block}ffn_up.weight": (HIDDEN, WIDTH),
            f"{block}ffn_down.weight": (WIDTH, HIDDEN),
        }
    return shapes | {"output_norm.weight": (WIDTH,), "output.weight": (vocabulary, WIDTH)}


def main(folder: str, file: str, out: str) -> None:
    """FOLDER/FILE is a GGUF file with the vocabulary; OUT exists and is empty."""
    reader = GGUFReader(Path(folder) / file)
    path = Path(out) / "model.gguf"
    writer = GGUFWriter(path, "llama")
    vocabulary = list(reader.fields[TOKENS].contents())
    if UNKNOWN not in vocabulary:
        vocabulary[vocabulary.index(UNUSED)] = UNKNOWN
    writer.add_name("tiny random llama")
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    writer.add_block_count(LAYERS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(len(vocabulary))
    for name, field in reader.fields.items():
        if name.startswith("tokenizer."):
            value = vocabulary if name == TOKENS else field.contents()
            kind = field.types[0]
            writer.add_key_value(name, value, kind, field.types[-1] if kind == GGUFValueType.ARRAY else None)
    random = numpy.random.Generator(numpy.random.PCG64(SEED))
    for name, shape in tensors(len(vocabulary)).items():
        if len(shape) == 1:
            writer.add_tensor(name, numpy.ones(shape, numpy.float32))
            continue
        # integers, and a power of two: the same in every version of numpy
        values = random.integers(-512, 512, shape, dtype=numpy.int16).astype(numpy.float16) / numpy.float16(8192)
        writer.add_tensor(name, values, raw_dtype=GGMLQuantizationType.F16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    sys.stdout.write(f"{path.name} {path.stat().st_size}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
