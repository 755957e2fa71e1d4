"""`scripts/bench [P1 HOT …] [--rounds 9] [--json]`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from bench.model import Part
from bench.parts import GROUPS, PARTS
from bench.race import ContestantFailed, race
from bench.report import data, results, text


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the parts asked for, or all; 1 if one of them failed, 130 on Ctrl-C."""
    options = _options(arguments)
    said: list[dict[str, Any]] = []
    failed = False
    try:
        for part in options.parts:
            try:
                said.append(_measure(part, options.rounds, quiet=options.json))
            except ContestantFailed as problem:
                failed = True
                _say(f"{part.name} failed: {problem}")
    except KeyboardInterrupt:
        _say("stopped")
        return 130
    finally:
        if options.json:
            print(json.dumps(said, indent=2))
    return int(failed)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure ours against the peers, side by side. bench/setup-peers installs them.",
    )
    groups = "; ".join(f"{group}: {', '.join(names)}" for group, names in GROUPS.items())
    described = f"{', '.join(PARTS)}; default: all; {groups}"
    parser.add_argument("parts", nargs="*", type=_parts, metavar="PART", help=described)
    parser.add_argument("--rounds", type=_rounds, default=9, help="how often each contestant runs (9)")
    parser.add_argument("--json", action="store_true", help="print every round as JSON")
    options = parser.parse_args(arguments)
    options.parts = [part for parts in options.parts for part in parts] or PARTS.values()
    return options


def _parts(name: str) -> Sequence[Part]:
    try:
        return [PARTS[part] for part in GROUPS.get(name.upper(), [name.upper()])]
    except KeyError:
        raise argparse.ArgumentTypeError(f"no part {name}; there are {', '.join([*PARTS, *GROUPS])}") from None


def _rounds(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError("a number of rounds, 1 or more")
    return int(value)


def _measure(part: Part, rounds: int, *, quiet: bool) -> dict[str, Any]:
    runs = race(part, rounds, _progress)
    _clear_progress()
    found = results(part, runs)
    if not quiet:
        print(text(part, found, _paint), end="\n\n", flush=True)
    return data(part, runs, found)


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)


def _clear_progress() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _say(line: str) -> None:
    _clear_progress()
    print(line, file=sys.stderr)


def _paint(word: str, good: bool) -> str:
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return word
    return f"\x1b[{32 if good else 31}m{word}\x1b[0m"


if __name__ == "__main__":
    sys.exit(main())
