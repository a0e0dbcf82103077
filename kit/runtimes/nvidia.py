"""What NVIDIA's own tool says inside a container: the same for every runtime that computes with CUDA."""

from __future__ import annotations

import re

LIST = ("nvidia-smi", "-L")
# "GPU 0: NVIDIA GeForce RTX 4060 Laptop GPU (UUID: GPU-...)": the UUID names one card in the world, so it is left.
_GPU = re.compile(r"^GPU \d+: (.+?) \(UUID: ", re.MULTILINE)


def gpu_name(listing: str) -> str | None:
    """The name of the first GPU in the output of `LIST`, or None."""
    found = _GPU.search(listing)
    return found[1].strip() if found else None
