"""The media type of a response, as browsers find it (Fetch standard, "extract a MIME type")."""

import re
from typing import Final

__all__ = ["extract_essence"]

_PART: Final = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*(?:"|\\?$))*', re.DOTALL)
"""What is between two commas that are not within quotes ("get, decode, and split")."""

_ESSENCE: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t\r\n]*(?:;|$)")
"""A type and a subtype, which are tokens, before the parameters (MIME Sniffing standard, section 4.4)."""


def extract_essence(content_type: str) -> str | None:
    """The type and subtype, in lower case, of fields that may have come twice and are joined by commas.

    The last one that is one counts, and ``*/*`` does not. ``None`` where there is none.
    """
    essence = None
    position = 0
    while position <= len(content_type):
        part = _PART.match(content_type, position)
        assert part is not None
        position = part.end() + 1
        found = _ESSENCE.match(part[0].strip(" \t\r\n"))
        if found is not None and found[1] != "*/*":
            essence = found[1].lower()
    return essence
