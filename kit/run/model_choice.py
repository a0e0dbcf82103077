"""Which model to ask for where nobody names one: the first of the server's list, or an error that says why not."""

from __future__ import annotations

from kit.errors import InputError
from kit.plan.target import API_KEY_VARIABLE, Access, Target


def chosen_model(target: Target, access: Access) -> str:
    """The first model of the server's list; `InputError` or `UnreachableError` with the remedy if there is none.

    Nothing is ever asked by a made-up name: what would answer to it, or refuse it, is not what was meant.
    """
    # Only here: what asks takes longer to import than all the rest of a load to start.
    from kit.loadgen.reach import nobody_answers, reach
    from kit.probe import http

    reach(target, access)
    try:
        return http.served_model(target, access)
    except http.UnreachableError as error:
        raise nobody_answers(target, str(error)) from None
    except http.EndpointError as error:
        words = str(error).rstrip(".")
        refused = any(f"HTTP status {status}" in words for status in (401, 403))
        key = f"Set {API_KEY_VARIABLE} or give --header; or" if refused else "Wait until it is ready, or"
        raise InputError(
            f"The list of models at {target.root}{target.models_path} cannot be read: {words}.",
            f"{key} name the model: --model NAME.",
        ) from None
