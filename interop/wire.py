"""`scripts/wire`: h2spec's generic, http2 and hpack suites against the port.

h2spec (a Go program) speaks HTTP/2 as RFC 7540 and RFC 7541 have it, rightly and wrongly, and looks at what comes back.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from interop.service import TOOLS, Service, serving

H2SPEC = "github.com/summerwind/h2spec/cmd/h2spec"
VERSION = "v2.2.1+incompatible"
"""The newest that Go installs: later ones are not tagged as Go wants it."""

_PATIENCE = 5
"""Seconds that h2spec waits for a frame, on a machine that is busy."""
_INSTALLING, _RUNNING = 600, 300

_EARLY = """\
The request is a GET, which is none of gRPC, so it has its response before the rest arrives; then the stream is closed,
and what follows is ignored (RFC 9113, 5.1 and 8.1). tests/rpc/test_rpc_hostile.py sends the same in a call of gRPC."""
_LENGTH = 'Sends a HEADERS frame with the "content-length" header field which does not equal the'
EXPECTED = {
    ("http2/3.5", "Sends invalid connection preface"): """\
What does not begin as HTTP/2 is HTTP/1.1 here: it is answered with 400, and the connection is closed. h2spec takes the
first bytes of that answer for a frame, and finds the end of the connection where the frame should go on.""",
    ("http2/8.1", "Sends a second HEADERS frame without the END_STREAM flag"): _EARLY,
    ("http2/8.1.2.6", f"{_LENGTH} DATA frame payload length"): _EARLY,
    ("http2/8.1.2.6", f"{_LENGTH} sum of the multiple DATA frames payload length"): _EARLY,
}
"""Tests that may fail, and why that is right. Whether those of early responses do depends on what arrives together."""


class Outcome(NamedTuple):
    """What became of one test of h2spec's."""

    section: str
    """Such as `http2/6.5`."""
    title: str
    problem: str
    """Empty: it passed."""
    is_skipped: bool

    @property
    def key(self) -> tuple[str, str]:
        return self.section, self.title


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suites; 1 if a test fails that is not expected to, 0 as well where h2spec cannot be had."""
    parser = argparse.ArgumentParser(prog="scripts/wire", description=__doc__, formatter_class=_FORMAT)
    parser.add_argument("sections", nargs="*", help="such as http2/6.5; default: generic, http2 and hpack")
    parser.add_argument("--verbose", action="store_true", help="show what h2spec says")
    options = parser.parse_args(arguments)
    program = _h2spec()
    if isinstance(program, str):
        print(f"skipped: {program}")
        return 0
    with serving() as service:
        outcomes = _run(program, service, options.sections, verbose=options.verbose)
        failed = [outcome for outcome in outcomes if outcome.problem and outcome.key not in EXPECTED]
        if failed:
            # Once more, with nothing else under way: h2spec judges by time as well.
            sections = sorted({outcome.section for outcome in failed})
            again = {outcome.key for outcome in _run(program, service, sections, verbose=False) if outcome.problem}
            failed = [outcome for outcome in failed if outcome.key in again]
        return _report(outcomes, failed, service)


def _report(outcomes: Sequence[Outcome], failed: Sequence[Outcome], service: Service) -> int:
    for outcome in outcomes:
        if outcome.problem and outcome.key in EXPECTED:
            print(f"differs: {outcome.section}: {outcome.title}\n{_indented(EXPECTED[outcome.key])}")
    for outcome in failed:
        print(f"FAILED: {outcome.section}: {outcome.title}\n{_indented(outcome.problem)}")
    if trouble := service.trouble():
        print(f"FAILED: the service had trouble of its own:\n{_indented(trouble)}")
    skipped = sum(outcome.is_skipped for outcome in outcomes)
    differ = sum(bool(outcome.problem) for outcome in outcomes) - len(failed)
    passed = len(outcomes) - skipped - differ - len(failed)
    print(f"h2spec: {passed} passed, {differ} differ for a reason, {skipped} skipped, {len(failed)} failed")
    return int(bool(failed or trouble or not passed or not service.is_up))


def _h2spec() -> Path | str:
    """The program; or why it cannot be had."""
    program = TOOLS / f"h2spec-{VERSION.partition('+')[0]}" / "h2spec"
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        return "h2spec is a Go program, and there is no Go here"
    environment = {**os.environ, "GOBIN": str(program.parent), "GOFLAGS": ""}
    try:
        subprocess.run(
            [go, "install", f"{H2SPEC}@{VERSION}"],
            env=environment,
            check=True,
            timeout=_INSTALLING,
            capture_output=True,
        )
    except subprocess.SubprocessError as error:
        told = str(getattr(error, "stderr", None) or b"", "utf-8", "replace").strip()
        return f"Go cannot install h2spec: {told or error}"
    return program


def _run(program: Path, service: Service, sections: Sequence[str], *, verbose: bool) -> list[Outcome]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [str(program), *sections, "--strict", "--host", service.host, "--port", str(service.port)]
        command += ["--timeout", str(_PATIENCE), "--junit-report", str(report)]
        ran = subprocess.run(command, text=True, capture_output=True, timeout=_RUNNING, check=False)
        if verbose:
            print(ran.stdout)
        if not report.exists():
            sys.exit(f"h2spec did not run: {ran.stdout}{ran.stderr}")
        return list(_outcomes(report))


def _outcomes(report: Path) -> Iterator[Outcome]:
    for case in ElementTree.parse(report).iter("testcase"):
        problem = case.find("failure")
        if problem is None:
            problem = case.find("error")
        told = "" if problem is None else (problem.text or "it failed").strip()
        yield Outcome(case.attrib["package"], case.attrib["classname"], told, case.find("skipped") is not None)


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines()).rstrip("\n")


_FORMAT = argparse.RawDescriptionHelpFormatter

if __name__ == "__main__":
    sys.exit(main())
