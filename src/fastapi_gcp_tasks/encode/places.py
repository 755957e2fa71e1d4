"""Where in a request a parameter travels."""

from enum import StrEnum


class Place(StrEnum):
    """Where in the request a parameter travels."""

    PATH = "path"
    QUERY = "query"
    HEADER = "header"
    COOKIE = "cookie"
    BODY = "body"
    FORM = "form"
    """A body too, but of fields and files."""


IN_BODY = frozenset((Place.BODY, Place.FORM))
