"""The filters of lists as texts: `state: PAUSED AND NOT (name: a OR name: b)`.

    filter      all of these, with AND or nothing between them
    alternative any of these, with OR between them: OR binds before AND
    term        a comparison, or a filter in parentheses; NOT or `-` before it negates it
    comparison  a field's path, one of `<= < >= > != = :`, and a value, which may be quoted

So Google's filters for logs are read, which ListQueues takes (CT-056). What fields mean is not known here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gcptasks.base.errors import InvalidArgument

_LONGEST = 10_000
"""Characters."""
_MOST_COMPARISONS = 100
_DEEPEST = 50
"""Parentheses within each other."""

_BLANK = re.compile(r"\s*")
_AND = re.compile(r"AND(?![\w.])")
_OR = re.compile(r"OR(?![\w.])")
_NOT = re.compile(r"NOT(?![\w.])|-")
_OPEN = re.compile(r"\(")
_CLOSE = re.compile(r"\)")
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_OPERATOR = re.compile(r"<=|<|>=|>|!=|=|:")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'', re.DOTALL)
_PLAIN = re.compile(r"[^\s()\"']+")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Comparison:
    path: str
    operator: str
    value: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    term: "Filter"


@dataclass(frozen=True, slots=True)
class All:
    terms: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Any:
    terms: "tuple[Filter, ...]"


Filter: TypeAlias = Comparison | Not | All | Any


def parse_filter(text: str) -> Filter:
    """What the text says; `InvalidArgument` if it is no filter, or longer than any that makes sense."""
    if len(text) > _LONGEST:
        raise InvalidArgument(f"The filter is too long: it has {len(text)} characters, and at most {_LONGEST} can be.")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._comparisons = 0
        self._depth = 0

    def whole(self) -> Filter:
        found = self._filter()
        if self._at < len(self._text):
            raise self._wrong("AND, OR or the end of the filter")
        return found

    def _filter(self) -> Filter:
        terms = [self._alternatives()]
        while self._take(_AND) or not self._ends():
            terms.append(self._alternatives())
        return _joined(All, terms)

    def _alternatives(self) -> Filter:
        terms = [self._term()]
        while self._take(_OR):
            terms.append(self._term())
        return _joined(Any, terms)

    def _term(self) -> Filter:
        negated = False
        while self._take(_NOT):
            negated = not negated
        found = self._in_parentheses() if self._take(_OPEN) else self._comparison()
        return Not(found) if negated else found

    def _in_parentheses(self) -> Filter:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise InvalidArgument(f"The filter has more than {_DEEPEST} parentheses within each other.")
        found = self._filter()
        if not self._take(_CLOSE):
            raise self._wrong("')'")
        self._depth -= 1
        return found

    def _comparison(self) -> Comparison:
        self._comparisons += 1
        if self._comparisons > _MOST_COMPARISONS:
            raise InvalidArgument(f"The filter has more than {_MOST_COMPARISONS} comparisons.")
        path = self._take(_PATH)
        if path is None:
            raise self._wrong("a field")
        operator = self._take(_OPERATOR)
        if operator is None:
            raise self._wrong(f"one of <= < >= > != = : after {path[0]}")
        if quoted := self._take(_QUOTED):
            return Comparison(path[0], operator[0], _ESCAPED.sub(r"\1", quoted[1] or quoted[2] or ""), quoted=True)
        if plain := self._take(_PLAIN):
            return Comparison(path[0], operator[0], plain[0])
        raise self._wrong(f"a value after {path[0]} {operator[0]}")

    def _ends(self) -> bool:
        """Whether the filter ends here, or the parentheses around it."""
        self._skip_blanks()
        return self._at == len(self._text) or self._text[self._at] == ")"

    def _take(self, kind: re.Pattern[str]) -> re.Match[str] | None:
        """What stands here, if it is of that kind."""
        self._skip_blanks()
        found = kind.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found

    def _skip_blanks(self) -> None:
        if found := _BLANK.match(self._text, self._at):
            self._at = found.end()

    def _wrong(self, wanted: str) -> InvalidArgument:
        there = self._text[self._at : self._at + 20]
        return InvalidArgument(
            f"Invalid filter: there should be {wanted} at character {self._at + 1}, not {there!r}."
            if there
            else f"Invalid filter: there should be {wanted} at its end."
        )


def _joined(kind: Callable[[tuple[Filter, ...]], Filter], terms: list[Filter]) -> Filter:
    return terms[0] if len(terms) == 1 else kind(tuple(terms))
