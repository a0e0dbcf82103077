"""The scorecard of studies under one contract. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kit import __version__
from kit.documents.study import Study
from kit.judge.machines import named_machines
from kit.judge.score.card import Scorecard
from kit.judge.score.contract import Contract
from kit.judge.score.kit1 import check_class, kit1_cards
from kit.judge.score.loading import pin
from kit.judge.score.probador import probador_cards
from kit.judge.shapes import all_shapes_of


def scorecard(
    studies: Sequence[Study],
    contract: Contract,
    concurrencies: Sequence[int] | None = None,
    platform_class: str | None = None,
) -> Scorecard:
    """One card for each study and shape, entry and concurrency (of `concurrencies`, if given).

    `platform_class` is the class of imported results that do not say on which machine they were made. `InputError`
    if the contract has no such class, or nothing here needs one.
    """
    studies = all_shapes_of(studies)
    check_class(studies, contract, platform_class)
    machines = named_machines(studies)
    if not contract.is_copy:
        made = [kit1_cards(study, contract, concurrencies, platform_class) for study in studies]
        cards = [replace(card, machine=name) for name, mine in zip(machines, made, strict=True) for card in mine]
        return Scorecard("kit/scorecard/1", __version__, pin(contract), tuple(cards))
    # Imported results form one group, as in the original; runs do not, so each is named by its machine.
    cards = [
        replace(card, machine=name)
        for name, study in zip(machines, studies, strict=True)
        if study.origin == "run"
        for card in probador_cards([study], contract, concurrencies)
    ]
    cards += probador_cards([each for each in studies if each.origin == "imported"], contract, concurrencies)
    return Scorecard("kit/scorecard/1", __version__, pin(contract), tuple(cards))
