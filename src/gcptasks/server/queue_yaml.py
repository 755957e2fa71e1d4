"""The queues of a `queue.yaml`, the file that `gcloud app deploy` takes, as the service keeps them.

What each key means, App Engine's reference says, and the comments of Cloud Tasks' messages: `task_retry_limit` is
`max_attempts`, and so on. What is not set has the defaults of the file, which are not those of the API.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from gcptasks.base.errors import InvalidArgument, SetupError
from gcptasks.base.names import LocationName, parse_queue
from gcptasks.engine import queues
from gcptasks.engine.model import AppEngineRouting, NewQueue, Queue, QueueState, RateLimits, RetryConfig
from gcptasks.engine.quotas import Quotas

if TYPE_CHECKING:
    import yaml

V = TypeVar("V")

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SECOND_NS = 1_000_000_000
_DEFAULT_RATE = 5.0
_DEFAULT_BUCKET = 5
_LARGEST_BUCKET = 500
_UNLIMITED = -1
_LONGEST = 30 * 86_400
"""Seconds: more than a task is kept for."""


def read_queue_yaml(path: Path, location: LocationName, quotas: Quotas) -> tuple[Queue, ...]:
    """The queues of that file, in that location; `SetupError`, with the line, for whatever is wrong in it."""
    return tuple(_File(path).queues(location, quotas))


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path

    def queues(self, location: LocationName, quotas: Quotas) -> Iterator[Queue]:
        top = self._mapping(self._root(), "the file")
        self._refuse_others(top, {"queue", "total_storage_limit"}, "the file")
        if "queue" not in top:
            raise SetupError(f"{self._path}: there is no 'queue:', below which the queues stand")
        names: set[str] = set()
        for node in self._sequence(top["queue"]):
            queue = self._queue(node, location, quotas)
            if queue.name.queue in names:
                self._wrong(node, f"there is a queue {queue.name.queue!r} before; give each queue once")
            names.add(queue.name.queue)
            yield queue

    def _root(self) -> "yaml.Node":
        import yaml

        try:
            root = yaml.compose(self._path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except OSError as error:
            raise SetupError(f"{self._path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise SetupError(f"{self._path} is no text in UTF-8") from None
        except RecursionError:
            raise SetupError(f"{self._path} is nested too deeply") from None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise SetupError(f"{self._path}:{line}: this is no YAML: {error.problem or error.context}") from None
        except yaml.YAMLError as error:
            raise SetupError(f"{self._path} is no YAML: {error}") from None
        if root is None:
            raise SetupError(f"{self._path} is empty: it needs 'queue:', and below it the queues")
        return root

    def _queue(self, node: "yaml.Node", location: LocationName, quotas: Quotas) -> Queue:
        keys = self._mapping(node, "a queue")
        if "name" not in keys:
            self._wrong(node, "this queue has no 'name:'")
        self._check_mode(keys)
        known = {"name", "rate", "bucket_size", "max_concurrent_requests", "retry_parameters", "target", "mode"}
        self._refuse_others(keys, known, "a queue")
        rate = self._read(keys, "rate", _rate, _DEFAULT_RATE)
        bucket = self._read(keys, "bucket_size", _bucket, _DEFAULT_BUCKET)
        retries = keys.get("retry_parameters")
        retry, doublings = self._retry_config(retries)
        try:
            queue = queues.create(
                NewQueue(
                    parent=location,
                    name=parse_queue(f"{location}/queues/{self._text(keys['name'])}"),
                    rate_limits=RateLimits(
                        max_dispatches_per_second=rate,
                        max_concurrent_dispatches=self._read(keys, "max_concurrent_requests", _count, 0),
                    ),
                    retry_config=retry,
                    app_engine_routing_override=self._read(keys, "target", _target, None),
                ),
                quotas,
            )
        except InvalidArgument as error:
            self._wrong(node, str(error))
        return replace(
            queue,
            # A rate of 0 pauses the queue. The API has no such rate, so it keeps its default for later.
            state=QueueState.RUNNING if rate else QueueState.PAUSED,
            rate_limits=replace(queue.rate_limits, max_burst_size=bucket),
            # Here 0 is a number, which the API cannot say (CT-201).
            retry_config=replace(queue.retry_config, max_doublings=0) if doublings == 0 else queue.retry_config,
        )

    def _check_mode(self, keys: "Mapping[str, yaml.Node]") -> None:
        if "mode" in keys and self._text(keys["mode"]) != "push":
            self._wrong(keys["mode"], "Cloud Tasks has push queues alone: leave this queue out, or write 'mode: push'")

    def _retry_config(self, node: "yaml.Node | None") -> tuple[RetryConfig, int | None]:
        """The settings as sent, and the doublings if they are there."""
        keys = {} if node is None else self._mapping(node, "retry_parameters")
        known = {"task_retry_limit", "task_age_limit", "min_backoff_seconds", "max_backoff_seconds", "max_doublings"}
        self._refuse_others(keys, known, "retry_parameters")
        attempts = self._read(keys, "task_retry_limit", _count, None)
        doublings = self._read(keys, "max_doublings", _count, None)
        config = RetryConfig(
            # Without a limit there is none; no retry at all is one attempt.
            max_attempts=_UNLIMITED if attempts is None else max(attempts, 1),
            max_retry_duration_ns=self._read(keys, "task_age_limit", _age, 0) * _SECOND_NS,
            min_backoff_ns=self._read(keys, "min_backoff_seconds", _backoff_ns, 0),
            max_backoff_ns=self._read(keys, "max_backoff_seconds", _backoff_ns, 0),
            max_doublings=doublings or 0,
        )
        return config, doublings

    def _read(self, keys: "Mapping[str, yaml.Node]", key: str, read: Callable[[str], V], default: V) -> V:
        if key not in keys:
            return default
        text = self._text(keys[key])
        try:
            return read(text)
        except ValueError as error:
            self._wrong(keys[key], f"{key} must be {error}, not {text!r}")

    def _mapping(self, node: "yaml.Node", what: str) -> "dict[str, yaml.Node]":
        import yaml

        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, f"{what} must have keys and values, such as 'name: orders'")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._text(key)
            if name in found:
                self._wrong(key, f"{name!r} stands there twice")
            found[name] = value
        return found

    def _sequence(self, node: "yaml.Node") -> "list[yaml.Node]":
        import yaml

        if isinstance(node, yaml.ScalarNode) and not node.value:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self._wrong(node, "'queue:' must be followed by a list, each queue with '- name: …'")
        return node.value

    def _text(self, node: "yaml.Node") -> str:
        import yaml

        if not isinstance(node, yaml.ScalarNode):
            self._wrong(node, "here must be one word or one number")
        return node.value

    def _refuse_others(self, keys: "Mapping[str, yaml.Node]", known: set[str], what: str) -> None:
        for key, node in keys.items():
            if key not in known:
                self._wrong(node, f"{what} has no {key!r}; there are {', '.join(sorted(known))}")

    def _wrong(self, node: "yaml.Node", text: str) -> NoReturn:
        raise SetupError(f"{self._path}:{node.start_mark.line + 1}: {text}")


# Each raises `ValueError` with what there should be.


def _rate(text: str) -> float:
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)/([smhd])", text)
    if found is None:
        raise ValueError("a number and a unit, such as 10/s, 5/m, 2/h or 1/d")
    return float(found[1]) / _SECONDS[found[2]]


def _bucket(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= _LARGEST_BUCKET:
        raise ValueError(f"a number from 1 to {_LARGEST_BUCKET}")
    return int(text)


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("a number, 0 or more")
    return int(text)


def _age(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else _LONGEST + 1
    if seconds > _LONGEST:
        raise ValueError("a number and a unit, such as 90s, 30m, 2h or 7d, and at most 30d")
    return seconds


def _backoff_ns(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,3})?", text):
        raise ValueError("a number of seconds")
    return round(float(text) * 1000) * 1_000_000


def _target(text: str) -> AppEngineRouting:
    parts = text.split(".")
    if len(parts) > 3 or not all(re.fullmatch(r"[A-Za-z0-9-]{1,63}", part) for part in parts):
        raise ValueError("a service, such as worker, or a version of one, such as v2.worker")
    instance, version, service = ["", "", *parts][-3:]
    return AppEngineRouting(service=service, version=version, instance=instance)
