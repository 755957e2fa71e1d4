"""What mypy --strict and pyright (strict) let pass and what they refuse: api.md section 2."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CALLS = Path(__file__).with_name("typing_calls.py").read_text("utf-8")


def expected(checker: int) -> dict[int, str]:
    """Line → what mypy (0) or pyright (1) must say of it, from the comment over it."""
    return {
        number + 1: line.strip().removeprefix("# error: ").split(" | ")[checker]
        for number, line in enumerate(CALLS.splitlines(), start=1)
        if line.strip().startswith("# error: ")
    }


each_version = pytest.mark.parametrize(
    "version",
    ["3.11", *(pytest.param(version, marks=pytest.mark.slow) for version in ("3.12", "3.13", "3.14"))],
)

# A checker reads Google's packages as well, and the machine may be busy.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """The calls without their ignores."""
    bare = tmp_path / "typing_calls.py"
    bare.write_text(re.sub(r"  # type: ignore\[[a-z-]+\]", "", CALLS), "utf-8")
    return bare


def said_by_mypy(calls: Path, version: str) -> list[tuple[int, str]]:
    settings = ROOT / "pyproject.toml"
    cache = calls.parent / "cache"
    ran = _run(
        *("mypy", "--strict", "--python-version", version),
        *("--config-file", settings, "--cache-dir", cache, calls),
    )
    return [(int(line), text) for line, text in re.findall(r"typing_calls\.py:(\d+): error: (.*)", ran)]


def said_by_pyright(calls: Path, version: str) -> list[tuple[int, str]]:
    settings = {
        "include": [calls.name],
        "typeCheckingMode": "strict",
        "pythonVersion": version,
        "stubPath": str(ROOT / "typings"),
        "extraPaths": [str(ROOT / "src")],
        # As in pyproject.toml, for Google's packages.
        "reportMissingTypeStubs": False,
        "reportUnknownMemberType": False,
    }
    calls.with_name("pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
    ran = json.loads(_run("pyright", "--outputjson", "--pythonpath", sys.executable, "--project", calls.parent))
    return [
        (one["range"]["start"]["line"] + 1, one["message"].replace("\n", " "))
        for one in ran["generalDiagnostics"]
        if one["severity"] == "error"
    ]


def _run(module: str, *arguments: str | Path) -> str:
    command = [sys.executable, "-m", module, *arguments]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, f"{module} refused nothing, or failed: {ran.stdout}{ran.stderr}"
    return ran.stdout


def compare(expected: dict[int, str], said: list[tuple[int, str]]) -> None:
    lines = CALLS.splitlines()
    wrong = [f"{number}: must pass, but: {text}" for number, text in said if number not in expected]
    for number, pattern in expected.items():
        texts = [text for line, text in said if line == number]
        if not any(re.search(pattern, text) for text in texts):
            wrong.append(f"{number}: {lines[number - 1].strip()}\n    must be refused with {pattern!r}, but: {texts}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.skipif(not find_spec("mypy"), reason="mypy is not installed here")
@each_version
def test_mypy_refuses_what_would_fail_and_nothing_else(calls: Path, version: str) -> None:
    compare(expected(0), said_by_mypy(calls, version))


@pytest.mark.skipif(not find_spec("pyright"), reason="pyright is not installed here")
@each_version
def test_pyright_refuses_what_would_fail_and_nothing_else(calls: Path, version: str) -> None:
    compare(expected(1), said_by_pyright(calls, version))
