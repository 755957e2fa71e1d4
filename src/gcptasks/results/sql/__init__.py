"""Records of tasks in PostgreSQL, MySQL, MariaDB or SQLite, by SQLAlchemy."""

from gcptasks.base.errors import MissingExtra

try:
    from gcptasks.results.sql.store import SQLResults
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] != "sqlalchemy":
        raise
    raise MissingExtra("SQLResults", "sql") from error

__all__ = ["SQLResults"]
