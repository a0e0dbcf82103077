"""A corpus of streams: what servers and gateways send, each with its public source and what is true of it.

`docs/streams.md` is made from it by `python -m tests.support.shapes`.
"""

from tests.support.shapes import (
    choices,
    counts,
    ends,
    errors,
    framing_events,
    framing_http,
    hidden,
    llamacpp,
    noise,
    odd,
    other_engines,
    services,
    together,
    vllm_sglang,
)
from tests.support.shapes.shape import Shape

GROUPS: dict[str, tuple[Shape, ...]] = {
    "Servers": (*vllm_sglang.SHAPES, *llamacpp.SHAPES, *other_engines.SHAPES),
    "Services and gateways": services.SHAPES,
    "Noise": noise.SHAPES,
    "Counts": counts.SHAPES,
    "Hidden tokens": hidden.SHAPES,
    "Several events in one read": together.SHAPES,
    "Ends of answers": ends.SHAPES,
    "Framing": (*framing_http.SHAPES, *framing_events.SHAPES),
    "Errors": errors.SHAPES,
    "Odd members": (*odd.SHAPES, *choices.SHAPES),
}
SHAPES = tuple(shape for shapes in GROUPS.values() for shape in shapes)
