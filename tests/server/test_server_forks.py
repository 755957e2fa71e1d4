"""A process that forks: what was accepted is kept, on both sides, whatever the threads were doing."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent


def run(program: str, *arguments: str) -> str:
    """What the program says. A process of its own, since the fork of a process with threads warns."""
    command = [sys.executable, "-m", f"server.{program}", *arguments]
    ran = subprocess.run(command, check=False, cwd=TESTS, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("parent_stops", ["first", "last"])
def test_every_task_that_was_accepted_is_kept_over_forks(tmp_path: Path, parent_stops: str) -> None:
    run("server_forks_program", str(tmp_path / "tasks.db"), "1", "4", parent_stops)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("parent_stops", ["first", "last"])
def test_every_task_that_was_accepted_is_kept_over_many_forks(tmp_path: Path, seed: int, parent_stops: str) -> None:
    run("server_forks_program", str(tmp_path / "tasks.db"), str(seed), "6", parent_stops)


@pytest.mark.parametrize("seed", range(3))
def test_every_task_is_delivered_once_while_the_process_forks(tmp_path: Path, seed: int) -> None:
    run("server_delivered_forks_program", str(tmp_path / "tasks.db"), str(seed), "6")


@pytest.mark.slow
def test_every_task_is_delivered_once_over_many_forks(tmp_path: Path) -> None:
    run("server_delivered_forks_program", str(tmp_path / "tasks.db"), "3", "40")


def test_workers_that_are_forked_from_a_loaded_app_share_its_database(tmp_path: Path) -> None:
    run("server_preload_program", f"sqlite:///{tmp_path}/tasks.db")


def test_a_child_of_a_service_that_delivers_may_start_its_own(tmp_path: Path) -> None:
    run("server_child_serves_program", f"sqlite:///{tmp_path}/tasks.db")


def test_what_a_child_enqueues_before_its_parent_goes_on_is_delivered(tmp_path: Path) -> None:
    run("server_fork_gap_program", f"sqlite:///{tmp_path}/tasks.db")


def test_what_is_in_memory_stays_with_the_parent() -> None:
    assert "give a file as the database, or make the service after the fork" in run("server_memory_fork_program")


def test_a_child_does_not_wait_for_the_queues_that_its_parent_creates() -> None:
    run("server_ensure_fork_program")


def test_a_child_that_is_forked_while_the_lead_is_taken_does_not_keep_it(tmp_path: Path) -> None:
    assert run("server_leader_fork_program", str(tmp_path / "tasks.db.lock")) == "True\n"
