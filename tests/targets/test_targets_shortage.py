"""A lack of this machine's, in a process of its own that has it: the attempt waits, and is made."""

import subprocess
import sys
from pathlib import Path


def test_a_lack_of_memory_is_no_attempt() -> None:
    command = [sys.executable, "-W", "error", "-m", "targets.targets_little_memory_program"]
    folder = Path(__file__).parent.parent
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=40)
    assert ended.returncode == 0, ended.stderr
