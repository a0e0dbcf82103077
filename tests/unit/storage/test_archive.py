"""The canonical archive: what `pack` writes, and that `unpack` takes nothing else."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import InputError
from kit.storage import archive
from kit.storage.archive import ArchiveError, check_name, pack, unpack
from tests.support.archive_attacks import GOOD_FILES, good

MIB = 1 << 20
segments = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,12}[a-z0-9]", fullmatch=True)
names = st.lists(segments, min_size=1, max_size=6).map("/".join).filter(lambda name: check_name(name) is None)
contents = st.one_of(st.binary(max_size=1200), st.integers(0, 3000).map(bytes))


def no_file_below_a_file(files: dict[str, bytes]) -> bool:
    return not any(other.startswith(name + "/") for name in files for other in files)


file_sets = st.dictionaries(names, contents, max_size=6).filter(no_file_below_a_file)


# --- writing --------------------------------------------------------------------------------------------


@given(file_sets)
def test_what_is_packed_is_unpacked_in_byte_order_of_the_names(files: dict[str, bytes]) -> None:
    """Pack and unpack are inverse, whatever the order in which the files were given."""
    assert list(unpack(pack(files)).items()) == sorted(files.items())


@given(file_sets)
def test_the_stream_is_the_one_an_independent_writer_makes(files: dict[str, bytes]) -> None:
    """Headers by `tarfile`, end blocks and gzip frame by hand give the same bytes."""
    assert pack(files) == good(files)


def test_the_order_in_which_files_are_given_does_not_matter() -> None:
    """The same files make the same bytes."""
    assert pack(GOOD_FILES) == pack(dict(reversed(GOOD_FILES.items())))


def test_the_tar_stream_is_pinned_to_the_byte() -> None:
    """A change of one byte of the format is a new format, whichever Python writes it."""
    stream = b"".join(archive._inflate(pack(GOOD_FILES), archive.DEFAULT))
    assert len(stream) == 4 * 512 + (512 + 0 + 1536 + 512) + 1024
    assert hashlib.sha256(stream).hexdigest() == "b2def63332313c2260602248cdcea42c754f756f1cb98d5403ac3318ce4a8a83"


def test_the_gzip_frame_names_no_file_time_or_system() -> None:
    """The ten bytes in front are constant."""
    assert pack(GOOD_FILES)[:10].hex() == "1f8b08000000000000ff"


def test_stock_tarfile_reads_it() -> None:
    """A stranger without the kit can open a bundle; members have mode 0644 and no owner or time."""
    with tarfile.open(fileobj=io.BytesIO(pack(GOOD_FILES)), mode="r:gz") as stock:
        infos = stock.getmembers()
        read = {info.name: file.read() for info in infos if (file := stock.extractfile(info))}
    assert read == GOOD_FILES
    assert {(i.mode, i.mtime, i.uid, i.gid, i.uname, i.gname, i.type) for i in infos} == {
        (0o644, 0, 0, 0, "", "", tarfile.REGTYPE)
    }


@pytest.mark.parametrize("name", ["../x", "Result.json", "aux.json", "x/", "\u00e9", "a" * 65, ""])
def test_a_bad_name_is_not_packed(name: str) -> None:
    """The user hears which file and why, with a remedy."""
    with pytest.raises(InputError, match="cannot be packed: its name") as caught:
        pack({"fine": b"", name: b""})
    assert ascii(name) in caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({f"n{n}": b"" for n in range(2001)}, "more than 2000 members"),
        ({"a": b"", "a-b": b"", "a/b": b""}, "a/b: It is below a, which is a file"),
        ({"log": bytes(8 * MIB)}, "more than 200:1"),
    ],
)
def test_nothing_is_packed_that_would_be_refused_on_reading(files: dict[str, bytes], why: str) -> None:
    """The maker learns of it, not the stranger who receives the bundle."""
    with pytest.raises(InputError, match=why) as caught:
        pack(files)
    assert not isinstance(caught.value, ArchiveError)


class OneTebibyte(bytes):
    """Says that it is too large for the size field of a header."""

    def __len__(self) -> int:
        return 1 << 40


def test_a_file_over_the_cap_is_refused_before_it_is_compressed() -> None:
    """Its size need not even fit into the header."""
    with pytest.raises(InputError, match="cannot be packed, a: It is larger than 268435456 bytes") as caught:
        pack({"a": OneTebibyte()})
    assert caught.value.remedy


# --- names ----------------------------------------------------------------------------------------------

GOOD_NAMES = ["a", "0", "a.b-c_d", "a..b", "1/2/3/4/5/6", "z" * 64, "console", "com", "com10.txt", "lpt", "x.aux"]
GOOD_NAMES += ["/".join(["z" * 24] * 4)]
BAD_NAMES = {
    "": "segment ''",
    "/a": "segment ''",
    "a/": "segment ''",
    "a//b": "segment ''",
    "..": "segment '..'",
    "A": "segment 'A'",
    "a\n": r"segment 'a\n'",
    "a\0": r"segment 'a\x00'",
    "\u0661": r"segment '\u0661'",
    "\uff41": r"segment '\uff41'",
    "a ": "segment 'a '",
    "a\\b": r"segment 'a\\b'",
    "-a": "segment '-a'",
    "_a": "segment '_a'",
    ".a": "segment '.a'",
    "a/b.": "ends in a dot",
    "a./b": "ends in a dot",
    "con": "device on Windows",
    "a/nul.txt.gz": "device on Windows",
    "com0/a": "device on Windows",
    "lpt9.log": "device on Windows",
    "1/2/3/4/5/6/7": "more than 6 segments",
    "z" * 65: "segment 'zzz",
    "/".join(["z" * 33] * 3): "longer than 100 bytes",
}


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_good_name_passes(name: str) -> None:
    """No reason is given for a name within the rules."""
    assert check_name(name) is None
    assert unpack(pack({name: b"x"})) == {name: b"x"}


@pytest.mark.parametrize(("name", "why"), BAD_NAMES.items())
def test_a_bad_name_is_told_why(name: str, why: str) -> None:
    """The reason names the segment in printable ASCII."""
    reason = check_name(name)
    assert reason is not None
    assert why in reason
    assert reason.isascii()
    assert reason.isprintable()


def test_names_of_exactly_100_bytes_pass() -> None:
    """The name field may be full, without a NUL at its end."""
    name = "a" * 64 + "/" + "b" * 35
    assert len(name) == 100
    assert unpack(pack({name: b"x"})) == {name: b"x"}
    assert check_name(name + "b") == "is longer than 100 bytes"
