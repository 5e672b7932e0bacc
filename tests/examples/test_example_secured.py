"""``examples/secured.py``: who may call, how often, and what a failure tells."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

import pytest

from cli.commands import BOUND_S, Served, run_command, serve
from examples.calls import EXAMPLES, call

PATH: Final = "/api/_actions/weather-report"
TOKENS: Final = ",".join(f"user{number}:pro:token-{number}" for number in range(10)) + ",bob:free:bob:token"
LISBON: Final = {"city": "Lisbon"}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(EXAMPLES / "secured.py", env={"API_TOKENS": TOKENS}, clean_log=False) as served:
        yield served


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def call_error(served: Served, input: Any, headers: dict[str, str]) -> tuple[str, str, int]:
    chunks, error = call(served.url + PATH, input, headers)
    assert chunks == []
    assert error is not None
    return error.code, error.message, error.status_code


def test_a_user_gets_the_report(served: Served) -> None:
    chunks, error = call(served.url + PATH, LISBON, {"Authorization": "bearer token-0"})
    assert error is None
    assert chunks == [
        {"day": 1, "celsius": 21.5, "prepared_for": "user0"},
        {"day": 2, "celsius": 22.0, "prepared_for": "user0"},
        {"day": 3, "celsius": 19.5, "prepared_for": "user0"},
    ]


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), bearer(""), {"Authorization": "Basic token-0"}])
def test_nobody_gets_nothing(served: Served, headers: dict[str, str]) -> None:
    assert call_error(served, LISBON, headers) == ("UNAUTHORIZED", "Authentication required", 401)


def test_the_status_is_real_for_other_clients(served: Served) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(served.url + PATH, json.dumps(LISBON).encode(), headers)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=BOUND_S)
    with caught.value as response:
        assert response.status == 401
        assert json.load(response)["code"] == "UNAUTHORIZED"


def test_a_plan_that_does_not_include_it(served: Served) -> None:
    error = call_error(served, LISBON, bearer("bob:token"))
    assert error == ("PLAN_REQUIRED", "This needs the plan 'pro'", 403)


def test_each_user_has_a_limit(served: Served) -> None:
    for _ in range(5):
        assert call(served.url + PATH, LISBON, bearer("token-1"))[1] is None
    code, message, status_code = call_error(served, LISBON, bearer("token-1"))
    assert (code, status_code) == ("RATE_LIMITED", 429)
    assert message.startswith("Too many requests")
    assert call(served.url + PATH, LISBON, bearer("token-2"))[1] is None


def test_an_error_of_the_handler_reaches_the_client(served: Served) -> None:
    error = call_error(served, {"city": "Nowhere"}, bearer("token-3"))
    assert error == ("CITY_UNKNOWN", "There is no such city in the archive", 404)


def test_an_unexpected_error_is_explained_without_its_details(served: Served) -> None:
    error = call_error(served, {"city": "Atlantis"}, bearer("token-3"))
    assert error == ("ARCHIVE_OFFLINE", "Try again later", 503)
    served.log.wait_for("archive-2.internal is under water")


def test_the_call_that_the_file_explains() -> None:
    with serve(EXAMPLES / "secured.py") as served:
        arguments = served.calls[0][1:]
        finished = run_command(*arguments, "-H", "Authorization: Bearer alice-token")
        assert (finished.returncode, finished.stderr) == (0, b"")
        assert len(finished.stdout.splitlines()) == 3
        refused = run_command(*arguments)
        assert (refused.returncode, refused.stderr) == (1, b"UNAUTHORIZED: Authentication required\n")


def test_all_examples_are_served_as_a_folder() -> None:
    with serve(EXAMPLES) as served:
        served.output.wait_for(" call ", 4)
        lines = served.output.lines_with(" call ")
        assert [line.split()[2].rpartition("/")[2] for line in lines] == [
            "ai-chat",
            "process-files",
            "relay-chat",
            "weather-report",
        ]
