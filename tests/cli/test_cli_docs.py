"""The pages and the commands name the same options."""

import re
from functools import cache
from pathlib import Path

import pytest

from cli.cli_resources import RESOURCE_COMMANDS, help_of

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OPTION = r"--[a-z][a-z-]*"

Command = tuple[str, ...]
EMULATOR: Command = ("fastapi-gcp-tasks", "emulator")
ALONE: Command = ("cloud-tasks-emulator",)
DEV: Command = ("fastapi-gcp-tasks", "dev")
CHECK: Command = ("fastapi-gcp-tasks", "check")
PROGRAM: Command = ("fastapi-gcp-tasks",)
RESOURCES: tuple[Command, ...] = tuple((*PROGRAM, *words) for words in RESOURCE_COMMANDS)
COMMANDS = (DEV, CHECK, EMULATOR, ALONE, *RESOURCES, PROGRAM)


@cache
def options(command: Command) -> set[str]:
    """The options that a command's help lists."""
    listed = re.findall(rf"^  (?:-[hy], )?({OPTION})(?: / ({OPTION}))?", help_of(*command), re.MULTILINE)
    return {option for pair in listed for option in pair if option}


def spans(page: Path) -> list[str]:
    """What a page has in backticks, and its lines for a shell, without the prompt."""
    text = page.read_text()
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text) + re.findall(r"^\$ (.*?)(?: +#.*)?$", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_a_page_names_exists(page: Path) -> None:
    unknown: list[str] = []
    for span in spans(page):
        words = tuple(span.split())
        commands = [command for command in COMMANDS if words[: len(command)] == command]
        if not commands and not span.startswith("--"):
            continue
        known = options(commands[0]) if commands else set[str]().union(*map(options, COMMANDS))
        unknown += [f"{option} in {span!r}" for option in re.findall(rf"(?<!\S){OPTION}", span) if option not in known]
    assert unknown == []


@pytest.mark.parametrize("command", [DEV, CHECK, EMULATOR], ids=" ".join)
def test_the_reference_explains_every_option_of_a_command(command: Command) -> None:
    reference = (ROOT / "docs" / "reference.md").read_text()
    section = re.split(r"^#+ ", reference.partition(f"`{' '.join(command)}`")[2], flags=re.MULTILINE)[0]
    explained = set(re.findall(rf"`({OPTION})", "\n".join(re.findall(r"^\|(.*?)\|", section, re.MULTILINE))))
    assert explained == options(command) - {"--help", "--reload"}


def test_the_page_on_them_has_every_command_on_queues_tasks_and_jobs_and_each_option() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    assert [words for words in RESOURCE_COMMANDS if f"`{' '.join(words)}" not in page] == []
    explained = set(re.findall(rf"^\| `({OPTION})`", page, re.MULTILINE))
    assert explained == set[str]().union(*map(options, RESOURCES)) - {"--help"}


def test_the_emulator_is_one_command_under_two_names() -> None:
    assert options(EMULATOR) == options(ALONE)
