"""The scorecard of studies under one contract. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kit import __version__
from kit.documents.study import Study
from kit.judge.score.card import Scorecard
from kit.judge.score.contract import Contract
from kit.judge.score.kit1 import check_class, kit1_cards
from kit.judge.score.loading import pin
from kit.judge.score.probador import probador_cards


def scorecard(
    studies: Sequence[Study],
    contract: Contract,
    concurrencies: Sequence[int] | None = None,
    platform_class: str | None = None,
) -> Scorecard:
    """One card for each study, entry and concurrency (of `concurrencies`, if given).

    `platform_class` is the class of imported results that do not say on which machine they were made. `InputError`
    if the contract has no such class, or nothing here needs one.
    """
    check_class(studies, contract, platform_class)
    if contract.is_copy:
        cards = probador_cards(studies, contract, concurrencies)
    else:
        cards = [card for study in studies for card in kit1_cards(study, contract, concurrencies, platform_class)]
    return Scorecard("kit/scorecard/1", __version__, pin(contract), tuple(cards))
