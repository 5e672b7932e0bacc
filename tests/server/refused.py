"""The two forms in which a refusal is told."""

from typing import Any

from server.raw_client import EVENT_STREAM
from server.served import Answer

__all__ = ["refused", "refused_in_stream"]


def refused(answer: Answer) -> tuple[int, dict[str, Any]]:
    """The status of a refusal that was told as JSON, and its error object."""
    headers = dict(answer.headers)
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(answer.body))
    error: dict[str, Any] = answer.json()
    assert error["statusCode"] == answer.status
    return answer.status, error


def refused_in_stream(answer: Answer) -> dict[str, Any]:
    """The error object of a refusal that was told in a stream, which holds nothing else."""
    assert answer.status == 200
    assert dict(answer.headers)["content-type"] == EVENT_STREAM
    [event] = answer.events()
    assert event.event == "error"
    error: dict[str, Any] = event.json()
    assert answer.body == b"event: error\n" + b"data: %b\n\n" % event.data.encode()
    return error
