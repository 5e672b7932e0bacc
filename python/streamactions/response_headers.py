"""Header fields of an answer: what an error carries, and what middleware and handlers set."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn, SupportsIndex, TypeAlias

from starlette.responses import Response

__all__ = ["ActionResponse", "RawHeaders", "check_headers", "merge_headers", "raw_headers"]

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token (RFC 9110, 5.6.2)."""

_FORBIDDEN: Final = re.compile(r"[\r\n\0]")
"""What would end a field and begin another (RFC 9110, 5.5)."""

_OWN: Final = frozenset(
    (
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
"""What says how the body is to be read, which is known to the app and its server alone."""


def _check(name: object, value: object) -> tuple[str, str]:
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError(
            f"header {name!r} must be a str with a str value, not {type(value).__name__}: write str(...)"
        )
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a header: use letters, digits and '-'")
    if _FORBIDDEN.search(value):
        raise ValueError(f"header {name!r} holds a line break or NUL: remove it")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(
            f"header {name!r} holds what ISO 8859-1 does not have: write it percent-encoded"
        ) from None
    if name.lower() in _OWN:
        raise ValueError(f"header {name!r} is set by the app and its server: leave it out")
    return name, value


def check_headers(headers: object) -> dict[str, str]:
    """Header fields that may be sent, as a dict of their own.

    Raises:
        TypeError: they are no mapping, or one is no string with a string value.
        ValueError: a name is no token, a value holds CR, LF, NUL or what ISO 8859-1 does not have, or the
            field says how the body is to be read.
    """
    if not isinstance(headers, Mapping):
        raise TypeError(
            f'headers must be a dict, not a {type(headers).__name__}: write {{"retry-after": "5"}}'
        )
    return dict(_check(name, value) for name, value in headers.items())


def raw_headers(headers: Mapping[str, str] | None) -> RawHeaders:
    """Checked header fields as ASGI has them."""
    if headers is None:
        return []
    return [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]


def merge_headers(headers: RawHeaders, over: RawHeaders) -> RawHeaders:
    """Both; those of ``over`` take the place of others of their name, but for cookies."""
    if not over:
        return headers
    replaced = {name for name, _ in over if name != b"set-cookie"}
    return [field for field in headers if field[0] not in replaced] + over


class _Fields(list[tuple[bytes, bytes]]):
    """Starlette's list of header fields, which is checked, and closed once they are sent."""

    is_sent = False

    def _check_open(self) -> None:
        if self.is_sent:
            raise RuntimeError(
                "the head of the response was sent already: set headers and cookies before the first chunk"
            )

    def append(self, field: tuple[bytes, bytes], /) -> None:
        self._check_open()
        name, value = field
        _check(name.decode("latin-1"), value.decode("latin-1"))
        super().append(field)

    def __setitem__(self, index: Any, field: Any, /) -> None:
        self._check_open()
        name, value = field
        _check(name.decode("latin-1"), value.decode("latin-1"))
        super().__setitem__(index, field)

    def __delitem__(self, index: SupportsIndex | slice, /) -> None:
        self._check_open()
        super().__delitem__(index)

    def extend(self, fields: Iterable[tuple[bytes, bytes]], /) -> None:
        for field in fields:
            self.append(field)


class ActionResponse(Response):
    """The answer to a call, as middleware and handlers see it: a Starlette ``Response``.

    What is set on it goes out with the head of the answer, a refusal's too. The head of a stream whose
    handler takes ``response`` is sent with its first frame, of any other before its handler starts; setting
    something after that raises ``RuntimeError``. A status other than 200 is an error's: raise
    ``create_action_error`` in middleware.
    """

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Begin without any: there is no body whose length could be told."""
        self.raw_headers = _Fields()
        for name, value in raw_headers(headers):
            self.raw_headers.append((name, value))

    def __setattr__(self, name: str, value: object) -> None:
        if name == "status_code" and value != 200:
            self._refuse_status(value)
        super().__setattr__(name, value)

    @staticmethod
    def _refuse_status(status_code: object) -> NoReturn:
        raise ValueError(
            f"a stream's status is 200, not {status_code}: "
            "raise create_action_error(code, message, status_code) in middleware"
        )

    def seal(self) -> RawHeaders:
        """The fields to send; from now on none can be set."""
        assert isinstance(self.raw_headers, _Fields)
        self.raw_headers.is_sent = True
        return list(self.raw_headers)
