"""The architecture says of every module what it is for, and draws every package."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src"
PAGE = (ROOT / "docs/architecture.md").read_text()
OWN, REST = PAGE.split("### `gcptasks`, from the top")
ROWS = dict(re.findall(r"^\| `([a-z_/]+)` \| (.*) \|$", REST, re.MULTILINE))
MODULES = [path.relative_to(SOURCES) for path in sorted(SOURCES.rglob("*.py")) if path.stat().st_size]


def words_on(module: Path) -> str:
    """The part of the page in which this module must be named."""
    package, *inner = module.parts[:-1]
    if package == "gcptasks":
        return ROWS.get("/".join(inner), "") if inner else OWN
    return OWN


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_is_named_where_its_package_is_explained(module: Path) -> None:
    words = words_on(module)
    name = module.name if module.name != "__init__.py" else module.parent.name
    assert re.search(rf"`(\w+/)*{re.escape(name)}(/__init__\.py)?`", words), (
        f"say in docs/architecture.md, beside `{'/'.join(module.parts[1:-1]) or module.parts[0]}`, what {module} is for"
    )


@pytest.mark.parametrize(("package", "words"), ROWS.items(), ids=list(ROWS))
def test_a_module_that_is_named_is_there(package: str, words: str) -> None:
    names = re.findall(r"`(\w+\.py)`", words)
    assert names
    assert [name for name in names if not (SOURCES / "gcptasks" / package / name).is_file()] == []


def test_the_picture_shows_every_package() -> None:
    shown = {element.text for element in ElementTree.parse(ROOT / "docs/images/floors.svg").iter()}
    packages = {path.name for path in (SOURCES / "gcptasks").iterdir() if (path / "__init__.py").is_file()}
    assert packages | {"fastapi_gcp_tasks", "cloudtask"} <= shown
