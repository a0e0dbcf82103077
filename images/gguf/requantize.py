"""Writes the weights of a GGUF file again as Q8_0, which every engine of the kit reads at full speed.

    python3 requantize.py FOLDER FILE OUT

runs inside kit/gguf; `kit models prepare` starts it there. Matrices are dequantised and quantised anew, vectors
stay float32, metadata are copied. The same versions give the same bytes.

realizar refuses a vocabulary without an unknown token whose bytes are not all there, as SmolLM2's: the control
token `<empty_output>`, which no text and no template contains, is called `<unk>`. No other engine reads that name.
"""

import sys
from pathlib import Path

import numpy
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType
from gguf.quants import dequantize, quantize

TOKENS, UNUSED, UNKNOWN = "tokenizer.ggml.tokens", "<empty_output>", "<unk>"
QUANTIZATION = GGMLQuantizationType.Q8_0


def copy_metadata(reader: GGUFReader, writer: GGUFWriter) -> None:
    """Every key but those that the writer makes itself; the file type is the new one."""
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        value = field.contents()
        if name == "general.file_type":
            value = int(LlamaFileType.MOSTLY_Q8_0)
        if name == TOKENS and UNKNOWN not in value:
            value[value.index(UNUSED)] = UNKNOWN
        kind = field.types[0]
        writer.add_key_value(name, value, kind, field.types[-1] if kind == GGUFValueType.ARRAY else None)


def main(folder: str, file: str, out: str) -> None:
    """FOLDER/FILE is the GGUF file; OUT exists and is empty."""
    reader = GGUFReader(Path(folder) / file)
    path = Path(out) / "model.gguf"
    writer = GGUFWriter(path, reader.fields["general.architecture"].contents())
    copy_metadata(reader, writer)
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        if values.ndim == 1:
            writer.add_tensor(tensor.name, values)
        else:
            writer.add_tensor(tensor.name, quantize(values, QUANTIZATION), raw_dtype=QUANTIZATION)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    sys.stdout.write(f"{path.name} {path.stat().st_size}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
