"""Header fields of a message with other values."""

from collections.abc import Mapping, Sequence


def changed(
    fields: Sequence[tuple[bytes, bytes]], new: Mapping[int, str | None]
) -> tuple[tuple[bytes, bytes], ...]:
    """Header *fields* with *new* values by their numbers; ``None``: that one goes."""
    values = (
        (name, new.get(n, value.decode("latin-1"))) for n, (name, value) in enumerate(fields)
    )
    return tuple((name, value.encode("latin-1")) for name, value in values if value is not None)
