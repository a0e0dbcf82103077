"""Contracts by name or from a file: read strictly, and held to what makes a score make sense."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

from kit.errors import InputError
from kit.judge.score.card import ContractPin
from kit.judge.score.contract import Contract
from kit.judge.score.validate import complaints
from kit.strict import Json, plain, read_yaml, typed, write_json
from kit.strict.schema import check
from kit.text import hint, plain_text

OURS, THEIRS = "kit-2", "probador-2.0"  # the kit's own, which is the default, and the original's
NAMES = (OURS, "kit-1", THEIRS)


def contract_names() -> tuple[str, ...]:
    """The contracts that the kit brings along."""
    return NAMES


def load_contract(source: str | Json) -> Contract:
    """A contract of the kit by name, or the one that a parsed document holds.

    `InputError` names the place that is wrong; an unknown name gets the nearest.
    """
    if not isinstance(source, str):
        return _checked(source, "the contract")
    if source not in NAMES:
        raise InputError(
            f"There is no contract {plain_text(source)!r}.",
            hint(source, NAMES, f"Known: {', '.join(NAMES)}; or give the path of a YAML file."),
        )
    return _ours(source)


def read_contract(data: bytes, where: str) -> Contract:
    """Somebody's own contract in YAML; `InputError` with file, line and place of what is wrong.

    Its algorithm is ours: probador-2.0 is a copy of somebody else's contract, and with other numbers it is none.
    """
    document = read_yaml(data, where)
    check(document.value, "contract", where, document.line)
    found = _checked(document.value, where)
    if found.name in NAMES:
        raise InputError(f"{where}: name: {found.name!r} is a contract of the kit.", "Give yours another name.")
    if found.is_copy:
        raise InputError(
            f"{where}: algorithm: only kit-2 takes other thresholds; {found.algorithm} is a copy of the original.",
            "Write algorithm: kit-2 (docs/scoring.md says what that takes).",
        )
    return found


def contract_sha256(contract: Contract) -> str:
    """The sha256 of everything that a contract says, as the kit writes it in JSON."""
    return sha256(write_json(plain(contract))).hexdigest()


@cache
def _ours(name: str) -> Contract:
    where = f"kit/catalogue/contracts/{name}.yaml"
    document = read_yaml(files("kit.catalogue").joinpath("contracts", f"{name}.yaml").read_bytes(), where)
    check(document.value, "contract", where, document.line)
    return _checked(document.value, where)


def _checked(value: Json, where: str) -> Contract:
    check(value, "contract", where)
    found = typed(Contract, value, where)
    wrong = next(complaints(found), None)
    if wrong:
        raise InputError(f"{where}: {wrong}.", "docs/scoring.md says how a contract is written.")
    return found


def pin(contract: Contract) -> ContractPin:
    """What a scorecard says of its contract."""
    return ContractPin(contract.name, contract.version, contract.algorithm, contract_sha256(contract))
