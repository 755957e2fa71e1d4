"""Stores of results by words, as programs of tests are told them."""

from gcptasks.results.store import ResultStore


def results_named(kind: str, where: str, name: str = "") -> ResultStore:
    """The store "local PATH", "sql URL TABLE" or "redis URL PREFIX". Imports no other one, which would take long."""
    if kind == "sql":
        from gcptasks.results.sql import SQLResults

        return SQLResults(where, table=name)
    if kind == "redis":
        from gcptasks.results.redis import RedisResults

        return RedisResults(where, prefix=name)
    from gcptasks.server.local_service import LocalService

    return LocalService(f"sqlite:///{where}", app_url="http://app.local").results()
