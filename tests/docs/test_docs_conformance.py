"""docs/conformance.md is what `scripts/conformance` writes, and of Cloud Scheduler it leaves nothing open."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date() -> None:
    ran = subprocess.run(
        [sys.executable, ROOT / "scripts" / "conformance", "--check"], capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_each_clause_of_cloud_scheduler_is_kept_or_different_on_purpose_and_has_a_test() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| [CS-")]
    assert [cells[0] for cells in rows if "not yet" in cells or not cells[-1].startswith("`")] == []
    assert len(rows) == len({cells[0] for cells in rows}) > 200
