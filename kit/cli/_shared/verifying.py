"""Many bundles on one command line: what they stand for, their verdicts, and how these are shown or written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli._shared.counting import counting
from kit.cli._shared.options import write_file
from kit.cli._shared.printing import show_json
from kit.cli._shared.signed import SignatureOptions, is_refused, with_signature
from kit.errors import InputError

if TYPE_CHECKING:
    from kit.documents import Verdict
    from kit.judge.batch.documents import Shard, Verdicts
    from kit.judge.batch.gathering import Gathered


class ShardType(click.ParamType["Shard"]):
    """I/N: part I of N, from 1."""

    name = "I/N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shard:
        from kit.judge.batch.sharding import parse_shard

        found = parse_shard(value) if isinstance(value, str) else value
        if found is None:
            self.fail(f"{value!r} is no part I of N, like 1/8: I from 1 to N.", param, ctx)
        shard: Shard = found
        return shard


def verified(
    paths: Sequence[Path], jobs: int | None, shard: Shard | None, options: SignatureOptions, *, quiet: bool
) -> Verdicts:
    """The verdicts on everything that the paths stand for, or on one part of it.

    Two bundles or runs that are accepted are compared.
    """
    from kit.cpus import usable_cpus
    from kit.judge.batch.gathering import gathered, is_collection
    from kit.judge.batch.sharding import part_of
    from kit.judge.batch.text import is_all_accepted
    from kit.judge.batch.verifying import as_it_is, verdicts_of

    found = gathered(paths)
    with counting("verifying", len(part_of(found.items, shard)), quiet=quiet) as done:
        signed = partial(signed_beside, options=options) if options.asked else as_it_is
        verdicts = verdicts_of(found, jobs or usable_cpus(), shard, lambda item, _: done(item.name), signed)
    pair = len(paths) == len(found.items) == 2 and shard is None and not any(map(is_collection, paths))
    return _with_reproduction(verdicts, paths, found) if pair and is_all_accepted(verdicts) else verdicts


def signed_beside(path: Path, verdict: Verdict, options: SignatureOptions) -> Verdict:
    """The verdict on an accepted bundle with what the signature beside it is worth.

    A file that is no signature is the bundle's fault; `InputError` if none can be checked here.
    """
    from kit.cli._shared.opening import bundle_bytes
    from kit.documents import Signature
    from kit.signing import bundle_signature, read_signature, signature_beside
    from kit.storage.archive import unpack
    from kit.storage.names import MANIFEST

    if path.is_dir() or verdict.label == "rejected":
        return verdict
    try:
        beside = signature_beside(path)
        signature = read_signature(beside) if beside.exists() else None
        files = unpack(bundle_bytes(path))
    except InputError:
        return replace(verdict, signature=Signature("bad", why="it is not an SSH signature, or cannot be read"))
    if sha256(files.get(MANIFEST, b"")).hexdigest() != verdict.identity:
        return replace(verdict, signature=Signature("bad", why="the bundle changed while it was judged"))
    return replace(verdict, signature=bundle_signature(files, signature, options.signers, options.revoked))


def _with_reproduction(verdicts: Verdicts, paths: Sequence[Path], found: Gathered) -> Verdicts:
    from kit.cli._shared.opening import open_study
    from kit.judge.batch.gathering import as_named
    from kit.judge.batch.text import signer_of
    from kit.judge.reproduction import party_of, reproduction

    signers = {
        item.path: signer_of(each.predicate) for item, each in zip(found.items, verdicts.statements, strict=True)
    }
    a, b = (party_of(open_study(path), signers.get(as_named(path))) for path in paths)
    return replace(verdicts, reproduction=reproduction(a, b))


def merged_summaries(paths: Sequence[Path]) -> Verdicts:
    """The one document that the summaries of all parts make."""
    from kit.judge.batch.sharding import merged
    from kit.judge.batch.verifying import read_verdicts

    return merged([read_verdicts(path) for path in paths])


def show_verdicts(found: Verdicts, out: Path | None, *, as_json: bool, quiet: bool) -> int:
    """Print (and with `out` write) a document of verdicts; 1 if one was rejected."""
    from kit.judge.batch.text import is_all_accepted, label_lines, verdicts_text
    from kit.strict import plain, write_json

    document = write_json(plain(found))
    if out is not None:
        write_file(out, document)
    if as_json:
        show_json(document)
    else:
        click.echo(label_lines(found) if quiet else verdicts_text(found), nl=False)
    return int(not is_all_accepted(found))


def show_statement(path: Path, options: SignatureOptions) -> int:
    """Print the verdict on one bundle as an in-toto statement; 1 if it was rejected."""
    from kit.cli._shared.opening import bundle_bytes
    from kit.judge.batch.gathering import gathered
    from kit.judge.batch.statement import statement
    from kit.judge.limited import judge_limited
    from kit.strict import plain, write_json

    if path.is_dir():
        raise InputError(f"{path} is a run folder, and has no identity.", "Bundle it first: kit bundle")
    verdict = judge_limited(path)
    if options.asked:
        verdict = with_signature(verdict, path, bundle_bytes(path), options)
    (item,) = gathered([path]).items
    show_json(write_json(plain(statement(item.name, path, verdict))))
    return int(is_refused(verdict))
