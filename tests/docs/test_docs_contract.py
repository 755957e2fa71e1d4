"""The clauses that code and tests cite stand in docs/contract, and no others."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "docs" / "contract"
CONFORMANCE = ROOT / "docs" / "conformance.md"  # has every clause
PAGES = {"CT": "cloud-tasks.md", "CS": "cloud-scheduler.md"}
WHERE_CITED = ["src", "tests", "docs", "examples", "scripts", "bench"]

ID = re.compile(r"\b(C[TS])-(L?)(\d+)([a-z]?)\b")
RANGE = re.compile(r"\b(C[TS])-(\d+) to C[TS]-(\d+)\b")
ROW = re.compile(r'\| <a id="(?P<anchor>.*?)"></a>(?P<id>\S+) \| (?P<text>.+?) \| (?P<rest>.+) \|')
HOW = re.compile(r"(documented|observed|inferred|disputed)( \([^)]+\))?")
SOURCE = re.compile(r"^\| ([^|`]+?) \| [^|]+ \|$", re.MULTILINE)


class Clause(NamedTuple):
    """A row of a table in docs/contract."""

    page: str
    group: str
    anchor: str
    id: str
    text: str
    rest: list[str]
    """How we know, and the source; of a deliberate difference its reason."""


def rows(page: str) -> Iterator[Clause]:
    group = ""
    for line in (CONTRACT / page).read_text().splitlines():
        if line.startswith("## "):
            group = line
        elif line.startswith("| <a "):
            row = ROW.fullmatch(line)
            assert row, f"docs/contract/{page}: this row is not as docs/contract/index.md shows one:\n{line}"
            yield Clause(page, group, row["anchor"], row["id"], row["text"], row["rest"].split(" | "))


@cache
def clauses() -> list[Clause]:
    return [clause for page in PAGES.values() for clause in rows(page)]


def cited_in(text: str) -> set[str]:
    """The ids in a text; two with "to" between them stand for those between, too."""
    between = (f"{api}-{n:03}" for api, low, high in RANGE.findall(text) for n in range(int(low), int(high) + 1))
    return {found[0] for found in ID.finditer(text)}.union(between)


def citations() -> dict[str, str]:
    """Each id that is cited, and one place where it is; a clause does not cite itself."""
    texts = {f"{c.id} of docs/contract": c.text for c in clauses()}
    for path in (path for folder in WHERE_CITED for path in (ROOT / folder).rglob("*")):
        if path.is_file() and path.parent != CONTRACT and path != CONFORMANCE and "__pycache__" not in path.parts:
            texts[str(path.relative_to(ROOT))] = path.read_text(errors="ignore")
    return {id_: place for place, text in texts.items() for id_ in cited_in(text)}


def order(id_: str) -> tuple[int, str]:
    found = ID.fullmatch(id_)
    assert found, f"docs/contract: {id_} is not an id as CT-… and CS-… are"
    return int(found[3]), found[4]


def test_the_contract_has_every_clause_that_is_cited() -> None:
    there = {clause.id for clause in clauses()}
    missing = {id_: place for id_, place in sorted(citations().items()) if id_ not in there}
    assert not missing, "\n".join(
        f"{place} cites {id_}, which docs/contract does not have. Add to docs/contract/{PAGES[id_[:2]]}, "
        f"to the table of its subject, in the order of ids:\n"
        f'| <a id="{id_.lower()}"></a>{id_} | what the service does, in one line | how we know | source |'
        for id_, place in missing.items()
    )


def test_every_clause_is_cited() -> None:
    cited = citations()
    idle = [f"docs/contract/{clause.page}: {clause.id}" for clause in clauses() if clause.id not in cited]
    assert not idle, f"no code, test, doc or other clause cites these; cite them or remove their rows: {idle}"


def test_a_clause_stands_once_in_the_contract() -> None:
    assert [id_ for id_, count in Counter(clause.id for clause in clauses()).items() if count > 1] == []


def test_a_clause_is_on_the_page_of_its_service_and_can_be_linked_to() -> None:
    assert [c for c in clauses() if c.page != PAGES[c.id[:2]] or c.anchor != c.id.lower()] == []


def test_the_clauses_of_a_table_are_in_the_order_of_their_ids() -> None:
    tables = groupby(clauses(), key=lambda clause: (clause.page, clause.group))
    pairs = [pair for _, table in tables for pair in pairwise(clause.id for clause in table)]
    assert [f"{b} stands after {a}" for a, b in pairs if order(a) > order(b)] == []


def test_a_clause_says_how_it_is_known_and_names_its_sources() -> None:
    """Sources are those of the table in docs/contract/index.md. A deliberate difference has its reason instead."""
    table = (CONTRACT / "index.md").read_text().partition("| source | what it is |\n| --- | --- |\n")[2]
    sources = set(SOURCE.findall(table))
    for clause in clauses():
        place = f"docs/contract/{clause.page}: {clause.id}"
        if "-L" in clause.id:
            assert len(clause.rest) == 1, f"{place} needs one column after its text: why"
            continue
        assert len(clause.rest) == 2, f"{place} needs two columns after its text: how we know, and the source"
        how, named = clause.rest
        assert re.fullmatch(rf"{HOW.pattern}(, {HOW.pattern})*", how), f"{place}: how we know is not {how!r}"
        unknown = set(named.split(", ")) - sources
        assert not unknown, f"{place}: docs/contract/index.md has no source {unknown}"
