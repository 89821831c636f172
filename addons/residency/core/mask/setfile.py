"""The format of ``masks.yaml``, and every reason why a field in it cannot be meant."""

import base64
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, model_validator

from residency.core.mask import method as methods
from residency.core.mask import path as paths
from residency.core.mask.detect import spec as detectors
from residency.core.mask.detect.base import Detector
from residency.core.mask.fields import DEPTH, Direction, MaskField, MaskSet, Place
from residency.core.mask.formats import protobuf
from residency.core.mask.formats.protobuf import Schema
from residency.core.mask.method import Method
from residency.core.mask.path import Path_

_NAME = re.compile(r"[a-z0-9-]+")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SEGMENT_NAME = re.compile(r"[a-z][a-z0-9_-]*")
#: Selectors by place at the end of a path: what follows a removed element would take its place.
_BY_PLACE = re.compile(r"\[[^'\"?\]]*[0-9:][^'\"?\]]*\]\Z")
#: What frames a message or says who sends it is not a field of it.
_NOT_HEADERS = re.compile(
    r"(?i)authorization|host|cookie|set-cookie|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|date"
    r"|content-.*|proxy-.*|digest|signature(?:-input)?|dpop|x-amz-.*|:.*"
)
_DIRECTIONS: dict[str, frozenset[Direction]] = {
    "request": frozenset({"request"}),
    "response": frozenset({"response"}),
    "both": frozenset({"request", "response"}),
}


def _one(text: str) -> str:
    if text != "1":
        raise ValueError("must be 1, the only version there is; write version: 1")
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("a name is of a-z, 0-9 and -; write it like personal-data")
    return text


def _path(value: object) -> Path_:
    if not isinstance(value, str):
        raise ValueError("must be one JSONPath, as text; write it like $..email")  # noqa: TRY004 - pydantic's
    return paths.compile(value)


def _holder(value: object) -> Path_:
    path = _path(value)
    if path.keys:
        raise ValueError("a key is no document; remove the ~")
    return path


def _method(value: object) -> Method:
    if not isinstance(value, str):
        raise ValueError("must be text; write it like partial:4, or leave it out")  # noqa: TRY004 - pydantic's
    return methods.parse(value)


def _detector(value: object) -> Detector:
    if isinstance(value, dict):
        return detectors.own(value)
    if not isinstance(value, str):
        raise ValueError(f"must be text, or a pattern with a name; {detectors.WORKS}")  # noqa: TRY004 - pydantic's
    return detectors.parse(value)


def _schema(value: object) -> Schema:
    raw = b""
    if isinstance(value, str):
        with suppress(ValueError):
            raw = base64.b64decode("".join(value.split()), validate=True)
    protobuf.methods(raw)
    return Schema(raw)


