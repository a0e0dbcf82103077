"""telemetry.jsonl: its lines as values, read strictly, and the file as the sampler left it made whole."""

from __future__ import annotations

from pathlib import Path

from kit.documents.telemetry import TelemetrySample
from kit.strict import Json, StrictError, plain, read_jsonl, typed, write_jsonl_line

MAX_LINE_BYTES = 64 << 10  # of a machine with more GPUs than any has
MAX_GPUS = 64


def sample_from(value: Json, where: str) -> TelemetrySample:
    """One line; `StrictError` for another type than its schema has, or a number out of its range."""
    sample = typed(TelemetrySample, value, where)
    if len(sample.gpus) > MAX_GPUS:
        raise StrictError(where, "gpus", f"more than {MAX_GPUS} of them")
    for each in (sample, *sample.gpus):
        for name, number in each.written():
            if type(number) is int and number < (-300 if name == "temperature_c" else 0):
                raise StrictError(where, name, "is less than it can be")
    return sample


def read_samples(path: Path) -> tuple[TelemetrySample, ...]:
    """The samples of a file; none where there is none."""
    if not path.is_file():
        return ()
    lines = read_jsonl(path.read_bytes(), path.name, max_line_bytes=MAX_LINE_BYTES)
    return tuple(sample_from(value, f"{path.name}:{number}") for number, value in lines)


def write_samples(path: Path, samples: tuple[TelemetrySample, ...]) -> bytes:
    """Write a file of samples; returns its bytes."""
    data = b"".join(write_jsonl_line(plain(sample)) for sample in samples)
    path.write_bytes(data)
    return data


def make_whole(path: Path) -> None:
    """Cut off what a sampler that was killed had not written to its end."""
    data = path.read_bytes() if path.is_file() else b""
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        path.write_bytes(whole)
