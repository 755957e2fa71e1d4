"""The example with a page, in a real browser: upload, progress, cancelling, and a page that comes back."""

import re
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.cli_programs import PATIENCE, Program, Start, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Page

EXAMPLE = Path(__file__).parents[2] / "examples" / "video"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# It may run as root in a container, and must not call anybody.
QUIETLY = ["--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-component-update"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on PATH"),
    pytest.mark.timeout(4 * PATIENCE),
]


class Studio:
    """The example, as its README starts it."""

    def __init__(self, start: Start, folder: Path) -> None:
        self._start = start
        self._port = free_port()
        self._folder = folder
        (command,) = re.findall(r"^\$ (uvicorn .*)$", (EXAMPLE / "README.md").read_text(), re.MULTILINE)
        self._command = [*command.split(), "--port", str(self._port)]
        self.url = f"http://localhost:{self._port}/"
        self.app = self.start()

    def start(self, pause: float = 0.02) -> Program:
        environment = {"PYTHONPATH": str(EXAMPLE), "VIDEO_FOLDER": str(self._folder), "VIDEO_PAUSE": str(pause)}
        self.app = self._start(self._command, **environment)
        self.app.wait("Application startup complete")
        return self.app

    def files(self, suffix: str) -> list[Path]:
        return sorted(self._folder.glob(f"*.{suffix}"))


@pytest.fixture
def studio(start: Start, tmp_path: Path) -> Studio:
    return Studio(start, tmp_path / "videos")


@pytest.fixture
def page() -> "Generator[Page]":
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=BROWSER, args=QUIETLY)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        yield page
        browser.close()


def upload(page: "Page", size: int) -> None:
    page.set_input_files("input", {"name": "cat.mp4", "mimeType": "video/mp4", "buffer": bytes(size)})
    page.click("text=Upload")


def said(page: "Page", pattern: str) -> str:
    """What the page says, once that is in it."""
    page.wait_for_function("pattern => new RegExp(pattern).test(document.querySelector('output').value)", arg=pattern)
    return page.locator("output").inner_text()


def test_a_video_is_uploaded_and_its_progress_is_seen(studio: Studio, page: "Page") -> None:
    page.goto(studio.url)
    assert not page.locator("progress").is_visible()
    upload(page, 100_000)
    said(page, r"running: \d+ of 100000 bytes")
    page.wait_for_function("document.querySelector('progress').position > 0.2")
    page.wait_for_function("document.querySelector('progress').position == 1")
    assert re.fullmatch(r"succeeded: 100000 bytes became \d+", said(page, "succeeded"))
    assert page.locator("text=Cancel").is_disabled()


def test_a_video_is_cancelled(studio: Studio, page: "Page") -> None:
    page.goto(studio.url)
    upload(page, 100_000)
    said(page, "running: .*bytes")
    page.click("text=Cancel")
    assert said(page, "cancelled") == "cancelled"
    page.wait_for_function("document.querySelector('progress').position < 1")
    studio.app.ctrl_c()
    studio.app.ended()
    assert studio.files("gz") == []
    assert len(studio.files("upload")) == 1


def test_a_page_goes_on_after_the_app_was_killed(studio: Studio, page: "Page") -> None:
    page.goto(studio.url)
    upload(page, 100_000)
    said(page, "running: .*bytes")
    address = page.url
    studio.app.kill_all()
    studio.start()
    assert said(page, "succeeded").startswith("succeeded: 100000 bytes")
    page.reload()
    assert page.url == address
    assert said(page, "succeeded").startswith("succeeded: 100000 bytes")
