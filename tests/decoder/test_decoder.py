"""The decoder's face: its arguments, its bound, and what it holds."""

import gc

import pytest

from streamactions import Event, EventTooLargeError, SSEDecoder, StreamActionsError


def test_a_huge_unfinished_line_in_drips_raises_at_the_bound() -> None:
    max_event_bytes = 100_000
    decoder = SSEDecoder(max_event_bytes=max_event_bytes)
    assert decoder.feed(b"data: ") == []
    for count in range(1, max_event_bytes + 1):
        assert decoder.feed(b"x") == []
        assert decoder.buffered_bytes == count
    with pytest.raises(EventTooLargeError):
        decoder.feed(b"x")
    assert decoder.buffered_bytes == 0


def test_the_default_bound_is_one_mebibyte() -> None:
    data = b"x" * 1_048_576
    (event,) = SSEDecoder().feed(b"data: " + data + b"\n\n")
    assert len(event.data) == 1_048_576
    with pytest.raises(EventTooLargeError):
        SSEDecoder().feed(b"data: " + data + b"x")


def test_too_large_is_sticky_and_hands_over_what_came_before() -> None:
    decoder = SSEDecoder(max_event_bytes=4)
    with pytest.raises(EventTooLargeError) as caught:
        decoder.feed(b"id: 1\ndata: abc\n\ndata: abcde\n\ndata: d\n\n")
    assert isinstance(caught.value, StreamActionsError)
    assert [event.data for event in caught.value.events] == ["abc"]
    assert decoder.last_event_id == "1"
    message = (
        "an event is larger than max_event_bytes (4 bytes): "
        "raise max_event_bytes, or have the server send smaller events"
    )
    for _ in range(3):
        with pytest.raises(EventTooLargeError) as again:
            decoder.feed(b"data: e\n\n")
        assert str(again.value) == message
        assert again.value.events == []


@pytest.mark.parametrize("max_event_bytes", [0, -1, 2**32, 2**70])
def test_a_bound_out_of_range_is_refused(max_event_bytes: int) -> None:
    with pytest.raises(ValueError, match=r"^max_event_bytes must be from 1 to 4294967295, not "):
        SSEDecoder(max_event_bytes=max_event_bytes)


@pytest.mark.parametrize("max_event_bytes", ["1", 1.5, None])
def test_a_bound_that_is_no_int_is_refused(max_event_bytes: object) -> None:
    with pytest.raises(TypeError, match=r"^max_event_bytes must be an int, not "):
        SSEDecoder(max_event_bytes=max_event_bytes)  # type: ignore[arg-type]


@pytest.mark.parametrize("data", ["text", None, 1, [1, 2], memoryview(b"12345678").cast("i")])
def test_what_is_not_bytes_is_refused(data: object) -> None:
    decoder = SSEDecoder()
    with pytest.raises(TypeError, match=r"^data must be bytes, bytearray or a memoryview of bytes, not "):
        decoder.feed(data)  # type: ignore[arg-type]
    (event,) = decoder.feed(b"data: a\n\n")
    assert event.data == "a"


def test_a_memoryview_need_not_be_contiguous() -> None:
    (event,) = SSEDecoder().feed(memoryview(b"dxaxtxax:xax\nx\nx")[::2])
    assert event.data == "a"


def test_the_state_of_a_stream_can_be_read() -> None:
    decoder = SSEDecoder()
    assert (decoder.last_event_id, decoder.retry_ms, decoder.buffered_bytes) == ("", None, 0)
    decoder.feed(b"id: 7\nretry: 5\ndata: abc")
    assert (decoder.last_event_id, decoder.retry_ms, decoder.buffered_bytes) == ("", 5, 4)
    decoder.feed(b"\n\n")
    assert (decoder.last_event_id, decoder.retry_ms, decoder.buffered_bytes) == ("7", 5, 0)
    assert repr(SSEDecoder(max_event_bytes=9)) == "SSEDecoder(max_event_bytes=9)"


def test_a_feed_within_a_feed_is_an_exception() -> None:
    """A finalizer can run while events are made; it must neither hang nor corrupt the stream."""
    decoder = SSEDecoder()
    outcomes: list[object] = []

    class Loop:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            try:
                outcomes.append(decoder.feed(b"data: inner\n\n"))
            except RuntimeError as error:
                outcomes.append(str(error))

    thresholds = gc.get_threshold()
    gc.collect()
    try:
        gc.set_threshold(1)
        Loop()
        events = decoder.feed(b"data: a\n\n" * 5000)
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    # CPython before 3.12 collects while events are made, later versions between two bytecodes.
    assert outcomes in (["Already borrowed"], [[Event(data="inner")]])
    assert [event.data for event in events] == ["a"] * 5000
    assert decoder.feed(b"data: b\n\n")[0].data == "b"
