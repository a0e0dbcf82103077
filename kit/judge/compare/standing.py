"""Whether the figure of a subject counts, and what must be the same before two figures are compared. Pure."""

from __future__ import annotations

from kit.catalogue import models
from kit.documents import OutputTokens
from kit.documents.study import Conditions, Study, Subject
from kit.errors import InputError
from kit.judge.compare.quantity import figure_text
from kit.judge.machines import machine_remarks
from kit.judge.study import is_complete, is_lower_bound, suspicions_of, values_of
from kit.metrics.disturbance import DISTURBED
from kit.metrics.registry import METRICS, THROUGHPUT
from kit.metrics.stats import median
from kit.text import plain_text

_METHOD = "the two methods define the figures differently"


def why_left_out(subject: Subject, metric: str = THROUGHPUT) -> str | None:
    """Why the figure of a subject does not count: SUSPECT, replicates without a result, no data; or None."""
    suspicions = suspicions_of(subject)
    if suspicions:
        disturbed = all(reason.startswith(DISTURBED) for reason in suspicions)
        return ("" if disturbed else "SUSPECT: ") + "; ".join((*suspicions, *_at_least(subject, metric)))
    if not is_complete(subject):
        lost = [trial for trial in subject.trials if trial.status != "measured"]
        reasons = "; ".join(dict.fromkeys(trial.reason or trial.status for trial in lost))
        count = len(subject.trials)
        return f"{len(lost)} of {count} replicate{'s' if count > 1 else ''} without a result: {reasons}"
    if len(values_of(subject, metric)) < len(subject.trials):
        return f"no data for {metric}"
    return None


def _at_least(subject: Subject, metric: str) -> list[str]:
    """The figure all the same, where it can only be too low."""
    if not is_lower_bound(subject, metric) or not values_of(subject, metric):
        return []
    what = METRICS[metric]
    return [f"{what.name} at least {figure_text(what, median(values_of(subject, metric)))}"]


def find(study: Study, entry: str, concurrency: int) -> Subject | None:
    """The subject of an entry at a concurrency, if there is one; `InputError` if imported files have several."""
    wanted = (entry, concurrency)
    found = [each for each in study.subjects if (each.entry, each.concurrency) == wanted]
    if len({each.shape for each in found}) > 1:
        raise InputError(
            f"{plain_text(study.name)} measured {plain_text(entry)} with {len(found)} kinds of request.",
            "Their figures are not one figure: kit table shows each, kit compare compares each.",
        )
    if len(found) > 1:
        raise InputError(
            f"{plain_text(study.name)} holds {len(found)} results of {plain_text(entry)} at {concurrency} users.",
            "Import the files that are to be compared, and no others of the same.",
        )
    return found[0] if found else None


# --- conditions -------------------------------------------------------------------------------------------


def _shown(value: object) -> str:
    if isinstance(value, OutputTokens):
        return f"{value.min}-{value.max}" if value.min != value.max else str(value.min)
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def _compared(a: Conditions, b: Conditions) -> tuple[tuple[str, object, object], ...]:
    """(what it is, of A, of B) of everything that must be the same."""
    by_hash = a.prompts_sha256 is not None and b.prompts_sha256 is not None
    return (
        ("loop", a.loop, b.loop),
        ("prompts", *((a.prompts_sha256, b.prompts_sha256) if by_hash else (a.prompts, b.prompts))),
        ("output tokens", a.output_tokens, b.output_tokens),
        ("ignore_eos", a.ignore_eos, b.ignore_eos),
        ("input tokens", a.input_tokens, b.input_tokens),
        ("arrivals", a.arrivals, b.arrivals),
        ("rate", a.rate_milli_per_s, b.rate_milli_per_s),
        ("interface", a.api, b.api),
    )


def differences(a: Conditions, b: Conditions) -> tuple[str, ...]:
    """Why figures under these conditions must not be compared; empty if they may.

    What is known of one side only counts as different; what is known of neither is left to `remarks`.
    """
    found = [f"different method: {a.method} and {b.method}, {_METHOD}"] if a.method != b.method else []
    for name, left, right in _compared(a, b):
        if left is None and right is None:
            continue
        if left is None or right is None:
            found.append(f"{name} of {'A' if left is None else 'B'} not known")
        elif left != right and name == "prompts":
            found.append(_prompts(a, b))
        elif left != right:
            found.append(f"different {name}: {_shown(left)} and {_shown(right)}")
    if a.sessions != b.sessions:
        found.append(f"different sessions: {a.sessions or 'none'} and {b.sessions or 'none'}")
    return tuple(found)


def _prompts(a: Conditions, b: Conditions) -> str:
    if a.prompts == b.prompts:
        return f"different prompts, both called {a.prompts}"
    return f"other prompts: {a.prompts or 'unnamed'} against {b.prompts or 'unnamed'}"


# What a study that does not say it does not have: nothing is assumed where neither has it.
_OPTIONAL = frozenset({"input tokens", "arrivals", "rate"})


def remarks(a: Study, b: Study) -> tuple[str, ...]:
    """What differs, or is not known, and does not forbid a comparison, but must be said beside it."""
    x, y = a.conditions, b.conditions
    unknown = [name for name, left, right in _compared(x, y) if left is None and right is None]
    unknown = [name for name in unknown if name not in _OPTIONAL]
    found = [f"Not stated by either, assumed equal: {', '.join(unknown)}."] if unknown else []
    for name, left, right in (("warm-up", x.warmup_s, y.warmup_s), ("window", x.window_s, y.window_s)):
        if left is not None and right is not None and left != right:
            found.append(f"Different {name}: {left:g} s and {right:g} s.")
    device_a, device_b = (each.hardware.device if each.hardware else None for each in (a, b))
    if a.machine is not None and b.machine is not None:
        found += machine_remarks(a.machine, b.machine)
    elif device_a != device_b:
        found.append(f"Different machine: {device_a or 'not named'} and {device_b or 'not named'}.")
    if a.kit_version != b.kit_version:
        found.append(f"Different kit version: {a.kit_version} and {b.kit_version}.")
    return tuple(found)


# --- weights ----------------------------------------------------------------------------------------------


def _origin(sha256: str) -> str:
    """The hash of the file that weights were made from, where the catalogue knows; else their own."""
    known = {entry.sha256: entry for entry in models() if entry.sha256}
    entry = known.get(sha256)
    source = entry.source.made_from if entry else None
    made_from = next((each.sha256 for each in models() if source and each.name == source), None)
    return made_from or sha256


def other_weights(a: Subject, b: Subject) -> str | None:
    """How the weights of two subjects differ; None if they are the same, or one was made from the other."""
    if a.model_sha256 is not None and b.model_sha256 is not None:
        if _origin(a.model_sha256) == _origin(b.model_sha256):
            return None
        if a.model == b.model:
            return f"other model hash: {a.model_sha256[:12]} against {b.model_sha256[:12]}, both called {a.model}"
        return f"other model hash: {a.model or 'unnamed'} against {b.model or 'unnamed'}"
    if a.model_sha256 is None and b.model_sha256 is None:
        return (
            None if a.model == b.model else f"other model: {a.model or 'unnamed'} against {b.model or 'unnamed'}"
        )
    return f"model hash of {'A' if a.model_sha256 is None else 'B'} not known"
