"""What a witness of a speed run asks, what it is answered, and what that says of a cell."""

from kit.documents.witness.answers import (
    OtherToken,
    ReferencePin,
    ReferenceQuestion,
    WitnessAnswer,
    WitnessFacts,
    WitnessReference,
    WitnessRound,
    WitnessRule,
    WitnessToken,
    WitnessWish,
)

__all__ = [
    "OtherToken",
    "ReferencePin",
    "ReferenceQuestion",
    "WitnessAnswer",
    "WitnessFacts",
    "WitnessReference",
    "WitnessRound",
    "WitnessRule",
    "WitnessToken",
    "WitnessWish",
]
