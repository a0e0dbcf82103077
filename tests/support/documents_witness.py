"""Good examples of what a witness leaves."""

from __future__ import annotations

from typing import Any

from kit.documents.witness import OtherToken, ReferenceQuestion, WitnessAnswer, WitnessReference, WitnessToken
from tests.support.documents_written import SHA

ANSWER = WitnessAnswer(
    "changed", 3, " 4711 is", "length", 250_000_000, (WitnessToken(8, -250, (OtherToken(" It", -900),)),), "cut"
)
WITNESSED: dict[str, Any] = {
    "witness": ANSWER,
    "reference-answers": WitnessReference(
        "kit/reference-answers/1", "smol", SHA, "llama.cpp", 32, (ReferenceQuestion("You are", "2 + 2?", ANSWER),)
    ),
}
