"""Locations: their verbs, and the table of `google.cloud.location.Locations`.

Google has regions. Here any location is one (CT-L3), so those that a project has are those of its queues and jobs.
"""

from dataclasses import dataclass
from datetime import datetime

from google.cloud.location import locations_pb2

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.names import LocationName
from gcptasks.service.method import HttpRule, Method
from gcptasks.service.policy import Policy
from gcptasks.store.tx import Tx
from gcptasks.wire import locations, paging
from gcptasks.wire.locations import SERVICE, ListLocations

_LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class LocationPage:
    locations: list[LocationName]
    next_token: str


def list_locations(tx: Tx, request: ListLocations, now: datetime, policy: Policy) -> LocationPage:
    scope = str(request.project or "projects/-")
    if request.page_size < 0:
        raise InvalidArgument("ListLocationsRequest.pageSize cannot be negative.")
    after = str(paging.cursor_of(request.page_token, "locations", scope, now)) if request.page_token else ""
    size = min(request.page_size or _LARGEST_PAGE, _LARGEST_PAGE)
    found = tx.locations.page(request.project, after, size + 1)
    page = found[:size]
    return LocationPage(page, paging.token("locations", scope, str(page[-1]), now) if len(found) > size else "")


def get_location(tx: Tx, request: LocationName, now: datetime, policy: Policy) -> LocationName:
    return request


def _location(answer: LocationName, request: object) -> locations_pb2.Location:
    return locations.location_message(answer)


def _location_page(answer: LocationPage, request: object) -> locations_pb2.ListLocationsResponse:
    return locations.location_list(answer.locations, answer.next_token)


METHODS = (
    Method(
        path=f"/{SERVICE}/ListLocations",
        http=(HttpRule("GET", "/v2/{name=projects/*}/locations"), HttpRule("GET", "/v1/{name=projects/*}/locations")),
        request=locations_pb2.ListLocationsRequest,
        response=locations_pb2.ListLocationsResponse,
        decode=locations.list_locations,
        verb=list_locations,
        encode=_location_page,
        writes=False,
    ),
    Method(
        path=f"/{SERVICE}/GetLocation",
        http=(
            HttpRule("GET", "/v2/{name=projects/*/locations/*}"),
            HttpRule("GET", "/v1/{name=projects/*/locations/*}"),
        ),
        request=locations_pb2.GetLocationRequest,
        response=locations_pb2.Location,
        decode=locations.location_name,
        verb=get_location,
        encode=_location,
        writes=False,
    ),
)
