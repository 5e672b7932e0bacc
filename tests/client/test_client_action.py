"""A handle on a ``StreamAction`` of one's own, against the app that serves it."""

import httpx
from client_runner import run
from pydantic import BaseModel, Field

from streamactions import Stream, StreamActions, define_stream_action, use_stream_action
from streamactions.client import ActionTarget, StreamHandle


class Count(BaseModel):
    to: int = Field(le=3)


class Number(BaseModel):
    n: int


@define_stream_action(input=Count, output=Number)
async def count_up(input: Count, stream: Stream) -> None:
    for n in range(input.to):
        await stream.send({"n": n})


def test_path_types_and_dialect_come_from_the_action() -> None:
    target: ActionTarget = count_up

    async def main() -> None:
        for dialect in ("standard", "nuxt-actions"):
            app = StreamActions([count_up], prefix="/acts", dialect=dialect)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
                handle: StreamHandle[Number] = use_stream_action(
                    target, base_url="http://app", prefix="/acts", client=client
                )
                await handle.execute(Count(to=2))
                assert handle.error is None
                assert (handle.complete, handle.chunks) == (True, [Number(n=0), Number(n=1)])
                await handle.execute({"to": 4})
                assert handle.error is not None
                assert handle.error.field_errors == {"to": ["Input should be less than or equal to 3"]}

    run(main)


def test_what_the_client_refuses_is_what_the_server_says() -> None:
    async def main() -> None:
        app = StreamActions([count_up])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            checked = use_stream_action(count_up, base_url="http://app", client=client)
            unchecked = use_stream_action("http://app/api/_actions/count-up", client=client)
            inputs: list[object] = [{"to": 4}, {}, [], "x", {"to": "many"}]
            for input in inputs:
                await checked.execute(input)
                await unchecked.execute(input)
                assert checked.error is not None
                assert unchecked.error is not None
                assert checked.error.to_wire() == unchecked.error.to_wire()

    run(main)
