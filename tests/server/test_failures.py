"""Handlers that fail: what their clients are told, and what the log keeps."""

import pytest

from server.served import DONE, Served, chunk_frame, error_frame

STREAM_ERROR = error_frame("STREAM_ERROR", "Stream handler error", 500)
SENT = chunk_frame({"text": "sent"})


@pytest.mark.parametrize(
    ("action", "sent"),
    [("raises-first", b""), ("raises-later", SENT), ("generator-raises", SENT)],
)
@pytest.mark.parametrize("accept", ["text/event-stream", "*/*"])
def test_a_handler_that_raises(granian: Served, run: str, action: str, sent: bytes, accept: str) -> None:
    answer = granian.call(action, {"run": run}, accept=accept)
    assert (answer.status, answer.body) == (200, sent + STREAM_ERROR)
    granian.expect_logged_once(f"LookupError: secret {run}")
    assert granian.log.lines_with(f"action {action} failed")


def test_a_failure_is_logged_with_its_traceback(granian: Served, run: str) -> None:
    granian.call("raises-first", {"run": run})
    granian.expect_logged_once(f"LookupError: secret {run}")
    text = granian.log.text()
    report = text[: text.index(f"LookupError: secret {run}")]
    assert "Traceback (most recent call last):" in report
    assert "in raises_first" in report.rpartition("Traceback")[2]


def test_a_handler_that_raises_after_close(granian: Served, run: str) -> None:
    assert granian.call("raises-after-close", {"run": run}).body == SENT + DONE
    granian.expect_logged_once(f"LookupError: secret {run}")


def test_a_chunk_that_the_output_type_refuses(granian: Served, run: str) -> None:
    assert granian.call("sends-wrong-shape", {"run": run}).body == SENT + STREAM_ERROR
    granian.log.wait_for("validation error for Token")


def test_a_chunk_that_json_cannot_hold(granian: Served) -> None:
    assert granian.call("sends-unsendable").body == SENT + STREAM_ERROR
    assert "InvalidChunkError" in granian.log.wait_for("that JSON cannot hold")[0]


def test_a_chunk_that_would_be_taken_for_the_end(granian: Served) -> None:
    frames = granian.call("sends-reserved").body
    error = {
        "__actions_error": {"code": "STREAM_ERROR", "message": "Stream handler error", "statusCode": 500}
    }
    assert frames == SENT + chunk_frame(error)


BUSY = error_frame("BUSY", "Try later", 503)


@pytest.mark.parametrize("action", ["translated", "translated-async", "translated-setup"])
@pytest.mark.parametrize(
    ("form", "told"),
    [
        (
            "error",
            b'event: error\ndata: {"code":"BUSY","message":"Try later","statusCode":503,'
            b'"fieldErrors":{"a":["b"]}}\n\n',
        ),
        ("mapping", BUSY),
        ("tuple", BUSY),
        ("mapping without status", error_frame("BUSY", "Try later", 500)),
    ],
)
def test_an_exception_is_translated(granian: Served, action: str, form: str, told: bytes) -> None:
    assert granian.call(action, {"form": form}).body == told


@pytest.mark.parametrize("form", ["nothing", "a form that makes the translation itself fail"])
def test_a_translation_that_fails_tells_the_default(granian: Served, form: str) -> None:
    assert granian.call("translated", {"form": form}).body == STREAM_ERROR
    assert granian.call("translated-setup", {"form": form}, accept="*/*").json() == {
        "code": "INTERNAL_ERROR",
        "message": "An unexpected error occurred",
        "statusCode": 500,
    }


def test_a_translation_before_the_stream_has_a_real_status(granian: Served) -> None:
    assert granian.call("translated-setup", {"form": "tuple"}, accept="*/*").status == 503


def test_an_exception_that_is_translated_is_logged_all_the_same(granian: Served) -> None:
    before = len(granian.log.lines_with("ValueError: tuple"))
    granian.call("translated", {"form": "tuple"})
    granian.log.wait_for("ValueError: tuple", before + 1)


def test_an_action_error_is_not_translated(granian: Served) -> None:
    assert granian.call("untranslated").body == error_frame("OWN", "My own", 418)


def test_nothing_internal_is_told(granian: Served, run: str) -> None:
    value = {"run": run, "form": "unknown"}
    actions = [
        "raises-first",
        "raises-later",
        "generator-raises",
        "sends-wrong-shape",
        "sends-unsendable",
        "translated",
    ]
    told = b"".join(granian.call(action, value).body for action in actions)
    words = [run, "secret", "Traceback", "LookupError", "KeyError", "validation error", "object at", ".py"]
    assert [word for word in words if word.encode() in told] == []
