"""Rules about models: those of the catalogue are what it says, others go by their hash, and servers ran them."""

from __future__ import annotations

from collections.abc import Iterator

from kit.documents import NO_WEIGHTS, Entry, ModelPin, Plan
from kit.documents.pins import WeightsPin
from kit.storage.names import PLAN
from kit.verify.evidence import Evidence
from kit.verify.known import known_by_hash, known_model
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import with_server

Pin = ModelPin | WeightsPin


def pins(plan: Plan) -> Iterator[tuple[str, Pin]]:
    """Every pinned model and where it stands."""
    if plan.model != NO_WEIGHTS:  # else all servers already ran: plan.consistent sees to it
        yield f"{PLAN}: model", plan.model
    for pin in plan.models:
        yield f"{PLAN}: model {pin.name}", pin


@rule(
    "model.pinned",
    "reject",
    "places",
    "A model under a name of the catalogue is that one, another has a hash, and every server ran just that file",
)
def model_pinned(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None:
        return
    yield int(plan.model != NO_WEIGHTS) + len(plan.models)
    for where, pin in pins(plan):
        faults = _catalogue_faults(pin) if pin.catalogue else _own_faults(pin)
        yield from (Issue(where, why) for why in faults)
    pinned = {entry.name: _sha256_of(plan, entry) for entry in plan.entries}
    for found, server in with_server(evidence):
        yield 1
        if server.model_sha256 != pinned.get(found.planned.entry):
            yield Issue(f"{found.where}: server", "ran a model with another sha256 than the plan's")


def _catalogue_faults(pin: Pin) -> Iterator[str]:
    known = known_model(pin.name)
    if known is None:
        yield f"is {pin.name}, which is none that the catalogue has, and the plan does not say so"
        return
    if (pin.origin, pin.chat_template, pin.default_system) != (None, None, None):
        yield "says where it is from or how it is asked, which the catalogue alone says of its models"
    if isinstance(pin, ModelPin):
        if (known.sha256, known.bytes, known.file) != (pin.sha256, pin.bytes, pin.file):
            yield f"has another sha256, size or file name than the catalogue's {known.name}"
        return
    if (pin.file, pin.made_from, pin.made_by) != (known.file, known.source.made_from, known.source.made_by):
        yield "has another file name, or is made otherwise, than in the catalogue"
    # What the catalogue does not know, the maker of the run has measured himself: that is flagged, not refused.
    if known.sha256 is not None and (pin.sha256, pin.bytes) != (known.sha256, known.bytes):
        yield "has another sha256 or size than in the catalogue"


def _own_faults(pin: Pin) -> Iterator[str]:
    if known_model(pin.name) is not None:
        yield f"is called {pin.name}, as a model of the catalogue, and is said to be none of it"
    if pin.sha256 is None or pin.bytes is None:
        yield "is not of the catalogue and has no sha256 or size, so nobody knows what was measured"
    if pin.origin is None:
        yield "is not of the catalogue and does not say where it is from"
    if isinstance(pin, WeightsPin) and (pin.made_from, pin.made_by) != (None, None):
        yield "is not of the catalogue and says that the kit made it"


def _sha256_of(plan: Plan, entry: Entry) -> str | None:
    """The sha256 of an entry's weights; None where the plan has none, and no server can have run that."""
    if entry.model is None:
        return plan.model.sha256
    return next((pin.sha256 for pin in plan.models if pin.name == entry.model), None)


@rule("model.confirmed", "flag", "models", "Hash and size of a model of the catalogue are confirmed there")
def model_confirmed(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None:
        return
    yield int(plan.model != NO_WEIGHTS) + len(plan.models)
    known = known_model(plan.model.name)
    confirmed = plan.model.confirmed and known is not None and known.confirmed
    if plan.model != NO_WEIGHTS and plan.model.catalogue and not confirmed:
        yield Issue(f"{PLAN}: model", "has a hash that was never checked on a downloaded file")
    for pin in plan.models:
        known = known_model(pin.name)
        if pin.catalogue and (not pin.confirmed or known is None or not known.confirmed):
            words = "is not confirmed: its hash is only documented, or was measured in this run"
            yield Issue(f"{PLAN}: model {pin.name}", words)


@rule("model.catalogue", "note", "models", "The models are of the catalogue, under their names there")
def model_catalogue(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None:
        return
    yield int(plan.model != NO_WEIGHTS) + len(plan.models)
    for where, pin in pins(plan):
        if not pin.catalogue:
            yield Issue(where, own_words(pin))


def own_words(pin: Pin) -> str:
    """What a reader has to know of weights that no catalogue vouches for."""
    words = f"weights: not of the catalogue, sha256 {pin.sha256}, from {pin.origin}"
    same = known_by_hash(pin.sha256)
    return words if same is None else f"{words}; that is the sha256 of the catalogue's {same.name}"


RULES = (model_pinned, model_confirmed, model_catalogue)
