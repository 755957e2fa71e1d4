"""A process of ours spends no time on collecting what it has imported."""

import gc
from pathlib import Path

import pytest

from cli.cli_programs import EMULATOR, Start
from gcptasks.cli.collector import spare_imports

COUNTING = """
import atexit, gc
atexit.register(lambda: print("left to collections:", len(gc.get_objects())))
"""


def test_what_is_there_is_left_out_of_collections_and_what_comes_later_is_not() -> None:
    try:
        spare_imports()
        assert gc.get_freeze_count() > 10_000
        later: list[object] = []
        assert [one for one in gc.get_objects() if one is later]
    finally:
        gc.unfreeze()


@pytest.mark.slow
def test_the_emulator_leaves_its_imports_out_of_collections(start: Start, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(COUNTING)
    program = start(EMULATOR, "--port", "0", PYTHONPATH=str(tmp_path))
    program.wait("serve at")
    program.ctrl_c()
    assert program.ended() == 0
    # Google's messages alone are some 60,000 objects.
    assert int(program.wait(r"left to collections: (\d+)")[1]) < 30_000
