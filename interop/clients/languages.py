"""How the client of each language is built and started."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from interop.service import TOOLS

_SOURCES = Path(__file__).parent
_BUILDING = 900
"""Seconds; most of them load the libraries, once."""


class Missing(Exception):
    """A language that is not here."""


class BuildFailed(Exception):
    """A client that cannot be built, and why."""


class Language(NamedTuple):
    """A client's language."""

    name: str
    build: Callable[[], Sequence[str]]
    """Returns the command that runs the client; `Missing` or `BuildFailed` if there is none."""
    transports: Sequence[str] = ("grpc", "rest")


def _python() -> Sequence[str]:
    return [sys.executable, str(_SOURCES / "python/scenario.py")]


def _go() -> Sequence[str]:
    folder = _folder("go", "go.mod", "scenario.go")
    # Go adds to go.mod what its modules need, and the sums of all.
    _run([_tool("go"), "mod", "tidy"], folder)
    _run([_tool("go"), "build", "-o", "scenario", "."], folder)
    return [str(folder / "scenario")]


def _node() -> Sequence[str]:
    folder = _folder("node", "package.json", "scenario.js")
    _run([_tool("npm"), "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
    return [_tool("node"), str(folder / "scenario.js")]


def _java() -> Sequence[str]:
    folder = _folder("java", "pom.xml", "Scenario.java")
    libraries = "-DoutputDirectory=libraries"
    _run([_tool("mvn"), "-q", "-B", "compile", "dependency:copy-dependencies", libraries], folder)
    return [_tool("java"), "-cp", f"{folder}/target/classes:{folder}/libraries/*", "Scenario"]


LANGUAGES = {
    language.name: language
    for language in (
        Language("python", _python),
        Language("go", _go),
        Language("node", _node),
        Language("java", _java),
    )
}


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not installed")
    return found


def _folder(language: str, *files: str) -> Path:
    """Where the client is built, with its files as they are now."""
    folder = TOOLS / "clients" / language
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copyfile(_SOURCES / language / file, folder / file)
    return folder


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        ran = subprocess.run(
            command, cwd=folder, env={**os.environ, "GOFLAGS": "-mod=mod"}, capture_output=True, text=True,
            timeout=_BUILDING, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"{' '.join(command)} took more than {_BUILDING} seconds") from None
    if ran.returncode:
        raise BuildFailed(f"{' '.join(command)} failed:\n{ran.stdout}{ran.stderr}".strip())
