"""A fork while there are clients of the default kind."""

import os
import subprocess
import sys
from pathlib import Path


def test_a_child_does_not_wait_for_the_threads_of_its_parents_clients() -> None:
    # Nobody listens there; the client is made, and its threads, all the same.
    environment = {**os.environ, "CLOUD_TASKS_EMULATOR_HOST": "127.0.0.1:1"}
    program = Path(__file__).with_name("client_fork_program.py")
    ended = subprocess.run([sys.executable, str(program)], env=environment, timeout=50, check=False)
    assert ended.returncode == 0
