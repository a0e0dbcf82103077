"""What `unpack` refuses: attacks, limits and damage, each with its reason."""

from __future__ import annotations

import hashlib
import json
import random
import tracemalloc
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.storage import archive
from kit.storage.archive import ArchiveError, Limits, Reason, check_name, pack, unpack
from tests.support.archive_attacks import ATTACKS, END, GOOD_FILES, Attack, good, gz, member, seal, tar

MIB = 1 << 20
EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"  # a stored block of no bytes (RFC 1951, 3.2.4)
few_files = st.dictionaries(st.sampled_from(["a", "b/c.json", "b/d"]), st.binary(max_size=600))


def refusal(data: bytes, limits: Limits = archive.DEFAULT) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        unpack(data, limits)
    return caught.value


def outcome(data: bytes | bytearray) -> dict[str, bytes] | None:
    """The files, or None where they are refused."""
    try:
        return unpack(bytes(data))
    except ArchiveError:
        return None


def peak_bytes(work: Callable[[], object]) -> int:
    """The most memory that `work` held beyond what was there before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# --- attacks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_bad_archive_is_refused_for_its_one_fault(attack: Attack) -> None:
    """The good files are accepted; with the fault the reason, the place and the sentence are given."""
    assert unpack(good(GOOD_FILES)) == GOOD_FILES
    error = refusal(attack.build(GOOD_FILES))
    assert error.reason == attack.reason
    assert error.member.isascii()
    assert error.member.isprintable()
    assert error.sentence.endswith(".")
    assert error.sentence in str(error)


def test_every_reason_has_an_attack_and_every_attack_a_name_of_its_own() -> None:
    """A reason that nothing triggers would be an untested check."""
    assert {attack.reason for attack in ATTACKS} == set(get_args(Reason))
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize(
    ("stream", "place"),
    [
        (member("a") + member("b", kind=b"2") + END, "b"),
        (member("a") + member("b", name=b"..\x1b") + END, r"'..\x1b'"),
        (member("a") + member("b", name=b"\xff") + END, r"'\xff'"),
        (member("a") + member("b", checksum=b"0") + END, "member 2"),
        (member("a") + member("b", b"x" * 600)[:600], "b"),
        (member("a"), "member 2"),
        (member("a") + END + b"x", "the archive"),
    ],
)
def test_a_refusal_names_the_place(stream: bytes, place: str) -> None:
    """A name that passed the rules, else its quoted form, else the number of the member, else the whole."""
    error = refusal(gz(stream))
    assert error.member == place
    assert ("at " + place in str(error)) == (place != "the archive")


def test_an_archive_without_members_is_read_as_no_files() -> None:
    """Whether no files are enough is for the caller to say."""
    assert unpack(gz(END)) == {}
    assert pack({}) == gz(END)


# --- limits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(members=2), "too-many"),
        (Limits(member_bytes=19), "too-big"),
        (Limits(total_bytes=34), "too-big"),
        (Limits(compressed_bytes=len(pack({"a": b"a" * 20, "b": b"b" * 10, "c": b"c" * 5})) - 1), "too-big"),
    ],
)
def test_each_limit_refuses_one_more_than_it_says(limits: Limits, reason: Reason) -> None:
    """The same archive passes with limits that it just meets."""
    files = {"a": b"a" * 20, "b": b"b" * 10, "c": b"c" * 5}
    packed = pack(files)
    exact = Limits(members=3, member_bytes=20, total_bytes=35, compressed_bytes=len(packed))
    assert unpack(packed, exact) == files
    assert refusal(packed, limits).reason == reason


def test_the_ratio_counts_only_beyond_its_threshold() -> None:
    """Small archives are mostly zero blocks and may expand as they like."""
    packed = pack({"zeros": bytes(MIB - 2048)})
    assert MIB / len(packed) > 500
    assert len(unpack(packed)["zeros"]) == MIB - 2048
    assert refusal(packed, Limits(ratio_from_bytes=MIB // 2)).reason == "ratio"


@pytest.mark.parametrize(("less", "refused"), [(0, False), (1, True)])
def test_the_ratio_is_looked_at_from_one_byte_beyond_its_threshold_on(less: int, refused: bool) -> None:
    """An archive of just as many bytes is accepted whatever its ratio."""
    packed = pack({"zeros": bytes(3 * 512)})
    limits = Limits(ratio=0, ratio_from_bytes=512 + 3 * 512 + 1024 - less)
    if refused:
        assert refusal(packed, limits).reason == "ratio"
    else:
        assert unpack(packed, limits)


@pytest.mark.parametrize(("less", "refused"), [(0, False), (1, True)])
def test_the_ratio_is_that_of_all_bytes_out_to_all_bytes_in(less: int, refused: bool) -> None:
    """One less than what comes out is refused."""
    packed = pack({"noise": random.Random(7).randbytes(512), "zeros": bytes(100 * 512)})
    out_bytes = (1 + 1 + 1 + 100) * 512 + 1024
    limits = Limits(ratio=-(-out_bytes // len(packed)) - less, ratio_from_bytes=0)
    if refused:
        assert refusal(packed, limits).reason == "ratio"
    else:
        assert unpack(packed, limits)


def test_the_limits_are_those_that_are_written_down() -> None:
    """Others would refuse what was accepted, or accept what cost too much."""
    limits = archive.DEFAULT
    assert (limits.compressed_bytes, limits.total_bytes, limits.member_bytes) == (256 * MIB, 512 * MIB, 256 * MIB)
    assert (limits.members, limits.ratio, limits.ratio_from_bytes) == (2_000, 200, MIB)


def refused_request(number: int) -> str:
    """The dullest line a cell can have: nothing but number, salt and stamps differs from the line before."""
    stamp = 1_000_000_000 + number * 1_009_741
    nothing = hashlib.sha256(b"").hexdigest()
    line: dict[str, object] = {"id": number, "worker": number % 4, "prompt": number % 32, "max_tokens": 64}
    line |= {"salt": hashlib.sha256(str(number).encode()).hexdigest()[:8], "outcome": "failed", "error": "connect"}
    line |= {"intended_ns": stamp, "sent_ns": None, "headers_ns": None, "done_ns": stamp + number % 977}
    line |= {"text_sha256": nothing, "chunks": [], "chunk_tokens": None, "error_detail": "Connection refused"}
    line |= dict.fromkeys(("connect_ns", "first_event_ns", "status", "finish_reason", "usage", "model"))
    line |= dict.fromkeys(("prompt_tokens", "completion_tokens", "cached_tokens", "token_source"))
    return json.dumps(line) + "\n"


def test_honest_records_stay_far_from_the_ratio_limit() -> None:
    """A server that refuses every request makes the most repetitive honest file; it is accepted with room."""
    records = "".join(refused_request(number) for number in range(12_000)).encode()
    packed = pack({"cells/a/records.jsonl": records})
    assert len(records) > 4 * MIB
    assert len(records) / len(packed) < 30
    assert unpack(packed, Limits(ratio=50)) == {"cells/a/records.jsonl": records}


def test_a_declared_size_is_refused_before_any_content_is_read() -> None:
    """Nothing stands behind the header, and still it is too big and not truncated."""
    assert refusal(gz(member("a", size=b"02000000001"))).reason == "too-big"
    assert refusal(gz(member("a", size=b"02000000000"))).reason == "truncated"


def test_a_bomb_costs_no_memory() -> None:
    """64 MiB of zeros in a file of 64 KiB are never held."""
    bomb = gz(member("zeros", bytes(64 * MIB)) + END)
    assert len(bomb) < 100_000
    assert peak_bytes(lambda: refusal(bomb)) < 3 * MIB


def test_reading_holds_the_files_and_one_more_copy_of_the_largest() -> None:
    """No copy of the whole stream is made."""
    packed = pack({f"n{n}": random.Random(n).randbytes(2 * MIB) for n in range(4)})
    assert peak_bytes(lambda: unpack(packed)) < 8 * MIB + 2 * MIB + MIB


def test_writing_holds_two_copies_of_the_packed_bytes_at_most() -> None:
    """Content that cannot be compressed is the worst case; the caller's copy is not counted."""
    files = {f"n{n}": random.Random(n).randbytes(MIB) for n in range(8)}
    assert peak_bytes(lambda: pack(files)) < 2 * 8 * MIB + MIB


