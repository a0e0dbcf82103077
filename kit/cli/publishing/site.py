"""kit site: the board of a folder of results."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli._shared.options import quiet_option


@click.command("site")
@click.argument("results", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="RESULTS_FOLDER")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("site"),
    metavar="DIR",
    help="Output; default site.",
)
@click.option(
    "--signers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Allowed signers, as ssh-keygen reads them. Default allowed_signers in the folder.",
)
@click.option("--published", is_flag=True, help="Add figures published by others, marked as unverifiable.")
@click.option("--title", default="Benchmark results", metavar="TEXT", help="Title of the board.")
@click.option("--url", default="", metavar="URL", help="Address of the board, for its feed.")
@click.option("--no-archives", is_flag=True, help="Do not copy the bundles into the site.")
@quiet_option
def command(
    results: Path,
    out: Path,
    signers: Path | None,
    published: bool,
    title: str,
    url: str,
    no_archives: bool,
    quiet: bool,
) -> None:
    """Write a static board of all bundles in a folder: a page with filters and charts, a page for each, a feed.

    Every bundle is verified and every number recomputed; rejected bundles are listed with the reason. The board
    needs no server, network or JavaScript, and the same bundles give the same files. Pages of bundles that are
    gone are removed; other files in DIR are kept.

    Example: kit site results -o site --published
    """
    from kit.catalogue.published import all_published
    from kit.cli._shared.site import BOARD, Results, Site
    from kit.collection.signers import trusted_in
    from kit.report.board.exhibits import Board
    from kit.report.board.site import board_html, feed_xml
    from kit.text import plain_text

    site = Site(Results(results, trusted_in(results, signers), title), out, archives=not no_archives)
    for page in site.add_bundles():
        if not quiet:
            click.echo(str(page))
    index = site.index()
    board = Board(
        title=title,
        exhibits=site.exhibits(index),
        refused=index.refused,
        published=all_published() if published else (),
        url=url,
        archives=not no_archives,
    )
    site.finish(board_html(board), feed_xml(board), index)
    for each in index.refused:
        click.echo(plain_text(f"Not shown: {each.path}: {each.reason}", 600), err=True)
    click.echo(str(out / BOARD))
