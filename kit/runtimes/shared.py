"""What most runtime modules do alike."""

from __future__ import annotations

from collections.abc import Mapping

from kit.documents import Setting
from kit.runtimes.protocol import Additions, Extras, ServedModel, ServerSpec, SettingRule, Step

THREADS = "threads"
THREADS_RULE = SettingRule(0, 0, 1024, "CPU threads; 0 is all usable ones")


def filled(rules: Mapping[str, SettingRule], settings: Mapping[str, Setting], cpus: int) -> dict[str, Setting]:
    """Every setting of `rules` with its value; `threads` 0 becomes the number of usable CPUs."""
    values: dict[str, Setting] = {name: settings.get(name, rule.default) for name, rule in rules.items()}
    if values.get(THREADS) == 0:
        values[THREADS] = cpus
    return values


def model_variables(model: ServedModel) -> dict[str, str]:
    """What every compose file needs to know of the model: its volume, its file there and its name."""
    return {
        "KIT_MODEL_VOLUME": model.volume,
        "KIT_MODEL_FILE": model.file,
        "KIT_MODEL_NAME": model.name,
    }


def text_at(facts: object, key: str) -> str | None:
    """A string of a JSON object, or None."""
    value = facts.get(key) if isinstance(facts, dict) else None
    return value if isinstance(value, str) else None


# ruff: noqa: ARG001 - these stand in for functions of the contract, whose arguments they have no use for.


def only_in_containers(
    name: str, variant: str, settings: Mapping[str, Setting], model_path: str, port: int
) -> ServerSpec:
    """The `server` of a runtime that is never a process of this machine."""
    raise ValueError(f"no process variant {variant!r}")


def nothing_to_prepare(settings: Mapping[str, Setting], model: ServedModel) -> tuple[Step, ...]:
    """The `preparation` of a runtime that has its model loaded when READY_PATH answers 200."""
    return ()


def no_counters(text: str) -> dict[str, int]:
    """The `counters` of a runtime without any."""
    return {}


def no_extras(variant: str) -> Extras:
    """The `extras` of a runtime that takes nothing beside its settings."""
    return Extras()


def no_additions(variant: str, settings: Mapping[str, Setting], gpus: tuple[int, ...]) -> Additions:
    """The `additions` of such a runtime."""
    return Additions()
