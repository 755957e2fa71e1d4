import pytest

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.names import ProjectName, parse_project


@pytest.mark.parametrize("project", ["p", "my-project-1", "example.com:my-project"])
def test_a_project_is_named_as_the_rest_of_a_queues_name_begins(project: str) -> None:
    assert parse_project(f"projects/{project}") == ProjectName(project)
    assert str(parse_project(f"projects/{project}")) == f"projects/{project}"


@pytest.mark.parametrize(
    "text", ["", "p", "projects", "projects/", "projects/a b", "projects/p/", "projects/p/locations/l"]
)
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r'^Project name must be formatted: "projects/<PROJECT_ID>", not '):
        parse_project(text)
