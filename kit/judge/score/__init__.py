"""Scorecards: figures held to a contract. Values in, values out; the words are in `kit.judge.score.text`."""

from kit.judge.score.card import (
    Card,
    ContractPin,
    ExtraCards,
    ExtraRow,
    MetricScore,
    Note,
    Scorecard,
)
from kit.judge.score.contract import By, Contract
from kit.judge.score.extra import extra_cards
from kit.judge.score.gate import Failure, failures, known_grade
from kit.judge.score.loading import contract_names, load_contract, read_contract
from kit.judge.score.scoring import scorecard

__all__ = [
    "By",
    "Card",
    "Contract",
    "ContractPin",
    "ExtraCards",
    "ExtraRow",
    "Failure",
    "MetricScore",
    "Note",
    "Scorecard",
    "contract_names",
    "extra_cards",
    "failures",
    "known_grade",
    "load_contract",
    "read_contract",
    "scorecard",
]
