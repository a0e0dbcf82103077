"""kit images: make, list and record the images that runtimes and the load generator run in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from kit.cli._shared.options import json_option, quiet_option, write_file
from kit.cli._shared.printing import show_document
from kit.cli._shared.words import completing
from kit.cli._shared.words.renamed import Renamed

BUILD_DEFAULT = ("loadgen",)


@click.group("images")
def command() -> None:
    """Build, list and pin the images of the runtimes and the load generator.

    Example: kit images build loadgen llamacpp/cpu
    """


@contextmanager
def lines(what: str, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A status line with the newest line of a build on a terminal; every line elsewhere; nothing when quiet."""
    from rich.console import Console
    from rich.text import Text

    from kit.output import drawing_error
    from kit.text import plain_text, without_password

    console = Console(file=drawing_error(), highlight=False, markup=False)
    if quiet:
        yield lambda _: None
    elif not console.is_terminal:
        yield lambda text: click.echo(plain_text(without_password(text), 300), err=True)
    else:
        started = time.monotonic()
        with console.status(Text(what)) as status:  # as a Text: brackets of a build are no markup

            def show(text: str) -> None:
                passed = int(time.monotonic() - started)
                room = max(20, console.width - len(what) - 12)
                line = plain_text(without_password(text), room)
                status.update(Text(f"{what} {passed // 60}:{passed % 60:02d}  {line}"))

            yield show


@command.command("base")
@click.argument("suites", nargs=-1, metavar="[SUITE...]")
@click.option("--again", is_flag=True, help="Rebuild even if present.")
@quiet_option
def base(suites: tuple[str, ...], again: bool, quiet: bool) -> None:
    """Build the base images (bookworm, trixie) from the Debian archive, for use without a registry.

    Needs root and debootstrap. KIT_DEBIAN_MIRROR selects another mirror.

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
        click.echo("All base images are present. Next: kit images build")


@command.command("build")
@click.argument("selectors", nargs=-1, metavar="[RUNTIME[/VARIANT]...]", shell_complete=completing.images)
@click.option("--from-source", "from_source", flag_value=True, default=None, help="Build from source and wheels.")
@click.option("--official", "from_source", flag_value=False, help="Use the official image, pinned by digest.")
@click.option("--no-cache", is_flag=True, help="Rebuild every step.")
@quiet_option
def build_images(selectors: tuple[str, ...], from_source: bool | None, no_cache: bool, quiet: bool) -> None:
    """Build images; without a name, the load generator's.

    By default a runtime's official image is used if its registry is reachable, otherwise the image is built from
    source. Unchanged steps come from the engine's cache. Inputs are downloaded on this machine and verified by
    sha256. KIT_WHEELHOUSE is a folder of wheels, KIT_CA_BUNDLE a file of extra CA certificates.

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
    """List the images that the kit can build, and whether each is present and up to date.

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
        show_document("images-list", {"images": rows})
        return
    for row in rows:
        state = "missing" if not row["here"] else "outdated (recipe changed)" if row["stale"] else "present"
        size = bytes_text(row["bytes"]) if isinstance(row["bytes"], int) else ""
        doubt = "" if row["tried"] else "  (untested)"
        click.echo(f"{row['image']:<32} {size:>9}  {state}{doubt}")


@command.command("lock")
@click.option(
    "-o",
    "--out",
    "output",
    cls=Renamed,
    old=["--output"],
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to FILE.",
)
def lock_images(output: Path | None) -> None:
    """Record ids, digests and inputs of the images, and whether registries agree with the pins.

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
