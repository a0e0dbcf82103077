"""kit up: start one entry of a platform and leave it running."""

from __future__ import annotations

import click

from kit.cli._shared.containers import lines, source_option
from kit.cli._shared.options import quiet_option, runtime_path_option
from kit.cli._shared.words import completing
from kit.cli._shared.words.numbers import Whole


@click.command("up")
@click.argument("platform", shell_complete=completing.platforms)
@click.argument("entry", shell_complete=completing.entries)
@click.option("--port", type=Whole(1, 65_535), default=8080, show_default=True, help="Port on 127.0.0.1.")
@runtime_path_option
@source_option
@quiet_option
def command(platform: str, entry: str, port: int, from_source: bool | None, quiet: bool) -> None:
    """Start ENTRY of PLATFORM in its container, as a run would, and leave it running until `kit down`.

    A missing image is built and a missing model downloaded. The printed URL works with `kit test`, `kit load` and
    `kit sweep` once the model is loaded.

    Example: kit up smol llamacpp --port 8080
    """
    from kit.cli.showing.transfers import transfer
    from kit.errors import InputError
    from kit.plan.platforms import load_platform
    from kit.run.containers import PreparationOptions, standing
    from kit.text import hint

    chosen = load_platform(platform)
    found = next((each for each in chosen.entries if each.name == entry), None)
    if found is None:
        names = [each.name for each in chosen.entries]
        raise InputError(
            f"The platform {chosen.name} has no entry {entry!r}.",
            hint(entry, names, also=f"It has: {', '.join(names)}."),
        )
    if chosen.engine != "docker":
        raise InputError(f"{chosen.name} does not use containers.", "Choose a platform with `engine: docker`.")
    with transfer("model", quiet=quiet) as on_bytes:
        url = standing(chosen, found, port, PreparationOptions(from_source), lines(quiet=quiet), on_bytes)
    click.echo(f"{found.name} is starting at {url}; it answers once its model is loaded.")
    click.echo(f"Next: kit test {url} --level {chosen.correctness.level}, kit load {url}; kit down")
