"""What can be declared to be a task, and under which name."""

import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from cloudtask import CloudTaskClient


def make_client(**settings: Any) -> CloudTaskClient:
    merged: dict[str, Any] = {"project": "p", "location": "l", "url": "http://worker.local/run", **settings}
    return CloudTaskClient(**merged)


@pytest.fixture
def client() -> CloudTaskClient:
    return make_client()


def of_this_module(x: int) -> int:
    """Adds one."""
    return x + 1


def test_a_name_is_the_module_and_the_function(client: CloudTaskClient) -> None:
    declared = client.task()(of_this_module)
    assert declared.name == f"{__name__}.of_this_module"
    assert declared.__doc__ == "Adds one."
    assert declared(1).execute() == 2
    assert declared(1)() == 2


def test_a_task_without_options_is_declared_without_parentheses(client: CloudTaskClient) -> None:
    declared = client.task(of_this_module)
    assert declared.name == f"{__name__}.of_this_module"
    assert declared(1).execute() == 2


def test_attributes_of_a_function_hide_nothing(client: CloudTaskClient) -> None:
    def work(x: int) -> int:
        return x

    vars(work).update(dict.fromkeys(("name", "call", "write", "read", "arguments", "options", "retries"), "mine"))
    declared = client.task(name="work")(work)
    assert declared(3).execute() == 3
    assert declared.name == "work"
    assert vars(declared.function)["retries"] == "mine"


def test_a_name_can_be_given(client: CloudTaskClient) -> None:
    assert client.task(name="add")(of_this_module).name == "add"


def test_a_name_is_taken_once(client: CloudTaskClient) -> None:
    client.task()(of_this_module)
    with pytest.raises(ValueError, match=r"of_this_module' is already registered: give one of the two another name="):
        client.task()(of_this_module)


def test_a_function_of_the_main_program_or_of_a_function_needs_a_name(client: CloudTaskClient) -> None:
    def inner() -> None: ...

    with pytest.raises(ValueError, match=r"give @client.task a name="):
        client.task()(inner)
    main: dict[str, Any] = {"__name__": "__main__"}
    exec("def work(): ...", main)
    with pytest.raises(ValueError, match=r"^__main__.work has another name in each program"):
        client.task()(main["work"])


def test_what_is_no_function_is_not_declared(client: CloudTaskClient) -> None:
    class Callable:
        def __call__(self) -> None: ...

    for declared in (Callable(), Callable, functools.partial(of_this_module, 1), "text"):
        task: Any = client.task(name="x")
        with pytest.raises(TypeError, match=r"^@client.task declares a function, not "):
            task(declared)
    bare: Any = client.task
    with pytest.raises(TypeError, match=r"^@client.task declares a function, not 'welcome'$"):
        bare("welcome")


def test_a_method_is_not_declared(client: CloudTaskClient) -> None:
    class Mailer:
        def send(self, to: str) -> None: ...

        @classmethod
        def of_class(cls, to: str) -> None: ...

        @staticmethod
        def of_nobody(to: str) -> None: ...

    task: Any = client.task(name="send")
    for declared, said in (
        (Mailer.send, r"Mailer.send is a method, and a task has no self: declare a function$"),
        (Mailer.__dict__["of_class"].__func__, r"Mailer.of_class is a method, and a task has no cls: declare a func"),
        (Mailer().send, r"^@client.task declares a function, not <bound method"),
        (Mailer.of_class, r"^@client.task declares a function, not <bound method"),
        (Mailer.__dict__["of_nobody"], r"^@client.task declares a function, not <staticmethod"),
    ):
        with pytest.raises(TypeError, match=said):
            task(declared)
    assert client.functions == {}
    assert task(Mailer.of_nobody).name == "send"


def test_a_function_may_have_a_parameter_self(client: CloudTaskClient) -> None:
    def work(self: int) -> int:
        return self

    assert client.task(name="work")(work)(3).execute() == 3


def test_a_generator_is_not_declared(client: CloudTaskClient) -> None:
    def numbers() -> Iterator[int]:
        yield 1

    async def more() -> AsyncIterator[int]:
        yield 1

    for declared in (numbers, more):
        task: Any = client.task(name="x")
        with pytest.raises(TypeError, match="is a generator"):
            task(declared)


def test_a_parameter_that_no_task_can_carry_is_refused_at_the_declaration(client: CloudTaskClient) -> None:
    class Connection: ...

    def work(connection: Connection) -> None: ...

    with pytest.raises(TypeError, match=r"^x: a task cannot carry the parameter 'connection': "):
        client.task(name="x")(work)


def test_a_default_that_no_task_can_carry_is_refused_at_the_declaration(client: CloudTaskClient) -> None:
    def work(share: float = float("nan")) -> None: ...

    with pytest.raises(
        TypeError, match=r"^x: a task cannot carry the default of 'share': share: nan cannot be written"
    ):
        client.task(name="x")(work)


def test_options_take_the_place_of_the_clients(client: CloudTaskClient) -> None:
    declared = client.task(name="x", queue="fast", url="http://other.local/", timeout=20, headers={"X-Own": "1"})(
        of_this_module
    )
    task = declared(1)
    assert (task.queue, task.url, task.headers) == ("fast", "http://other.local/", {"x-own": "1"})
    assert task.timeout is not None
    assert task.timeout.total_seconds() == 20


def test_nothing_that_is_shown_of_a_client_has_its_secret() -> None:
    client = make_client(secret="sesame-4711")
    task = client.task(name="work")(of_this_module)(1)
    shown = [repr(one) for one in (client, client.settings, client.worker, task, client.functions)]
    assert not [text for text in shown if "sesame" in text]


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"project": ""}, ValueError, "project ''"),
        ({"queue": "projects/p/locations/l/queues/q"}, ValueError, "queue must be the id of a queue"),
        ({"queue": "a b"}, ValueError, "queue: "),
        ({"url": "worker.local"}, ValueError, "url must begin with http"),
        ({"url": "http://wörker.local/"}, ValueError, "url can have neither blanks"),
        ({"sae": "nobody"}, ValueError, "sae must be the email"),
        ({"timeout": 10}, ValueError, "timeout must be from 15 seconds to 30 minutes, not 10"),
        ({"timeout": "20"}, TypeError, "timeout must be seconds or a timedelta, not '20'"),
        ({"secret": "  "}, ValueError, "secret is blank"),
        ({"secret": "a\nb"}, ValueError, "printable ASCII"),
        ({"secret_header_name": "Host", "secret": "x"}, ValueError, "the queue service drops the header 'host'"),
        ({"secret_header_name": ""}, ValueError, "'' is not a name that a header can have"),
        ({"secret_header_name": "Content-Type"}, ValueError, "secret_header_name cannot be 'Content-Type'"),
        (
            {"secret_header_name": "Authorization", "sae": "a@b.c"},
            ValueError,
            "secret_header_name cannot be 'Authorization': tasks carry",
        ),
        ({"timezone": "Europe/Nowhere"}, ValueError, "timezone must be the name of a time zone"),
        ({"timezone": 3}, TypeError, "timezone must be a ZoneInfo"),
        ({"force_to_queue": ""}, ValueError, "force_to_queue: "),
        ({"eager": "later"}, ValueError, "eager must be 'immediate', 'remote' or None, not 'later'"),
        ({"client": object()}, TypeError, "client must be a CloudTasksClient, for sync_push"),
        ({"async_client": 3}, TypeError, "async_client must be a CloudTasksAsyncClient, or a factory of one"),
    ],
)
def test_a_setting_that_is_not_accepted_is_named(settings: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make_client(**settings)
