r"""Half a letter: one half of a surrogate pair, as ``"\ud83d"``, the first half of an emoji.

JavaScript and JSON's escapes can hold one, for instance where a text was cut between two UTF-16 units;
UTF-8 cannot (RFC 3629, section 3). One that comes in or is to go out becomes U+FFFD, as the Encoding
Standard has it for what cannot be decoded, because one bad letter must not end a stream. Here are the values
that are sent; ``repair_json`` of the extension does it to the JSON that comes.
"""

from typing import Any

from pydantic_core import to_jsonable_python

__all__ = ["replace_in_text", "replace_in_value"]


def replace_in_text(text: str) -> str:
    """The text as UTF-8 can carry it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def replace_in_value(value: Any) -> Any:
    """A value that JSON can hold, with texts and names that UTF-8 can carry.

    Raises:
        Exception: what pydantic raises for what JSON cannot hold.
    """
    if isinstance(value, str):
        return replace_in_text(value)
    if isinstance(value, dict):
        return {replace_in_value(name): replace_in_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [replace_in_value(item) for item in value]
    if value is None or isinstance(value, int | float):
        return value
    return replace_in_value(to_jsonable_python(value, by_alias=True, inf_nan_mode="null"))
