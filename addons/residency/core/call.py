"""One call, as the core sees it: a head that is always known, and a body that may not be."""

from dataclasses import dataclass

type Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A request without its body.

    ``host`` is canonical (``host.canonical``), ``path`` and ``query`` are as sent, without the
    question mark. Header names are in lower case; values are decoded as latin-1, order as sent.
    """

    method: str
    scheme: str
    host: str
    port: int
    path: str = "/"
    query: str = ""
    headers: Headers = ()

    def header(self, name: str) -> str | None:
        """The value of the one header called *name* (lower case); ``None`` if absent or repeated."""
        values = [v for n, v in self.headers if n == name]
        return values[0] if len(values) == 1 else None
