"""What a process gives up for good: writing files, starting processes and threads, opening sockets, growing.

Runs in a sandbox from its source: nothing but Python's own modules is imported here.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys

OPEN_FILES = 64

# --- what the kernel refuses from then on, by number on x86_64 and aarch64 --------------------------------
_REFUSED = {
    "clone": (56, 220), "fork": (57, None), "vfork": (58, None), "clone3": (435, 435),
    "execve": (59, 221), "execveat": (322, 281), "socket": (41, 198), "ptrace": (101, 117),
    # Memory that no limit of a process counts.
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186),
    "semget": (64, 190), "userfaultfd": (323, 282),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272), "pidfd_getfd": (438, 438),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "bpf": (321, 280),
    "perf_event_open": (298, 241), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "personality": (135, 92),
}  # fmt: skip
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # AUDIT_ARCH_..., place in the pairs above
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _SECCOMP_MODE_FILTER = 22, 38, 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF: load a word, jump, jump, return
_KILL, _ALLOW, _EPERM = 0x80000000, 0x7FFF0000, 0x00050001
_OTHER_ABI = 0x40000000  # the x32 numbers of x86_64


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def refuse_calls() -> bool:
    """Have the kernel refuse those calls to this process; False where it cannot, or nobody knows their numbers."""
    machine = os.uname().machine
    if not sys.platform.startswith("linux") or machine not in _MACHINES:
        return False
    architecture, place = _MACHINES[machine]
    numbers = [number for pair in _REFUSED.values() if (number := pair[place]) is not None]
    count = len(numbers)
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    steps.append((_AT_LEAST, count + 1, 0, _OTHER_ABI))
    steps += [(_EQUAL, count - index, 0, number) for index, number in enumerate(numbers)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _EPERM)]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    wanted = _Filter(len(steps), code)
    return not libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(wanted), 0, 0)


def limit(which: int, value: int) -> None:
    """Set a limit for good, or a lower one that is there already."""
    _, most = resource.getrlimit(which)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(which, (value, value))


def confine(memory_bytes: int) -> None:
    """Take at most so much memory, and write no file."""
    if sys.platform != "darwin":  # which takes such a limit and does not keep it
        limit(resource.RLIMIT_AS, memory_bytes)
    limit(resource.RLIMIT_FSIZE, 0)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_NOFILE, OPEN_FILES)


def capabilities() -> int:
    """The capabilities that this process has, in effect or to take, as bits; -1 where they cannot be asked for."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None).capget(ctypes.byref(header), ctypes.byref(data)):
        return -1
    effective, permitted, _, high_effective, high_permitted, _ = data
    return effective | permitted | (high_effective | high_permitted) << 32


def writable() -> list[str]:
    """Which of the places of this Python and the root could be written to."""
    places = ("/", sys.base_prefix, os.__file__.rpartition("/")[0])
    return [place for place in places if not os.statvfs(place).f_flag & os.ST_RDONLY]
