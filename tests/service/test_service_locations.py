"""ListLocations and GetLocation of `google.cloud.location.Locations`, by Google's clients of Cloud Tasks."""

from typing import Any

from google.api_core.exceptions import InvalidArgument, MethodNotImplemented
from google.cloud.location.locations_pb2 import (
    GetLocationRequest,
    ListLocationsRequest,
    ListLocationsResponse,
    Location,
)

from gcptasks.client.api import TASKS
from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings
from service.service_world import Api, Refusal

QUEUE = "projects/one/locations/europe-west1/queues/q"


def project(api: Api) -> str:
    return api.parent.rpartition("/locations/")[0]


def location(api: Api, location_id: str) -> Location:
    return Location(name=f"{project(api)}/locations/{location_id}", location_id=location_id)


def with_queues_in(api: Api, *location_ids: str) -> None:
    for location_id in location_ids:
        parent = location(api, location_id).name
        api.call("create_queue", parent=parent, queue={"name": f"{parent}/queues/q"})


def listed(api: Api, **page: Any) -> tuple[list[Location], str]:
    response = api.call("list_locations", name=project(api), **page)
    return list(response.locations), response.next_page_token


def test_the_locations_of_a_project_are_those_of_its_queues(api: Api) -> None:
    """CT-003, CT-090."""
    assert listed(api) == ([], "")
    with_queues_in(api, "us-central1", "europe-west1")
    api.call(
        "create_queue",
        parent=location(api, "us-central1").name,
        queue={"name": f"{location(api, 'us-central1').name}/queues/another"},
    )
    assert listed(api) == ([location(api, "europe-west1"), location(api, "us-central1")], "")


def test_the_locations_of_other_projects_are_not_listed(api: Api) -> None:
    """CT-090."""
    other = f"{project(api)}-other"
    api.call("create_queue", parent=f"{other}/locations/l", queue={"name": f"{other}/locations/l/queues/q"})
    assert listed(api) == ([], "")


def test_locations_are_listed_in_pages(api: Api) -> None:
    with_queues_in(api, "c", "a", "b")
    first, token = listed(api, page_size=2)
    assert (first, bool(token)) == ([location(api, "a"), location(api, "b")], True)
    assert listed(api, page_size=2, page_token=token) == ([location(api, "c")], "")
    assert api.refusal("list_locations", name=f"{project(api)}-other", page_token=token) == Refusal(
        InvalidArgument, "Invalid page_token"
    )
    assert api.refusal("list_locations", name=project(api), page_size=-1) == Refusal(
        InvalidArgument, "ListLocationsRequest.pageSize cannot be negative."
    )


def test_the_project_in_whose_place_a_hyphen_stands_is_every_project(api: Api) -> None:
    """CT-L19."""
    with_queues_in(api, "b", "a")
    other = f"{project(api)}-other"
    api.call("create_queue", parent=f"{other}/locations/c", queue={"name": f"{other}/locations/c/queues/q"})
    found: list[str] = []
    token = ""
    while True:
        response = api.call("list_locations", name="projects/-", page_size=2, page_token=token)
        found += [place.name for place in response.locations]
        token = response.next_page_token
        if not token:
            break
    ours = [name for name in found if name.startswith((f"{project(api)}/", f"{other}/"))]
    assert sorted(ours) == sorted([location(api, "a").name, location(api, "b").name, f"{other}/locations/c"])


def test_any_location_is_there(api: Api) -> None:
    """CT-003, CT-L3: whether or not it has queues."""
    assert api.call("get_location", name=location(api, "mars-north1").name) == location(api, "mars-north1")


def test_a_filter_of_locations_is_refused(api: Api) -> None:
    message = "The local service does not support filters yet; list all locations instead."
    assert api.refusal("list_locations", name=project(api), filter="x") == Refusal(MethodNotImplemented, message)


async def test_googles_async_client_asks_over_a_port() -> None:
    """CT-003, CT-090."""
    async with emulating(PortSettings(port=0, queues=(QUEUE,))) as emulator:
        place = Location(name="projects/one/locations/europe-west1", location_id="europe-west1")
        async with TASKS.make_async_client(emulator.address) as client:
            found = await client.list_locations(ListLocationsRequest(name="projects/one"))
            assert found == ListLocationsResponse(locations=[place])
            assert await client.get_location(GetLocationRequest(name=place.name)) == place
