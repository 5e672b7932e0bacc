"""What ``encode_event`` refuses beyond the vectors."""

import pytest

from streamactions import encode_event


@pytest.mark.parametrize("data", [None, 1, ["a"], memoryview(b"12345678").cast("i")])
def test_data_of_another_type_is_refused(data: object) -> None:
    with pytest.raises(TypeError, match=r"^data must be str, bytes, bytearray or a "):
        encode_event(data)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["event", "id"])
def test_fields_are_text(name: str) -> None:
    with pytest.raises(TypeError):
        encode_event("", **{name: b"x"})  # type: ignore[arg-type]


def test_a_lone_surrogate_is_refused_in_every_field() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        encode_event("\ud800")
    with pytest.raises(ValueError, match="surrogates not allowed"):
        encode_event("", event="\ud800")
    with pytest.raises(ValueError, match="surrogates not allowed"):
        encode_event("", id="\ud800")


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(ValueError, match="can't decode byte 0xff"):
        encode_event(b"\xff")


@pytest.mark.parametrize("retry_ms", [-1, 2**53, 2**70])
def test_a_retry_out_of_range_is_refused(retry_ms: int) -> None:
    with pytest.raises(ValueError, match=r"^retry_ms must be from 0 to 9007199254740991, not "):
        encode_event("", retry_ms=retry_ms)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_data_may_be_any_buffer(kind: type[bytes | bytearray | memoryview]) -> None:
    assert encode_event(kind(b"a\nb")) == b"data: a\ndata: b\n\n"
