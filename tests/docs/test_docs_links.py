"""The README's links lead somewhere. (Those between the pages of docs/ are checked when the documentation is built.)"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def anchors(page: Path) -> set[str]:
    """What a link can name in a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_every_link_of_the_readme_leads_to_a_file_and_a_heading() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(links) > 8
    for link in links:
        path, _, anchor = link.partition("#")
        assert (ROOT / path).exists(), link
        assert not anchor or anchor in anchors(ROOT / path), link


def test_the_readme_leads_to_each_page_for_users() -> None:
    for page in ("quickstart", "routes", "scheduled", "local-service", "cloud-run", "reference"):
        assert f"(docs/{page}.md)" in README
    assert "(CHANGELOG.md)" in README


def test_the_readme_speaks_of_status_and_security_before_production() -> None:
    status, security, production = (README.index(f"**{word}") for word in ("Status", "Security", "In production"))
    assert status < security < production


def test_the_first_page_leads_to_every_other_one() -> None:
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    linked = re.findall(r"\]\((\w[\w-]*\.md)", (ROOT / "docs" / "index.md").read_text())
    assert sorted(pages - set(linked)) == []
