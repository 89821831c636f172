"""What botocore publishes of AWS: partitions with their regions, and the hosts of every service.

Sources: botocore 1.44.5, ``data/partitions.json``, ``data/endpoints.json`` and each service's
``endpoint-rule-set-1.json``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pydantic

_SUFFIX = re.compile(r"\{(?:[A-Za-z]+#)?(?:dnsSuffix|dualStackDnsSuffix)\}")
_REGION = re.compile(r"\{(?:Region|region|[A-Za-z]+#(?:region|implicitGlobalRegion))\}")
_OTHER = re.compile(r"\{(?!suffix\}|region\})[^{}]*\}")
#: What a position stands for where it is no customer's: one of the words that the rule set takes.
_STANDS = {
    "{OperationType}": "data",
    "{HttpsCustomEndpointSuffixValue}": "-x",
    "{PlainCustomEndpointSuffixValue}": "-x",
}
_HOST = re.compile(r"(?:[a-z0-9_-]|\{suffix\}|\{region\}|\.)+", re.IGNORECASE)
#: Pseudo-regions stand for a partition's hosts without a region.
_PSEUDO = "-global"


class PublishedError(ValueError):
    """These are not botocore's files, or their form has changed."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: its hosts' suffixes, and region code → the provider's own words for it."""

    suffixes: frozenset[str]
    regions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Published:
    """``hosts`` have ``{region}`` and ``{suffix}`` in them, and ``x`` for a customer's part."""

    partitions: Mapping[str, Partition]
    hosts: frozenset[str]


class _Region(pydantic.BaseModel):
    description: str = ""


class _Outputs(pydantic.BaseModel):
    dns_suffix: str = pydantic.Field(alias="dnsSuffix")
    dual_stack_dns_suffix: str = pydantic.Field(alias="dualStackDnsSuffix")


class _Partition(pydantic.BaseModel):
    id: str
    outputs: _Outputs
    regions: dict[str, _Region]


class _Partitions(pydantic.BaseModel):
    partitions: list[_Partition]


class _Endpoint(pydantic.BaseModel):
    hostname: str | None = None
    variants: list["_Endpoint"] = pydantic.Field(default_factory=list)


class _Service(pydantic.BaseModel):
    endpoints: dict[str, _Endpoint] = pydantic.Field(default_factory=dict)
    defaults: _Endpoint = _Endpoint()


class _Section(pydantic.BaseModel):
    services: dict[str, _Service]


class _Endpoints(pydantic.BaseModel):
    partitions: list[_Section]


def parse(partitions: object, endpoints: object, rule_sets: Iterable[object]) -> Published:
    """What is published, from the parsed JSON of the files.

    Raises:
        PublishedError: A file is not of the form that is expected.
    """
    try:
        listed = _Partitions.model_validate(partitions).partitions
        sections = _Endpoints.model_validate(endpoints).partitions
    except pydantic.ValidationError as e:
        where = ".".join(map(str, e.errors()[0]["loc"]))
        raise PublishedError(
            f"not of the form of botocore's partitions and endpoints: {where}"
        ) from e
    found = {
        p.id: Partition(
            frozenset([p.outputs.dns_suffix, p.outputs.dual_stack_dns_suffix]),
            {c: r.description for c, r in p.regions.items() if not c.endswith(_PSEUDO)},
        )
        for p in listed
    }
    regions = {code for partition in found.values() for code in partition.regions}
    urls = [url for rules in rule_sets for url in _urls(rules)]
    for section in sections:
        for name, service in section.services.items():
            urls += [h.replace("{service}", name) for h in _hostnames(service)]
            if regions & service.endpoints.keys():
                urls.append(f"{name}.{{region}}.{{dnsSuffix}}")
    return Published(found, frozenset(host for url in urls if (host := _template(url))))


def _urls(rules: object) -> Iterator[str]:
    """Every endpoint's URL in a rule set, at any depth."""
    stack = [rules]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            stack.extend(node.values())
            endpoint = node.get("endpoint")
            if isinstance(endpoint, dict) and isinstance(url := endpoint.get("url"), str):
                yield url


def _hostnames(service: _Service) -> Iterator[str]:
    for endpoint in (service.defaults, *service.endpoints.values()):
        for one in (endpoint, *endpoint.variants):
            if one.hostname:
                yield one.hostname


def _template(url: str) -> str:
    """The host of *url*; empty where it is whatever the customer says."""
    host = url.removeprefix("https://").split("/")[0]
    host = _REGION.sub("{region}", _SUFFIX.sub("{suffix}", host))
    if "{url#" in host or _OTHER.fullmatch(host):
        return ""
    host = _OTHER.sub(lambda found: _STANDS.get(found[0], "x"), host)
    return host if _HOST.fullmatch(host) else ""
