"""The phases of a cell, by name and in their order: the only place that writes them."""

from __future__ import annotations

START, READY, DEVICE, CORRECT = "start", "ready", "device", "correct"
WARM_UP, WINDOW, COLLECT, WITNESS, STOP = "warm-up", "window", "collect", "witness", "stop"
PHASES = (START, READY, DEVICE, CORRECT, WARM_UP, WINDOW, COLLECT, WITNESS, STOP)
EVALUATE = "evaluate"  # of a round of an evaluation, in place of warm-up, window and collect
# Only what runs in a container has to prove on which device it computes.
CONTAINER_PHASES = frozenset({DEVICE})
# Only where the plan has a witness are answers asked again.
WITNESS_PHASES = frozenset({WITNESS})
