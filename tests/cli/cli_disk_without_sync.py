"""Runs a command as if the disk could not sync: `fsync` and `fdatasync` fail with EIO, all else works.

The kernel's own filter of calls (seccomp) does it, since SQLite syncs without asking Python.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

SYNCS = {"x86_64": (74, 75), "aarch64": (82, 83)}.get(platform.machine(), ())
"""The numbers of `fsync` and `fdatasync` in Linux on this machine; none where they are not known."""

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_SECCOMP_MODE_FILTER = 2
_LOAD_NUMBER, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000 | errno.EIO


def fail_syncs() -> None:
    """In this process and in whatever it becomes or starts."""
    tests = [_instruction(_JUMP_IF_EQUAL, call, skip=len(SYNCS) - number) for number, call in enumerate(SYNCS)]
    steps = [_instruction(_LOAD_NUMBER), *tests, _instruction(_RETURN, _ALLOW), _instruction(_RETURN, _FAIL)]
    code = ctypes.create_string_buffer(b"".join(steps))
    program = struct.pack("HP", len(steps), ctypes.addressof(code))
    _prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), ctypes.c_ulong(0))
    _prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), program)


def _instruction(code: int, value: int = 0, *, skip: int = 0) -> bytes:
    return struct.pack("HBBI", code, skip, 0, value)


def _prctl(option: int, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, *arguments, ctypes.c_ulong(0), ctypes.c_ulong(0)):
        raise OSError(ctypes.get_errno(), "prctl failed")


if __name__ == "__main__":
    fail_syncs()
    os.execv(sys.argv[1], sys.argv[1:])
