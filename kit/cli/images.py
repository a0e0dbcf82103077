"""kit images: make, list and record the images that runtimes and the load generator run in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from kit.cli._shared.options import json_option, quiet_option, write_file

BUILD_DEFAULT = ("loadgen",)


@click.group("images")
def command() -> None:
    """Make, list and record the images that runtimes and the load generator run in.

    Example: kit images build loadgen llamacpp/cpu
    """


@contextmanager
def lines(what: str, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A status line with the newest line of a build on a terminal; every line elsewhere; nothing when quiet."""
    from rich.console import Console

    from kit.text import plain_text

    console = Console(stderr=True, highlight=False, markup=False)
    if quiet:
        yield lambda _: None
    elif not console.is_terminal:
        yield lambda text: click.echo(plain_text(text, 300), err=True)
    else:
        started = time.monotonic()
        with console.status(what) as status:

            def show(text: str) -> None:
                passed = int(time.monotonic() - started)
                room = max(20, console.width - len(what) - 12)
                status.update(f"{what} {passed // 60}:{passed % 60:02d}  {plain_text(text, room)}")

            yield show


@command.command("base")
@click.argument("suites", nargs=-1, metavar="[SUITE...]")
@click.option("--again", is_flag=True, help="Make it anew although it is here.")
@quiet_option
def base(suites: tuple[str, ...], again: bool, quiet: bool) -> None:
    """Make the base images from the Debian archive (bookworm and trixie), where no registry gives them.

    Needs root and debootstrap. KIT_DEBIAN_MIRROR names another mirror.

    Example: kit images base trixie
    """
    from kit.engines import connect
    from kit.supply.images import make_bases
    from kit.supply.images.recipes import SUITES

    with connect() as host, lines("base images", quiet=quiet) as on_line:
        made = make_bases(host.images, suites or SUITES, on_line, again=again)
    for image in made:
        click.echo(f"{image.tag}  {image.image_id}  packages sha256:{image.packages_sha256}")
    if not made:
        click.echo("Every base image is here. Next: kit images build")


@command.command("build")
@click.argument("selectors", nargs=-1, metavar="[RUNTIME[/VARIANT]...]")
@click.option("--from-source", "from_source", flag_value=True, default=None, help="Build from sources and wheels.")
@click.option("--official", "from_source", flag_value=False, help="Take the runtime's own image, by its digest.")
@click.option("--no-cache", is_flag=True, help="Build every step anew.")
@quiet_option
def build_images(selectors: tuple[str, ...], from_source: bool | None, no_cache: bool, quiet: bool) -> None:
    """Build images; without a name that of the load generator.

    Without --from-source or --official a runtime's own image is taken where its registry answers, else the build
    from source. Steps that did not change come from the engine's cache. Inputs are fetched on this machine and
    checked by their hash. KIT_WHEELHOUSE names a folder with wheels, KIT_CA_BUNDLE certificates of a company's
    network.

    Example: kit images build llamacpp/cpu --from-source
    """
    from kit.engines import connect
    from kit.supply.images import build, choose_target, recipe
    from kit.supply.images import names as names_of
    from kit.supply.images.recipes import TARGET_WORDS

    wanted = list(dict.fromkeys(name for selector in selectors or BUILD_DEFAULT for name in names_of(selector)))
    with connect() as host:
        for name in wanted:
            runtime, _, variant = name.partition("/")
            target = choose_target(host.images, name, from_source)
            chosen = recipe(runtime, variant, target)
            started = time.monotonic()
            with lines(chosen.tag, quiet=quiet) as on_line:
                built = build(host.images, chosen, on_line, no_cache=no_cache)
            seconds = time.monotonic() - started
            click.echo(f"{built.tag}  {built.image_id}  {TARGET_WORDS[target]}, {seconds:.0f} s")


@command.command("list")
@json_option
def list_images(as_json: bool) -> None:
    """The images the kit can build, whether they are here, and whether their recipe changed since.

    Example: kit images list --json
    """
    from kit.engines import connect
    from kit.supply.images import needed, present, recipes
    from kit.text import bytes_text

    with connect() as host:
        here = {tag: facts for facts in present(host.images) for tag in facts.tags}
        rows: list[dict[str, object]] = []
        for each in recipes():
            facts = here.get(each.tag)
            rows.append(
                {
                    "image": each.tag,
                    "here": facts is not None,
                    "stale": facts is not None and needed(host.images, each),
                    "image_id": facts.image_id if facts else None,
                    "bytes": facts.size_bytes if facts else None,
                    "tried": each.built_here,
                }
            )
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        state = "not here" if not row["here"] else "here, recipe changed since" if row["stale"] else "here"
        size = bytes_text(row["bytes"]) if isinstance(row["bytes"], int) else ""
        doubt = "" if row["tried"] else "  (never tried by the kit's makers)"
        click.echo(f"{row['image']:<32} {size:>9}  {state}{doubt}")


@command.command("lock")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it here.")
def lock_images(output: Path | None) -> None:
    """Record what the images are: ids, digests, inputs; and whether registries agree with the pins.

    Example: kit images lock -o images.lock.json
    """
    from kit.engines import connect
    from kit.strict import plain
    from kit.supply.images import lock

    with connect() as host:
        found = lock(host.images)
    data = json.dumps(plain(found), indent=1) + "\n"
    if output is None:
        click.echo(data, nl=False)
        return
    write_file(output, data.encode())
    counts = [pin.verdict for pin in found.pins]
    words = ", ".join(f"{counts.count(word)} {word}" for word in sorted(set(counts)))
    click.echo(f"{output}: {len(found.images)} images, {len(found.bases)} bases; pins: {words}.")
