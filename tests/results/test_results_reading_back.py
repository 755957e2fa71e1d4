"""Whatever models write of themselves is read back as what it was."""

from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, RootModel, TypeAdapter, computed_field
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from gcptasks.values.reading_back import reader_back

T = TypeVar("T")


class Computes(BaseModel):
    model_config = ConfigDict(extra="forbid")

    side: int

    @computed_field
    def area(self) -> int:
        return self.side * self.side


class Renames(BaseModel):
    """What is not found has a default, so that reading by other names would go wrong in silence."""

    size: Annotated[int, Field(validation_alias="sizeIn", serialization_alias="sizeOut")] = 0
    first: Annotated[int, Field(alias="firstOne")] = 0
    deep: Annotated[int, Field(validation_alias=AliasPath("a", 0))] = 0
    either: Annotated[int, Field(validation_alias=AliasChoices("x", AliasPath("y", "z")))] = 0


class Swaps(BaseModel):
    """Each is written by the other's name."""

    a: Annotated[int, Field(serialization_alias="b")] = 0
    b: Annotated[int, Field(serialization_alias="a")] = 0


class Tree(BaseModel):
    renames: Renames
    below: "list[Tree]" = []


class Circle(BaseModel):
    kind: Literal["circle"] = "circle"
    radius: Annotated[int, Field(alias="r")]


class Box(BaseModel):
    kind: Literal["box"] = "box"
    inner: Annotated["Circle | Box | None", Field(discriminator="kind", alias="in")] = None


class Page(BaseModel, Generic[T]):
    items: Annotated[list[T], Field(serialization_alias="data")] = []


class Names(RootModel[dict[str, Renames]]):
    pass


class Typed(TypedDict, total=False):
    renames: Annotated[Renames, Field(alias="re")]


@pydantic_dataclass
class Line:
    start: Annotated[int, Field(alias="from")] = 0
    computes: Computes | None = None


@dataclass
class Plain:
    lines: list[Line]


def renames_of(size: int, first: int, deep: int, either: int) -> Renames:
    return Renames.model_construct(size=size, first=first, deep=deep, either=either)


def circle_of(radius: int) -> Circle:
    return Circle.model_validate({"r": radius})


def box_of(inner: "Circle | Box") -> Box:
    return Box.model_validate({"in": inner})


def line_of(start: int, computed: Computes | None) -> Line:
    return TypeAdapter(Line).validate_python({"from": start, "computes": computed})


def page_of(items: list[Renames]) -> Page[Renames]:
    return Page[Renames](items=items)


def tree_of(renames: Renames, below: list[Tree]) -> Tree:
    return Tree(renames=renames, below=below)


small = st.integers(-5, 5)
computes = st.builds(Computes, side=small)
renames = st.builds(renames_of, small, small, small, small)
trees = st.recursive(
    st.builds(tree_of, renames, st.just([])), lambda inner: st.builds(tree_of, renames, st.lists(inner, max_size=2))
)
boxes = st.recursive(st.builds(circle_of, small) | st.just(Box()), lambda inner: st.builds(box_of, inner))
lines = st.builds(line_of, small, st.none() | computes)
CASES: dict[Any, st.SearchStrategy[Any]] = {
    Computes: computes,
    Renames: renames,
    Swaps: st.builds(Swaps, a=small, b=small),
    Tree: trees,
    Circle | Box: boxes,
    Page[Renames]: st.builds(page_of, st.lists(renames, max_size=2)),
    Names: st.builds(Names, st.dictionaries(st.text(max_size=2), renames, max_size=2)),
    Line: lines,
    Plain: st.builds(Plain, st.lists(lines, max_size=2)),
    tuple[Renames, int | Computes]: st.tuples(renames, small | computes),
    dict[int, Renames | None]: st.dictionaries(small, st.none() | renames, max_size=2),
}


@pytest.mark.parametrize("by_alias", [True, False])
@pytest.mark.parametrize("type", CASES, ids=str)
@given(data=st.data())
def test_what_was_written_is_read_back(type: Any, by_alias: bool, data: st.DataObject) -> None:
    value = data.draw(CASES[type])
    adapter = TypeAdapter[Any](type)
    assert reader_back(type, by_alias=by_alias)(adapter.dump_json(value, by_alias=by_alias)) == value


@pytest.mark.parametrize("by_alias", [True, False])
def test_typed_dicts_are_read_back(by_alias: bool) -> None:
    value = Typed(renames=Renames.model_construct(size=1, first=2, deep=3, either=4))
    written = TypeAdapter(Typed).dump_json(value, by_alias=by_alias)
    assert reader_back(Typed, by_alias=by_alias)(written) == value


def test_what_does_not_fit_is_still_refused() -> None:
    with pytest.raises(ValueError, match="side"):
        reader_back(Computes)(b"{}")
    with pytest.raises(ValueError, match="valid integer"):
        reader_back(Renames)(b'{"sizeOut": "x"}')
