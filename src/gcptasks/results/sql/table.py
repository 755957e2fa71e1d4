"""The table of records."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql

_MYSQL = ("mysql", "mariadb")
_CASE_COUNTS = {"charset": "utf8mb4", "collation": "utf8mb4_bin"}


def records_table(name: str) -> Table:
    id = String(64).with_variant(mysql.VARCHAR(64, **_CASE_COUNTS), *_MYSQL)
    text = Text().with_variant(mysql.LONGTEXT(**_CASE_COUNTS), *_MYSQL)
    bytes_ = LargeBinary().with_variant(mysql.LONGBLOB(), *_MYSQL)
    return Table(
        name,
        MetaData(),
        Column("id", id, primary_key=True),
        Column("endpoint", text, nullable=False),
        Column("task_name", text, nullable=False),
        Column("labels", text, nullable=False),
        Column("arguments", bytes_, nullable=False),
        Column("confirmed", Boolean, nullable=False),
        Column("run", Integer, nullable=False),
        Column("status", String(16), nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("started_at", BigInteger),
        Column("finished_at", BigInteger),
        Column("heard_at", BigInteger),
        Column("expires_at", BigInteger, nullable=False),
        Column("progress", text),
        Column("result", bytes_),
        Column("error", text),
        Column("version", BigInteger, nullable=False),
        Index(f"{name}_created", "created_at", "id"),
        # MySQL wants to know how much of a text is in an index.
        Index(f"{name}_endpoint", "endpoint", "created_at", "id", mysql_length={"endpoint": 191}),
        Index(f"{name}_expires", "expires_at"),
    )
