import pytest
from google.cloud.location.locations_pb2 import GetLocationRequest

from gcptasks.base.errors import ErrorInfo, InvalidArgument
from gcptasks.service.served import METHODS, AnyMethod
from gcptasks.wire.required import Required


def test_an_empty_name_is_refused_in_the_words_of_its_api() -> None:
    required = Required("google.cloud.location.Locations", "cloudscheduler.googleapis.com")
    with pytest.raises(InvalidArgument) as refusal:
        required("", GetLocationRequest())
    assert refusal.value.message == "Invalid resource field value in the request."
    assert refusal.value.details == (
        ErrorInfo(
            "RESOURCE_PROJECT_INVALID",
            "googleapis.com",
            {"method": "google.cloud.location.Locations.GetLocation", "service": "cloudscheduler.googleapis.com"},
        ),
    )


def test_a_name_is_handed_on() -> None:
    assert Required("a.B", "b.googleapis.com")("projects/p", GetLocationRequest()) == "projects/p"


@pytest.mark.parametrize("row", METHODS.values(), ids=list(METHODS))
def test_the_request_of_a_method_is_called_by_its_name(row: AnyMethod) -> None:
    assert row.request.DESCRIPTOR.name == f"{row.name}Request"
