"""The pictures of the docs stand alone, and readers' browsers load nothing from elsewhere."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = sorted((ROOT / "docs").rglob("*.svg"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_runs_no_script_and_loads_nothing(picture: Path) -> None:
    text = picture.read_text()
    tree = ElementTree.fromstring(text)
    assert {element.tag for element in tree.iter()} <= {
        SVG + tag for tag in ("svg", "title", "desc", "style", "clipPath", "rect", "path", "text", "tspan", "g")
    }
    assert re.findall(r"(?:href|src)=|@import|url\((?!#)", text) == []


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_speaks_to_those_who_cannot_see_it_and_has_a_dark_form(picture: Path) -> None:
    tree = ElementTree.parse(picture)
    assert tree.findtext(SVG + "title")
    assert tree.findtext(SVG + "desc")
    assert "prefers-color-scheme:dark" in (tree.findtext(SVG + "style") or "")


def test_the_recording_is_small_and_stands_still_for_those_who_ask() -> None:
    recording = ROOT / "docs/images/demo.svg"
    assert recording.stat().st_size < 150_000
    assert "prefers-reduced-motion:reduce" in recording.read_text()


def test_the_recording_shows_what_the_demonstration_writes() -> None:
    words = "".join(ElementTree.parse(ROOT / "docs/images/demo.svg").getroot().itertext())
    said = re.findall(r'demo\.say\("([^"]+)"', (ROOT / "scripts/demo").read_text())
    assert len(said) >= 5
    assert [text for text in said if text not in words] == []
    assert words.rstrip().endswith("none lost, none early")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_pictures_of_the_repository_alone(page: Path) -> None:
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)|<img[^>]+src=\"([^\"]+)", page.read_text())
    assert [one for one in map("".join, shown) if not (page.parent / one).is_file()] == []


def test_the_theme_loads_no_font_and_no_script_from_elsewhere() -> None:
    settings = (ROOT / "mkdocs.yml").read_text()
    assert "\n  font: false" in settings
    assert "://" not in settings
