"""Runs the contestants of a part one after the other, round by round, each in a process of its own."""

import json
import os
import signal
import statistics
import subprocess
from collections.abc import Callable, Sequence
from datetime import timedelta
from tempfile import TemporaryDirectory
from time import monotonic

from bench.model import Contestant, Figures, Part
from bench.places import INSTALLED, ROOT

Progress = Callable[[str], None]
Runs = dict[str, list[Figures]]
"""The figures of each contestant, round by round."""


class ContestantFailed(Exception):
    """A contestant ended without figures."""


class Pace:
    """How long the rest of a part will take, by how long its contestants took so far."""

    def __init__(self, present: Sequence[Contestant], rounds: int) -> None:
        self._took: dict[str, list[float]] = {contestant.name: [] for contestant in present}
        self._rounds = rounds

    def note(self, contestant: Contestant, seconds: float) -> None:
        """One run of this contestant is over."""
        self._took[contestant.name].append(seconds)

    def __str__(self) -> str:
        """`, 0:04:20 left`; nothing before each has run once."""
        if not all(self._took.values()):
            return ""
        left = sum(statistics.fmean(took) * (self._rounds - len(took)) for took in self._took.values())
        return f", {timedelta(seconds=round(left))} left"


def race(part: Part, rounds: int, progress: Progress) -> Runs:
    """The figures of every contestant that can run here, taken A B A B …: what disturbs the machine disturbs all."""
    present = [contestant for contestant in part.contestants if contestant.missing is None]
    rounds = min(rounds, part.most_rounds)
    pace = Pace(present, rounds + part.warm_up)
    if part.warm_up:
        _round(part, present, "warm-up", pace, progress)
    runs: Runs = {contestant.name: [] for contestant in present}
    for number in range(1, rounds + 1):
        for name, figures in _round(part, present, f"round {number} of {rounds}", pace, progress).items():
            runs[name].append(figures)
    return runs


def _round(part: Part, present: Sequence[Contestant], which: str, pace: Pace, progress: Progress) -> dict[str, Figures]:
    taken: dict[str, Figures] = {}
    for contestant in present:
        progress(f"{part.name} {which}{pace}: {contestant.name}")
        began = monotonic()
        taken[contestant.name] = run(contestant, part.timeout)
        pace.note(contestant, monotonic() - began)
    return taken


def run(contestant: Contestant, timeout: float) -> Figures:
    """The figures of one run. Whatever happens, no process of the run is left behind."""
    INSTALLED.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=INSTALLED) as scratch:
        return _figures(contestant, _answer(contestant, timeout, scratch))


def _answer(contestant: Contestant, timeout: float, scratch: str) -> str:
    # A session of its own: one signal reaches the servers that the contestant started, too.
    process = subprocess.Popen(
        contestant.command,
        cwd=ROOT,
        env=_environment(scratch),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        answer, complaint = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise ContestantFailed(f"{contestant.name} took more than {timeout:g} seconds") from None
    finally:
        _end(process)
    if process.returncode != 0:
        raise ContestantFailed(f"{contestant.name} ended with {process.returncode}:\n{_tail(complaint)}")
    return answer


def _environment(scratch: str) -> dict[str, str]:
    # What pip installed is compiled; ours, from its sources, is only if Python may write that down.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    # A machine's folder for temporary files may be memory, where being durable costs nothing.
    return {**inherited, "TMPDIR": scratch}


def _figures(contestant: Contestant, answer: str) -> Figures:
    try:
        figures: Figures = json.loads(answer.splitlines()[-1])
    except (IndexError, ValueError):
        raise ContestantFailed(f"{contestant.name} printed no figures, but: {_tail(answer)}") from None
    return figures


def _end(process: subprocess.Popen[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _tail(text: str, lines: int = 15) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])
