"""``residency explain --batch``: one JSON line in, one JSON line out, in order."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import click
import msgspec

from residency.cli.call import SUBJECT, Call, ask, to_plain
from residency.core.identity.strict import json_object
from residency.core.plain import Plain
from residency.core.policy.cases import body_bytes
from residency.errors import RegionError

if TYPE_CHECKING:
    from residency.core.configuration import Configuration

type Text = Annotated[str, msgspec.Meta(min_length=1)]


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a line may say; ``body`` is a JSON value, or text that is sent as it is."""

    url: Text
    method: Text | None = None
    headers: dict[str, str] = {}
    body: object = None
    groups: list[Text] = []
    subject: Text = SUBJECT
    issuer: Text | None = None


def answer_all(configuration: "Configuration", lines: Iterable[bytes]) -> bool:
    """Answer each of *lines*; True if all were good."""
    good = True
    for line in lines:
        answer = _answer(configuration, line)
        good = good and "error" not in answer
        click.echo(msgspec.json.encode(answer))
    return good


def _answer(configuration: "Configuration", line: bytes) -> dict[str, Plain]:
    try:
        text = msgspec.convert(json_object(line.decode("utf-8")), _Line)
        call = Call(
            url=text.url,
            groups=text.groups,
            subject=text.subject,
            issuer=text.issuer,
            method=text.method,
            headers=tuple(text.headers.items()),
            body=body_bytes(text.body),
        )
        return dict(to_plain(ask(configuration, call), configuration.digest))
    except RegionError as e:
        return _error(e.code, e.detail)
    except msgspec.ValidationError as e:
        return _error("line", str(e))
    except UnicodeError:
        return _error("line", "the line is not UTF-8")
    except ValueError as e:
        return _error("line", str(e))


def _error(code: str, message: str) -> dict[str, Plain]:
    return {"error": {"code": code, "message": message}}
