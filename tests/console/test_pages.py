"""What the app serves beside its actions, as a browser gets it from Granian, and in process."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import ConfigDict, TypeAdapter
from starlette.applications import Starlette
from starlette.routing import Mount

from server.http2_client import Http2Client
from server.processes import GRANIAN, run_server
from streamactions import DefinitionError, Stream, StreamActions, define_stream_action
from streamactions.app.hosts import is_own_host
from streamactions.browser import read_modules
from streamactions.console import describe_actions, read_files

PAGE_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "referrer-policy": "no-referrer",
}


@define_stream_action
async def ping(stream: Stream) -> None:
    """Answer."""
    await stream.send("pong")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of the console's server."""
    with (
        run_server(GRANIAN, "console.backend:app") as (port, _),
        httpx.Client(base_url=f"http://127.0.0.1:{port}/api/_actions") as client,
    ):
        yield client


def get(app: Any, path: str, method: str = "GET", headers: Any = None) -> httpx.Response:
    """One request to an app in this process."""

    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(request())


def test_the_console_and_its_policy(client: httpx.Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert dict(answer.headers).items() >= PAGE_HEADERS.items()
    # What the policy would refuse is not there in the first place.
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?://", answer.text)


def test_everything_that_the_console_names_is_served(client: httpx.Client) -> None:
    named = set(re.findall(r'(?:href|src)="(console/[^"]+)"', client.get("/").text))
    assert len(named) == 6
    waiting = list(named)
    while waiting:
        path = waiting.pop()
        answer = client.get(f"/{path}")
        assert answer.status_code == 200, path
        folder = path.rpartition("/")[0]
        for imported in re.findall(r'^(?:import|export|\}).*? from "(\.[^"]+)";$', answer.text, re.M):
            url = str(httpx.URL(f"http://test/{folder}/").join(imported).path).lstrip("/")
            if url not in named:
                named.add(url)
                waiting.append(url)
    served = {f"console/{name}" for name in read_files()} - {"console/index.html"}
    assert served <= named
    assert "request.js" in named


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("client.js", "text/javascript; charset=utf-8"),
        ("vue.js", "text/javascript; charset=utf-8"),
        ("react.js", "text/javascript; charset=utf-8"),
        ("console/console.js", "text/javascript; charset=utf-8"),
        ("console/theme.css", "text/css; charset=utf-8"),
        ("console/icon.svg", "image/svg+xml"),
        ("console/actions.json", "application/json"),
    ],
)
def test_the_head_of_a_file(client: httpx.Client, path: str, content_type: str) -> None:
    answer = client.get(f"/{path}")
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "server")}
    assert re.fullmatch(r'"[0-9a-f]{32}"', headers.pop("etag"))
    assert headers == {
        "content-type": content_type,
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
        "content-length": str(len(answer.content)),
    }


def test_a_file_is_not_sent_twice(client: httpx.Client) -> None:
    etag = client.get("/client.js").headers["etag"]
    for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = client.get("/client.js", headers={"if-none-match": tags})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert client.get("/client.js", headers={"if-none-match": '"other"'}).status_code == 200


def test_head_has_the_length_and_no_body(client: httpx.Client) -> None:
    answer = client.head("/client.js")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) == len(read_modules()["client.js"])


def test_a_page_is_not_called(client: httpx.Client) -> None:
    answer = client.post("/client.js", json={})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert answer.json()["code"] == "METHOD_NOT_ALLOWED"


def test_every_action_is_described_and_no_metadata(client: httpx.Client) -> None:
    answer = client.get("/console/actions.json")
    actions = {action["name"]: action for action in answer.json()["actions"]}
    assert set(actions["story"]) == {"name", "method", "doc", "input", "output"}
    assert actions["story"]["doc"] == "Tells a story word by word.\n\nThe prompt is not read."
    assert actions["story"]["input"]["properties"]["prompt"]["maxLength"] == 2000
    assert actions["search"]["method"] == "GET"
    assert (actions["echo"]["input"], actions["echo"]["output"]) == (None, None)
    assert "metadata stays here" not in answer.text


def test_the_console_is_off_and_the_client_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAMACTIONS_CONSOLE", raising=False)
    app = StreamActions([ping])
    assert not app.console
    statuses = {
        path: (get(app, f"/api/_actions/{path}")).status_code
        for path in ("", "console/console.js", "console/actions.json", "index.html", "client.js")
    }
    assert statuses == {
        "": 404,
        "console/console.js": 404,
        "console/actions.json": 404,
        "index.html": 404,
        "client.js": 200,
    }


@pytest.mark.parametrize(
    ("variable", "option", "is_on"),
    [("1", None, True), ("0", None, False), ("", None, False), ("1", False, False), ("0", True, True)],
)
def test_what_switches_the_console_on(
    monkeypatch: pytest.MonkeyPatch, variable: str, option: bool | None, is_on: bool
) -> None:
    monkeypatch.setenv("STREAMACTIONS_CONSOLE", variable)
    assert StreamActions([ping], console=option).console is is_on


