"""What guards actions that are mounted in a FastAPI app, as the README says, and what does not."""

import asyncio
from typing import Any

import pytest
from fastapi import Depends, FastAPI, HTTPException

from streamactions import Stream, StreamActions, auth_middleware, define_stream_action, use_stream_action
from streamactions.errors import ActionError
from streamactions.testing import InProcessTransport


async def refuse() -> None:
    raise HTTPException(401)


class RefuseAll:
    def __init__(self, app: Any) -> None: ...

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body"})


async def ping(stream: Stream) -> None:
    await stream.send("pong")


def call(api: FastAPI, **options: Any) -> Any:
    api.mount("/ai", StreamActions([define_stream_action(ping, **options)], prefix=""))
    handle = use_stream_action("http://testserver/ai/ping", client=InProcessTransport(api))
    return asyncio.run(anext(handle.stream()))


def test_dependencies_of_the_app_do_not_guard_what_is_mounted() -> None:
    assert call(FastAPI(dependencies=[Depends(refuse)])) == "pong"


def test_middleware_of_the_actions_guards_them() -> None:
    with pytest.raises(ActionError, match="UNAUTHORIZED"):
        call(FastAPI(), middleware=[auth_middleware(lambda event: None)])


def test_middleware_of_the_app_guards_what_is_mounted() -> None:
    api = FastAPI()
    api.add_middleware(RefuseAll)
    with pytest.raises(ActionError) as refusal:
        call(api)
    assert refusal.value.status_code == 401
