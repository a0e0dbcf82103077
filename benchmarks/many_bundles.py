"""How long many bundles take: python -m benchmarks.many_bundles [BUNDLE] [--count 1000] [--jobs N]

Copies of one bundle (by default results/demo-2cpu.tar.gz) are judged by `kit verify DIR`, start to end, and with
--parts by parts of the set one after the other, whose summaries must merge to the same document. Nothing is kept
between two bundles, so copies cost what as many different ones do.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from kit.assets import asset
from kit.cpus import usable_cpus

KIT = (sys.executable, "-m", "kit")
TARGET_S, TARGET_COUNT = 60.0, 1000
PARTS = 4


def timed(*arguments: str) -> tuple[float, float]:
    """Seconds of one command, and of processor time of it and all that it started."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([*KIT, "verify", *arguments], capture_output=True, text=True, check=False)
    wall_s, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise click.ClickException(done.stdout + done.stderr)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@click.command()
@click.argument("bundle", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--count", type=click.IntRange(1), default=TARGET_COUNT)
@click.option("--jobs", type=click.IntRange(1))
@click.option("--parts", is_flag=True, help=f"Also judge it in {PARTS} parts, and merge them.")
def main(bundle: Path | None, count: int, jobs: int | None, parts: bool) -> None:
    source = bundle or asset("results").joinpath("demo-2cpu.tar.gz")
    at_once = jobs or usable_cpus()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made, "set")
        folder.mkdir()
        for number in range(count):
            (folder / f"b{number:05d}.tar.gz").write_bytes(source.read_bytes())
        whole = Path(made, "whole.json")
        wall_s, cpu_s = timed(str(folder), "--jobs", str(at_once), "-o", str(whole))
        size = source.stat().st_size
        click.echo(f"{count} bundles of {size:,} bytes, {at_once} at once, load {os.getloadavg()[0]:.1f}")
        click.echo(f"{wall_s:.1f} s, {cpu_s:.1f} s of processor time, {1000 * cpu_s / count:.0f} ms for each")
        click.echo(
            f"{whole.stat().st_size:,} bytes of JSON; target {TARGET_S:g} s for {TARGET_COUNT} on two cores"
        )
        if parts:
            summaries = [Path(made, f"part-{part}.json") for part in range(1, PARTS + 1)]
            for part, summary in enumerate(summaries, 1):
                timed(str(folder), "--shard", f"{part}/{PARTS}", "--jobs", str(at_once), "-o", str(summary))
            merged = Path(made, "merged.json")
            merge_s, _ = timed("--merge", *map(str, summaries), "-o", str(merged))
            same = merged.read_bytes() == whole.read_bytes()
            click.echo(f"{PARTS} parts merged in {merge_s:.1f} s: {'the same bytes' if same else 'OTHER BYTES'}")


if __name__ == "__main__":
    main()
