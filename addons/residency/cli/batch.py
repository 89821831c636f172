"""``residency explain --batch``: one JSON line in, one JSON line out, in order."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import click
import pydantic

from residency.cli.call import SUBJECT, Call, ask, to_plain
from residency.core.identity.strict import json_object
from residency.core.plain import Plain
from residency.core.policy.cases import body_bytes
from residency.errors import RegionError

if TYPE_CHECKING:
    from residency.core.configuration import Configuration

type Text = Annotated[str, pydantic.Field(min_length=1)]


class _Line(pydantic.BaseModel):
    """What a line may say; ``body`` is a JSON value, or text that is sent as it is."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)

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
        click.echo(json.dumps(answer))
    return good


def _answer(configuration: "Configuration", line: bytes) -> dict[str, Plain]:
    try:
        text = _Line.model_validate(json_object(line.decode("utf-8")))
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
    except pydantic.ValidationError as e:
        return _error(
            "line", "; ".join(_fault(error["loc"], error["msg"]) for error in e.errors())
        )
    except UnicodeError:
        return _error("line", "the line is not UTF-8")
    except ValueError as e:
        return _error("line", str(e))


def _fault(loc: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, loc))}: {message[:1].lower()}{message[1:]}"


def _error(code: str, message: str) -> dict[str, Plain]:
    return {"error": {"code": code, "message": message}}