def test_a_mounted_app_serves_its_pages() -> None:
    app = Starlette(routes=[Mount("/ai", StreamActions([ping], prefix="", console=True))])
    assert (get(app, "/ai/")).headers["content-type"] == "text/html; charset=utf-8"
    assert (get(app, "/ai/client.js")).content == read_modules()["client.js"]
    assert (get(app, "/ai/console/actions.json")).json()["actions"][0]["name"] == "ping"
    refused = get(app, "/ai/ping")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("name", ["client.js", "sse.js", "console/actions.json", "console/anything"])
@pytest.mark.parametrize("console", [True, False])
def test_an_action_cannot_take_the_path_of_a_page(name: str, console: bool) -> None:
    action = define_stream_action(ping.handler, name=name)
    with pytest.raises(DefinitionError, match=f"'{name}' is taken by a page.*write name="):
        StreamActions([action], console=console)


def test_an_action_may_be_called_console() -> None:
    app = StreamActions([define_stream_action(ping.handler, name="console")], console=True)
    assert (get(app, "/api/_actions/console", "POST")).text.startswith('data: "pong"')
    assert (get(app, "/api/_actions/console/console.js")).status_code == 200


class NoSchema:
    """A class of the user's own."""


def test_a_type_without_a_schema_takes_any_json() -> None:
    @define_stream_action(input=TypeAdapter(NoSchema, config=ConfigDict(arbitrary_types_allowed=True)))
    async def odd(input: NoSchema, stream: Stream) -> None:
        """Take what has no schema."""

    described = json.loads(describe_actions({"odd": odd}))
    assert described["actions"][0]["input"] is None


CONSOLE_PATHS = ["", "console/console.js", "console/actions.json", "console/theme.css"]
OWN_HOSTS = [
    "localhost",
    "LocalHost:8000",
    "localhost.",
    "app.localhost:8000",
    "127.0.0.1",
    "127.1.2.3:8000",
    "[::1]",
    "[::1]:8000",
    "192.168.1.7:8000",
    "[fe80::1]:8000",
    "dev.example",
    "DEV.example:8000",
    "dev.example.",
]
OTHER_HOSTS = [
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "evillocalhost",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io",
    "sub.dev.example",
    "dev.example.evil.example",
    "dev.example@evil.example",
    "evil.example:localhost",
    "::1",
    "[evil.example]",
    "[::1].evil.example",
    "localhost evil",
    "0x7f.1",
    "",
    ".",
    "\u00e9",
]


@pytest.mark.parametrize("path", CONSOLE_PATHS)
@pytest.mark.parametrize("host", OWN_HOSTS)
def test_the_console_is_opened_under_an_own_name(host: str, path: str) -> None:
    app = StreamActions([ping], console=True, console_hosts=["Dev.example"])
    assert get(app, f"/api/_actions/{path}", headers=[("host", host)]).status_code == 200


@pytest.mark.parametrize("path", CONSOLE_PATHS)
@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_the_console_is_not_opened_under_the_name_of_a_stranger(host: str, path: str) -> None:
    app = StreamActions([ping], console=True, console_hosts=["Dev.example"])
    for method in ("GET", "HEAD", "POST"):
        answer = get(app, f"/api/_actions/{path}", method, headers=[("host", host.encode("latin-1"))])
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "text/plain"
        assert method == "HEAD" or 'write StreamActions(..., console_hosts=["dev.example"])' in answer.text


@pytest.mark.parametrize("hosts", [[], ["localhost", "evil.example"], ["localhost", "localhost"]])
def test_a_browser_names_one_host(hosts: list[str]) -> None:
    scope = {"headers": [(b"host", host.encode()) for host in hosts]}
    assert not is_own_host(scope, frozenset())


def test_the_clients_modules_and_the_actions_have_any_name() -> None:
    app = StreamActions([ping], console=True)
    assert get(app, "/api/_actions/client.js", headers=[("host", "app.example")]).status_code == 200
    assert get(app, "/api/_actions/ping", "POST", headers=[("host", "app.example")]).status_code == 200


@pytest.mark.parametrize("hosts", ["dev.example", ["https://dev.example"], ["dev.example:8000"], ["*"], [""]])
def test_a_name_that_is_none_is_refused(hosts: Any) -> None:
    with pytest.raises(DefinitionError, match="write"):
        StreamActions([ping], console_hosts=hosts)


@pytest.mark.parametrize(("host", "status"), [("evil.example", 403), ("localhost", 200)])
def test_granian_tells_the_name(client: httpx.Client, host: str, status: int) -> None:
    assert client.get("/", headers={"host": host}).status_code == status
    with Http2Client(client.base_url.port or 0) as http2:
        number = http2.request("/api/_actions/", {}, authority=host, method="GET")
        http2.read_body(number)
        assert dict(http2.headers[number])[":status"] == str(status)
