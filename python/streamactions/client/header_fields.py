"""A response's header fields, for the HTTP libraries whose own do not join those of one name."""

from collections.abc import Iterable, Iterator, Mapping

__all__ = ["HeaderFields"]


class HeaderFields(Mapping[str, str]):
    """Header fields by name, whatever its case; those of one name joined as RFC 9110, section 5.3, has it."""

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self._fields: dict[str, str] = {}
        for name, value in fields:
            name = name.lower()
            before = self._fields.get(name)
            self._fields[name] = value if before is None else f"{before}, {value}"

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)
