"""Where ours and the peers are installed, and what is missing."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.model import Contestant

ROOT = Path(__file__).parent.parent
INSTALLED = ROOT / ".bench"
CRATE = INSTALLED / "crate" / "bin" / "cloud-tasks-emulator"

SET_UP = "run bench/setup-peers"


def redis_server() -> str | None:
    """The Redis server of the machine, if there is one."""
    return shutil.which("redis-server")


def ours(name: str, module: str, *arguments: str) -> Contestant:
    """A contestant in an environment that has ours: the one beside the peer's, with its versions, or else this one."""
    return Contestant(name=name, command=_command(_python("ours", sys.executable), module, arguments))


def here(name: str, module: str, *arguments: str) -> Contestant:
    """A contestant in the environment of whoever measures, which has pytest."""
    return Contestant(name=name, command=_command(sys.executable, module, arguments))


def peer(name: str, module: str, *arguments: str, crate: bool = False) -> Contestant:
    """A contestant in the peer's environment, with the crate as its service if wanted."""
    return _elsewhere("peer", name, module, arguments, _missing_crate() if crate else None)


def redis(name: str, module: str, *arguments: str) -> Contestant:
    """A contestant that brings its own Redis server."""
    return _elsewhere("redis", name, module, arguments, _missing_redis())


def huey(name: str, module: str, *arguments: str) -> Contestant:
    """A contestant that has huey."""
    return _elsewhere("huey", name, module, arguments, None)


def needing_crate(name: str, module: str, *arguments: str) -> Contestant:
    """A contestant in our environment that measures the crate."""
    return replace(ours(name, module, *arguments), missing=_missing_crate())


def _elsewhere(environment: str, name: str, module: str, arguments: Sequence[str], missing: str | None) -> Contestant:
    python = INSTALLED / environment / "bin" / "python"
    if not python.exists():
        missing = f"it is not installed: {SET_UP}"
    return Contestant(name=name, command=_command(str(python), module, arguments), missing=missing)


def _python(environment: str, otherwise: str) -> str:
    python = INSTALLED / environment / "bin" / "python"
    return str(python) if python.exists() else otherwise


def _command(python: str, module: str, arguments: Sequence[str]) -> tuple[str, ...]:
    return (python, "-m", f"bench.contestants.{module}", *arguments)


def _missing_crate() -> str | None:
    return None if os.access(CRATE, os.X_OK) else f"the crate cloud-tasks-emulator is not installed: {SET_UP}"


def _missing_redis() -> str | None:
    return None if redis_server() else "redis-server is not installed (on Debian: apt-get install redis-server)"
