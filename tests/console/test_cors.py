"""Cross-origin calls by the rules of the Fetch standard, header by header, as Granian sends them."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from server.processes import GRANIAN, run_server
from streamactions import DefinitionError, Stream, StreamActions, define_stream_action
from streamactions.app import Cors

HOME = "https://app.example"
OTHER = "https://other.example"
PATH = "/api/_actions/ping"
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


@define_stream_action
async def ping(stream: Stream) -> None:
    """Answer."""
    await stream.send("pong")


named = StreamActions([ping], cors=[HOME, "http://localhost:5173"])
trusted = StreamActions([ping], cors=Cors([HOME], credentials=True, max_age_s=60))
everybody = StreamActions([ping], cors=["*"])
nobody = StreamActions([ping])


@pytest.fixture(scope="module", params=["named", "trusted", "everybody", "nobody"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, httpx.Client]]:
    """Each of the apps above, by its name, and a client of it."""
    with (
        run_server(GRANIAN, f"console.test_cors:{request.param}") as (port, _),
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield request.param, client


def cors_headers(answer: httpx.Response) -> dict[str, str]:
    """The headers that CORS is about."""
    return {
        name: value
        for name, value in answer.headers.items()
        if name.startswith("access-control-") or name == "vary"
    }


def expected(app: str, origin: str | None) -> dict[str, str]:
    """What an answer to a request from that origin carries."""
    if app == "nobody":
        return {}
    if app == "everybody":
        return {"access-control-allow-origin": "*"}
    headers = {"vary": "Origin"}
    if origin == HOME:
        headers["access-control-allow-origin"] = HOME
        if app == "trusted":
            headers["access-control-allow-credentials"] = "true"
    return headers


ORIGINS = [HOME, OTHER, "null", HOME + ".evil.example", HOME.upper(), "", None]

CALLS: list[tuple[str, str, dict[str, Any], int]] = [
    ("POST", PATH, {"headers": {"accept": "text/event-stream"}}, 200),
    ("POST", PATH, {"content": b"{", "headers": {"content-type": "application/json"}}, 400),
    ("POST", PATH, {"content": b"{", "headers": {"accept": "text/event-stream"}}, 200),
    ("GET", PATH, {}, 405),
    ("POST", "/api/_actions/none", {}, 404),
    ("GET", "/api/_actions/client.js", {}, 200),
    ("GET", "/api/_actions/client.js", {"headers": {"if-none-match": "*"}}, 304),
]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(("method", "path", "options", "status"), CALLS)
def test_every_answer_says_who_may_read_it(
    served: tuple[str, httpx.Client],
    origin: str | None,
    method: str,
    path: str,
    options: dict[str, Any],
    status: int,
) -> None:
    app, client = served
    headers = options.get("headers", {}) | ({} if origin is None else {"origin": origin})
    answer = client.request(method, path, **{**options, "headers": headers})
    assert answer.status_code == status
    assert cors_headers(answer) == expected(app, origin)


def test_the_head_of_a_stream_is_otherwise_the_same(served: tuple[str, httpx.Client]) -> None:
    app, client = served
    answer = client.post(PATH, headers={"origin": HOME})
    assert answer.text == 'data: "pong"\n\nevent: done\ndata: {}\n\n'
    of_the_server = {"date", "server", "transfer-encoding"}
    headers = {name: value for name, value in answer.headers.items() if name not in of_the_server}
    assert headers == {
        "content-type": "text/event-stream",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
        **expected(app, HOME),
    }


@pytest.mark.parametrize("path", [PATH, "/api/_actions/none", "/api/_actions/client.js"])
def test_a_preflight_of_an_origin_that_may_call(served: tuple[str, httpx.Client], path: str) -> None:
    app, client = served
    answer = client.options(path, headers={"origin": HOME, **PREFLIGHT})
    if app == "nobody":
        assert answer.status_code in (404, 405)
        assert cors_headers(answer) == {}
        return
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert cors_headers(answer) == {
        **expected(app, HOME),
        "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE",
        "access-control-allow-headers": "authorization,content-type",
        "access-control-max-age": "60" if app == "trusted" else "600",
    }


def test_a_preflight_without_headers_of_its_own(served: tuple[str, httpx.Client]) -> None:
    app, client = served
    answer = client.options(PATH, headers={"origin": HOME, "access-control-request-method": "GET"})
    assert answer.status_code == (405 if app == "nobody" else 204)
    assert "access-control-allow-headers" not in answer.headers


@pytest.mark.parametrize("origin", [OTHER, "null", HOME + "."])
def test_a_preflight_of_an_origin_that_may_not(served: tuple[str, httpx.Client], origin: str) -> None:
    app, client = served
    answer = client.options(PATH, headers={"origin": origin, **PREFLIGHT})
    if app == "everybody":
        assert answer.status_code == 204
    elif app == "nobody":
        assert answer.status_code == 405
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
        assert cors_headers(answer) == {"vary": "Origin"}


def test_options_that_is_no_preflight_is_a_wrong_method(served: tuple[str, httpx.Client]) -> None:
    app, client = served
    answer = client.options(PATH, headers={"origin": HOME})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert cors_headers(answer) == expected(app, HOME)


@pytest.mark.parametrize(
    ("cors", "message"),
    [
        (HOME, r"must be a list: write \['https://app.example'\]"),
        ([], "names no origin"),
        ([HOME + "/"], "is no origin"),
        ([HOME + "/path"], "is no origin"),
        ([HOME + ":443"], "is no origin"),
        (["http://app.example:80"], "is no origin"),
        (["https://App.example"], "is no origin"),
        (["app.example"], "is no origin"),
        (["https://*.example"], "is no origin"),
        (["https://b\u00fccher.example"], "is no origin"),
        ([""], "is no origin"),
        (["https://a.example\r\nx: y"], "is no origin"),
        (["null"], "sandboxed"),
    ],
)
def test_an_origin_that_would_never_match_is_refused(cors: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        StreamActions([ping], cors=cors)


def test_credentials_need_named_origins() -> None:
    with pytest.raises(DefinitionError, match=re.escape('"*" cannot have credentials: name the origins')):
        Cors(["*"], credentials=True)


def test_a_negative_age_is_refused() -> None:
    with pytest.raises(DefinitionError, match="no number of seconds: write 600"):
        Cors([HOME], max_age_s=-1)


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:3000", "https://xn--bcher-kva.example", "http://[::1]:8080", "capacitor://localhost"],
)
def test_origins_as_browsers_write_them(origin: str) -> None:
    assert origin in Cors([origin]).origins