def _header(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise ValueError("is no name of a header; write it like x-customer")
    if _NOT_HEADERS.fullmatch(text):
        raise ValueError(
            "frames the call or says who sends it, and cannot be masked; name another header"
        )
    return text.lower()


def _cookie(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise ValueError("is no name of a cookie; write it like session")
    return text


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldText(_Model):
    """One row of ``fields``."""

    path: Annotated[Path_ | None, PlainValidator(_path)] = None
    query: Annotated[str | None, Field(min_length=1)] = None
    header: Annotated[str, AfterValidator(_header)] | None = None
    cookie: Annotated[str, AfterValidator(_cookie)] | None = None
    segment: str | None = None
    name: str | None = None
    method: Annotated[Method, PlainValidator(_method)] = Field(default=Method(), alias="with")
    detect: (
        Annotated[list[Annotated[Detector, PlainValidator(_detector)]], Field(min_length=1)] | None
    ) = None
    required: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = [k for k in ("path", "query", "header", "cookie", "segment") if getattr(self, k)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are two places; write a field for each")
        if not given and not self.detect:
            raise ValueError(
                "says neither where to look nor what to detect; write path: or detect:"
            )
        self._segment_fits()
        self._method_fits(in_head=bool(given) and not self.path)
        return self

    def _segment_fits(self) -> None:
        if self.name and not self.segment:
            raise ValueError("a name belongs to a segment; remove it")
        if not self.segment:
            return
        parts = self.segment.split("/")
        if (
            not self.name
            or not _SEGMENT_NAME.fullmatch(self.name)
            or parts.count(f"{{{self.name}}}") != 1
            or parts[0]
        ):
            raise ValueError(
                'a segment is a path with one {name}; write segment: "/customers/{id}/orders", name: id'
            )

    def _method_fits(self, *, in_head: bool) -> None:
        kind = self.method.kind
        if self.detect and not self.method.for_texts:
            raise ValueError(
                f"a part of a text cannot become {kind}; write constant, remove, token, hmac or partial:N"
            )
        if self.path and self.path.keys and kind in ("null", "remove"):
            raise ValueError(
                "a key has to stay a text; write constant, token, hmac or partial:N, or select the member"
            )
        if in_head and kind == "null":
            raise ValueError("there is no null in a call's head; write constant or remove")
        if in_head and self.segment and kind == "remove":
            raise ValueError(
                "without it the path would be another function's; write constant, token or hmac"
            )
        if self.path and not self.detect and kind == "remove" and _BY_PLACE.search(self.path.text):
            raise ValueError(
                "the element behind a removed one would take its place; write with: null"
            )

    def made(self) -> MaskField:
        place = None
        if self.query:
            place = Place("query", self.query)
        elif self.header:
            place = Place("header", self.header)
        elif self.cookie:
            place = Place("cookie", self.cookie)
        elif self.segment and self.name:
            place = Place("segment", self.name, self.segment)
        return MaskField(self.path, self.method, tuple(self.detect or ()), place, self.required)


class SetText(_Model):
    """One mask set."""

    name: Annotated[str, AfterValidator(_name)]
    why: Annotated[str, Field(min_length=1)]
    direction: Literal["request", "response", "both"] = "request"
    json_: list[Annotated[Path_, PlainValidator(_holder)]] = Field(
        default_factory=list, alias="json"
    )
    text_or_json: list[Annotated[Path_, PlainValidator(_holder)]] = Field(default_factory=list)
    schemas: list[Annotated[Path_, PlainValidator(_holder)]] = Field(default_factory=list)
    depth: Annotated[int, Field(ge=1, le=8)] = DEPTH
    names: Literal["exact", "any-case"] = "exact"
    fields: Annotated[list[FieldText], Field(min_length=1)]

    @property
    def any_case(self) -> bool:
        return self.names == "any-case"

    def made(self) -> MaskSet:
        fields = tuple(field.made() for field in self.fields)
        if self.any_case:
            fields = tuple(replace(f, path=f.path.in_any_case) if f.path else f for f in fields)
        return MaskSet(
            name=self.name,
            why=self.why,
            fields=fields,
            directions=_DIRECTIONS[self.direction],
            json=self._paths(self.json_),
            text_or_json=self._paths(self.text_or_json),
            schemas=self._paths(self.schemas),
            depth=self.depth,
            any_case=self.any_case,
        )

    def _paths(self, paths: Sequence[Path_]) -> tuple[Path_, ...]:
        return tuple(path.in_any_case if self.any_case else path for path in paths)

    def unfit(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Where, in the set, a path is that cannot have names in any case, and why."""
        if not self.any_case:
            return
        rows: list[tuple[tuple[str | int, ...], Path_]] = [
            (("fields", n, "path"), field.path)
            for n, field in enumerate(self.fields)
            if field.path
        ]
        for key, paths_ in (
            ("json", self.json_),
            ("text_or_json", self.text_or_json),
            ("schemas", self.schemas),
        ):
            rows += [((key, n), path) for n, path in enumerate(paths_)]
        for where, path in rows:
            try:
                path.in_any_case  # noqa: B018 - asked whether it can
            except ValueError as e:
                yield where, str(e)


class FileText(_Model):
    """All of ``masks.yaml``."""

    version: Annotated[str, AfterValidator(_one)]
    sets: Annotated[list[SetText], Field(min_length=1)]
    protobuf: Annotated[Schema | None, PlainValidator(_schema)] = None