# --- damage ---------------------------------------------------------------------------------------------


def test_cut_anywhere_it_is_truncated() -> None:
    """Every 97th length of a larger archive and every length of a small one."""
    large = pack({**GOOD_FILES, "noise": random.Random(7).randbytes(20_000)})
    small = pack({"a": b"x"})
    cuts = [large[:end] for end in range(0, len(large), 97)] + [small[:end] for end in range(len(small))]
    assert {refusal(cut).reason for cut in cuts} == {"truncated"}


def test_every_flipped_bit_is_noticed_or_means_nothing() -> None:
    """The gzip header and trailer are pinned; only a bit inside the deflate stream may be padding."""
    packed = pack(GOOD_FILES)
    silent = set()
    for bit in range(8 * len(packed)):
        damaged = bytearray(packed)
        damaged[bit // 8] ^= 1 << bit % 8
        files = outcome(damaged)
        assert files in (None, GOOD_FILES)
        if files is not None:
            silent.add(bit // 8)
    assert all(10 <= at < len(packed) - 8 for at in silent)


@given(few_files, st.data())
def test_a_changed_byte_never_gives_other_files(files: dict[str, bytes], data: st.DataObject) -> None:
    """Refused, or the very same files."""
    packed = bytearray(pack(files))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    assert outcome(packed) in (None, files)


def test_every_byte_of_the_tar_stream_outside_the_contents_is_checked() -> None:
    """Even where the CRC fits: with headers, padding and end blocks one stream is right."""
    stream = bytearray(tar({"a": b"x" * 9, "b/c": b""}) + END)
    for at in [*range(512), *range(521, len(stream))]:
        stream[at] ^= 1 << at % 8
        assert refusal(gz(bytes(stream))).reason in {"header", "padding", "end", "trailing", "truncated"}
        stream[at] ^= 1 << at % 8


def test_every_byte_of_a_header_is_checked_under_a_right_checksum() -> None:
    """The attacker seals the header again; only the name and the size may say something else."""
    for at in range(100, 512):
        block = bytearray(member("a"))
        block[at] ^= 1
        if not 148 <= at < 156:
            seal(block)
        assert refusal(gz(bytes(block) + END)).reason in {"header", "type", "size", "truncated", "too-big"}


@given(st.binary(max_size=600))
def test_random_bytes_are_refused_without_another_error(data: bytes) -> None:
    """As a file, as a deflate stream, as a tar stream."""
    for attempt in (data, b"\x1f\x8b\x08" + bytes(6) + b"\xff" + data, gz(data)):
        refusal(attempt)


@given(st.binary(min_size=512, max_size=512), st.binary(max_size=100), st.integers(0, 512))
def test_random_headers_with_a_right_checksum_are_refused(noise: bytes, name: bytes, kept: int) -> None:
    """Noise from any place on in a good header, or in its name, reaches every check behind the checksum."""
    block = bytearray(member("a", name=name)[:kept] + noise[kept:])
    seal(block)
    if bytes(block) == member("a", name=name) and check_name(name.rstrip(b"\0").decode("latin-1")) is None:
        assert len(unpack(gz(bytes(block) + END))) == 1
    else:
        refusal(gz(bytes(block) + END))


def test_an_endless_row_of_empty_deflate_blocks_is_worked_off() -> None:
    """Input without output neither hangs nor is believed: at most a percent and a block may mean nothing."""
    whole = gz(member("a", b"x") + END)
    assert unpack(whole[:10] + EMPTY_BLOCK * 300 + whole[10:]) == {"a": b"x"}
    assert refusal(whole[:10] + EMPTY_BLOCK * 40_000 + whole[10:]).reason == "ratio"
    assert refusal(whole[:10] + EMPTY_BLOCK * 40_000).reason == "truncated"


@pytest.mark.parametrize(("more", "found"), [(0, True), (1, False)])
def test_an_archive_may_be_a_percent_and_a_block_larger_than_its_content(more: int, found: bool) -> None:
    """What deflate cannot shrink it grows by far less."""
    stream = member("a", b"x" * 99_000) + END
    whole = gz(stream)
    most = len(stream) + len(stream) // 100 + 512
    blocks = (most - len(whole)) // 5 + more
    data = whole[:10] + EMPTY_BLOCK * blocks + whole[10:]
    if found:
        assert list(unpack(data)) == ["a"]
    else:
        assert refusal(data).reason == "ratio"


def filled_up(size_bytes: int) -> bytes:
    """A good archive of exactly this size: noise, and up to 99 empty blocks of 5 bytes to fit."""
    for length in range(size_bytes - 700, size_bytes):
        whole = gz(member("a", random.Random(0).randbytes(length)) + END)
        lacking = size_bytes - len(whole)
        if 0 <= lacking < 500 and lacking % 5 == 0:
            return whole[:10] + EMPTY_BLOCK * (lacking // 5) + whole[10:]
    raise AssertionError("no length fits")


@pytest.mark.parametrize("size_bytes", [65_535, 65_536, 65_537, 131_072])
def test_something_behind_the_gzip_stream_is_seen_wherever_the_stream_ends(size_bytes: int) -> None:
    """Also where it ends together with the piece of input that was read (64 KiB)."""
    packed = filled_up(size_bytes)
    assert len(packed) == size_bytes
    assert list(unpack(packed)) == ["a"]
    assert refusal(packed + b"\0").reason == "trailing"
    assert refusal(packed[:-1]).reason == "truncated"
