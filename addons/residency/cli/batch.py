"""``residency explain --batch``: one JSON line in, one JSON line out, in order."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import click
import msgspec

from residency.cli.call import SUBJECT, Call, ask, to_plain
from residency.core.identity.strict import json_object
from residency.core.plain import Plain
from residency.core.policy.cases import body_bytes
from residency.errors import CODES, RegionError

if TYPE_CHECKING:
    from residency.core.configuration import Configuration

MEND = 'write {"url": "https://…", "groups": ["…"], "method": "POST", "headers": {"name": "value"}, "body": …}'

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
    websocket: bool = False


def answer_all(configuration: "Configuration", lines: Iterable[bytes]) -> bool:
    """Answer each of *lines*; True if all were good."""
    good = True
    for number, line in enumerate(lines, 1):
        answer = _answer(configuration, line, number)
        good = good and "error" not in answer
        click.echo(msgspec.json.encode(answer))
    return good


def _answer(configuration: "Configuration", line: bytes, number: int) -> dict[str, Plain]:
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
            websocket=text.websocket,
        )
        return dict(to_plain(ask(configuration, call), configuration.digest))
    except RegionError as e:
        return _error(number, e.code, e.detail, CODES[e.code].mend)
    except msgspec.ValidationError as e:
        return _error(number, "line", str(e))
    except UnicodeError:
        return _error(number, "line", "the line is not UTF-8")
    except ValueError as e:
        return _error(number, "line", str(e))


def _error(number: int, code: str, message: str, mend: str = MEND) -> dict[str, Plain]:
    return {"error": {"line": number, "code": code, "message": message, "mend": mend}}
