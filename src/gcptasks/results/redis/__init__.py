"""Records of tasks in Redis, by redis-py."""

from gcptasks.base.errors import MissingExtra

try:
    from gcptasks.results.redis.store import RedisResults
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] != "redis":
        raise
    raise MissingExtra("RedisResults", "redis") from error

__all__ = ["RedisResults"]
