"""A wrong path is told what was meant where only the spelling differs, and learns of nothing else."""

import asyncio

import pytest

from streamactions import Stream, StreamActions, define_stream_action, use_stream_action
from streamactions.errors import ActionError
from streamactions.testing import BASE_URL, InProcessTransport


@define_stream_action
async def chat_gen(stream: Stream) -> None: ...


@define_stream_action(name="admin/Wipe_all")
async def wipe(stream: Stream) -> None: ...


APP = StreamActions([chat_gen, wipe])


def message_of(path: str) -> str:
    handle = use_stream_action(BASE_URL + path, client=InProcessTransport(APP))
    with pytest.raises(ActionError) as refusal:
        asyncio.run(anext(handle.stream()))
    assert (refusal.value.code, refusal.value.status_code) == ("NOT_FOUND", 404)
    return refusal.value.message


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("chat_gen", "chat-gen"),
        ("Chat-Gen", "chat-gen"),
        ("CHAT_GEN", "chat-gen"),
        ("admin/wipe-all", "admin/Wipe_all"),
        ("chat%5Fgen", "chat-gen"),
    ],
)
def test_a_name_in_another_spelling(path: str, name: str) -> None:
    assert message_of(f"/api/_actions/{path}") == f"There is no action at this path: write {name}"


@pytest.mark.parametrize(
    "path",
    [
        *("/api/_actions/chat", "/api/_actions/chat-gen2", "/api/_actions/", "/api/_actions"),
        *(
            "/api/_actions/chatgen",
            "/api/_actions/chat-gen/",
            "/api/_actions/admin",
            "/api/_actions/wipe-all",
        ),
        *("/chat_gen", "/API/_actions/chat_gen", "/api/-actions/chat-gen", "/"),
    ],
)
def test_any_other_path_learns_of_no_name(path: str) -> None:
    assert message_of(path) == "There is no action at this path"
