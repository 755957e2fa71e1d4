"""Stores of results by words, as programs of tests are told them."""

from gcptasks.results.redis import RedisResults
from gcptasks.results.sql import SQLResults
from gcptasks.results.store import ResultStore
from gcptasks.server.local_service import LocalService


def results_named(kind: str, where: str, name: str = "") -> ResultStore:
    """The store "local PATH", "sql URL TABLE" or "redis URL PREFIX"."""
    if kind == "sql":
        return SQLResults(where, table=name)
    if kind == "redis":
        return RedisResults(where, prefix=name)
    return LocalService(f"sqlite:///{where}", app_url="http://app.local").results()
