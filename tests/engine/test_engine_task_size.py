"""A task is refused when it takes more bytes than a task may, whichever of its parts take them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, islice, product

import pytest

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.names import LocationName, QueueName, TaskName
from gcptasks.engine import task_limits, task_size, tasks
from gcptasks.engine.model import HttpRequest, NewTask, OAuthToken, OidcToken, Task, Token

NOW = datetime(2030, 1, 2, 3, 4, 5, 678901, UTC)
URL = "https://x.googleapis.com/"
NAME = TaskName(QueueName(LocationName("p", "l"), "q"), "t")
LONG = 1_040_000
NO_HEADERS: Mapping[str, str] = {}


def most_headers() -> dict[str, str]:
    """As many headers as there can be in 80 KB."""
    visible = [chr(code) for code in range(33, 127) if chr(code) != ":"]
    names = (map("".join, product(visible, repeat=length)) for length in (1, 2, 3))
    headers = dict.fromkeys(islice(chain.from_iterable(names), 22_600), "1")
    assert 80_000 < sum(len(name) + 1 for name in headers) < 80 * 1024
    return headers


def new(
    name: TaskName = NAME, *, url: str = URL, token: Token | None = None, headers: Mapping[str, str] = NO_HEADERS
) -> NewTask:
    return NewTask(queue=name.queue, name=name, request=HttpRequest(url=url, token=token, headers=headers))


def created(new: NewTask, body: int) -> Task:
    assert new.name is not None
    task = tasks.create(replace(new, request=replace(new.request, body=bytes(body))), new.name, NOW).task
    assert task is not None
    return task


def long_name(project: str = "p", location: str = "l", queue: str = "q", task: str = "t") -> TaskName:
    return TaskName(QueueName(LocationName(project, location), queue), task)


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(new(), id="a body"),
        pytest.param(new(headers=most_headers()), id="headers"),
        pytest.param(new(headers=most_headers(), url=URL + "x" * 2000), id="headers and URL"),
        pytest.param(new(long_name(queue="q" * 100, task="t" * 500)), id="ids"),
        pytest.param(new(long_name(project="p" * LONG)), id="a project"),
        pytest.param(new(long_name(location="l" * LONG)), id="a location"),
        pytest.param(new(token=OidcToken(service_account_email="a@" + "b" * LONG, audience="x")), id="an email"),
        pytest.param(new(token=OidcToken(service_account_email="a@b", audience="ü" * (LONG // 2))), id="an audience"),
        pytest.param(new(token=OAuthToken(service_account_email="a@b", scope="s" * LONG)), id="a scope"),
    ],
)
def test_the_largest_task_is_kept_and_one_byte_more_is_refused(task: NewTask) -> None:
    """CT-101, CT-245."""
    near = task_limits.LARGEST - task_size.size(created(task, 0)) - 20
    largest = near + task_limits.LARGEST - task_size.size(created(task, near))
    assert task_size.size(created(task, largest)) == task_limits.LARGEST
    with pytest.raises(InvalidArgument, match="Task size too large"):
        created(task, largest + 1)
