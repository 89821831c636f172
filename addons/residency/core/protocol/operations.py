"""What a call names in its body or query, whatever its host: functions beside the host's own.

* ``mcp:tools/call:NAME``, ``mcp:METHOD:?``: the Model Context Protocol
* ``jsonrpc:METHOD:?``: any other JSON-RPC 2.0
* ``graphql:query:NAME``, ``graphql:mutation:NAME``, ``graphql:subscription:NAME``

Readers differ: some take keys of any case (Go's encoding/json), some take what misses its
``jsonrpc``, some let the query beat the body (express-graphql). So what one of them would take for
a call is one here, and where they would not all read the same name it is ``?``.

Sources:
    JSON-RPC 2.0, 4 and 6 (batch); MCP 2025-03-26 (batches) to 2025-11-25, "Tools"; GraphQL over
    HTTP, working draft; Apollo, automatic persisted queries.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from residency.core.protocol import graphql
from residency.core.region.cases import ABSENT, PENDING, Gap
from residency.core.region.pattern import plain

#: A body that cannot be read exactly may name anything.
UNTOLD = "?:?:?"
#: What operations' names begin with.
PROTOCOLS = ("graphql:", "jsonrpc:", "mcp:")
#: Globs of rules for everything that is told here.
GLOBS = (
    "graphql:mutation:*", "graphql:query:*", "graphql:subscription:*", "jsonrpc:*:*", "mcp:*:*",
)  # fmt: skip

_MCP, _GRAPHQL = "mcp:?:?", "graphql:?:?"
_CALL = "tools/call"
_MAX_ITEMS = 4096  # items of a batch; more are not looked at
_MAX_BATCH = 2 * graphql.MAX_DOCUMENT  # characters of a batch that may be documents
_MAX_TOLD = 32  # different operations of one call
_MAX_OTHERS = 4  # members whose names are spelled in another case
_METHOD = re.compile(r"[A-Za-z$_][A-Za-z0-9$_./-]{0,99}")
_MCP_METHODS = frozenset(["initialize", "ping"])
_MCP_FAMILIES = (
    "tools/", "prompts/", "resources/", "completion/", "logging/", "sampling/", "elicitation/", "roots/",
    "notifications/", "tasks/", "server/", "subscriptions/",
)  # fmt: skip
_KEYS = {
    k.casefold(): k
    for k in ("jsonrpc", "method", "params", "query", "operationName", "extensions", "documentId", "doc_id")
}  # fmt: skip

_URL_KEYS = _KEYS.keys() - {"jsonrpc", "method", "params"}
_URL_NAMES = re.compile("|".join(sorted(_URL_KEYS)).replace("_", "."), re.IGNORECASE)

type Members = Mapping[str, object]


def operations(body: object, query: str) -> tuple[str, ...] | None:
    """Every different operation that *body* (as for ``locate``) or the URL's *query* names.

    None at all for a call of no such protocol; ``None`` before the body is read; ``UNTOLD`` for a
    body that cannot be read.
    """
    if body is PENDING:
        return None
    if isinstance(body, Gap) and body is not ABSENT:
        return (UNTOLD,)
    url = _from_url(query) if query else None
    if isinstance(body, dict):
        found = _item(body)
    elif isinstance(body, list):
        found = _batch(body)
    else:
        found = []
    if url is not None:
        # Readers differ in which of two goes before the other.
        found.append(_GRAPHQL if found else url)
    told = tuple(dict.fromkeys(found))
    return told if len(told) <= _MAX_TOLD else (*told[:_MAX_TOLD], UNTOLD)


def _batch(items: list[object]) -> list[str]:
    documents = sum(
        len(v) for i in items if isinstance(i, dict) for v in i.values() if isinstance(v, str)
    )
    if len(items) > _MAX_ITEMS or documents > _MAX_BATCH:
        return [UNTOLD]
    each = [_item(item) if isinstance(item, dict) else [] for item in items]
    if not any(each):
        return []
    # Beside calls, what is none to us may be one to others.
    return [name for found in each for name in found or [UNTOLD]]


def _item(item: Mapping[object, object]) -> list[str]:
    exact, others = _members(item)
    if not others:
        return _told(exact)
    if len(others) > _MAX_OTHERS:
        return [UNTOLD]
    # Whichever of its spellings a reader takes.
    ways = [exact, *({**dict(others), **exact, name: value} for name, value in others)]
    told = dict.fromkeys(name.partition(":")[0] for way in ways for name in _told(way))
    return [_MCP if protocol != "graphql" else _GRAPHQL for protocol in told]


def _told(members: Members) -> list[str]:
    return [name for name in (_rpc(members), _graphql(members)) if name] if members else []


def _members(item: Mapping[object, object]) -> tuple[dict[str, object], list[tuple[str, object]]]:
    """The members that say something; apart, those that are one of them to readers that ignore case."""
    exact: dict[str, object] = {}
    others: list[tuple[str, object]] = []
    for key, value in item.items():
        name = _KEYS.get(key.casefold()) if isinstance(key, str) else None
        if name is not None and name == key:
            exact[name] = value
        elif name is not None:
            others.append((name, value))
    return exact, others


def _rpc(members: Members) -> str | None:
    method = members.get("method")
    if not isinstance(method, str):
        answers = "mcp:response:?" if "method" not in members else _MCP
        return answers if "jsonrpc" in members else None
    name = method.strip().casefold()
    ours = name.startswith(_MCP_FAMILIES)
    if "jsonrpc" not in members and not ours:
        return None
    ours = ours or name in _MCP_METHODS
    if not _METHOD.fullmatch(method) or (ours and name != method):
        return _MCP
    return f"{'mcp' if ours else 'jsonrpc'}:{method}:{_tool(members) if name == _CALL else '?'}"


def _tool(members: Members) -> str:
    """The tool's name; ``?`` where readers that ignore case could find another."""
    params = members.get("params")
    if not isinstance(params, dict):
        return "?"
    spelled = [k for k in params if isinstance(k, str) and k.casefold() == "name"]
    return plain(params["name"]) if spelled == ["name"] else "?"


def _graphql(members: Members) -> str | None:
    text, name = members.get("query"), members.get("operationName")
    stored = _stored(members.get("extensions"))
    by_id = any(members.get(k) is not None for k in ("documentId", "doc_id"))
    if not isinstance(text, str) or not graphql.is_document(text):
        return _GRAPHQL if name is not None or stored is not None or by_id else None
    if by_id or not isinstance(name, str | None):
        return _GRAPHQL
    if stored is not None and stored != hashlib.sha256(_bytes(text)).hexdigest():
        return _GRAPHQL
    told = graphql.operation(text, name)
    return f"graphql:{told[0]}:{plain(told[1])}" if told else _GRAPHQL


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _stored(extensions: object) -> object:
    """What names a document that the server keeps, such as its SHA-256; ``None`` if nothing does."""
    if isinstance(extensions, str):  # in a URL
        if "persisted" not in extensions.casefold():
            return None
        try:
            extensions = json.loads(extensions)
        except (ValueError, RecursionError):
            return ""
    if not isinstance(extensions, dict):
        return None
    query = extensions.get("persistedQuery")
    if isinstance(query, dict) and query.keys() == {"version", "sha256Hash"}:
        return query["sha256Hash"]
    return "" if any("persisted" in str(key).casefold() for key in extensions) else None


def _from_url(query: str) -> str | None:
    if "%" not in query and not _URL_NAMES.search(query):
        return None
    # Some readers part at semicolons too.
    ways = {_read_url(text) for text in (query, query.replace(";", "&"))} - {None}
    return ways.pop() if len(ways) == 1 else _GRAPHQL if ways else None


def _read_url(query: str) -> str | None:
    named = [(_url_name(n), v) for n, v in parse_qsl(query, keep_blank_values=True)]
    pairs = [(n, v) for n, v in named if n.casefold() in _URL_KEYS]
    ways = [told for pair in pairs for told in _item({**dict(pairs), **dict([pair])})]
    if not ways:
        return None
    twice = len({n for n, _ in pairs}) != len(pairs)
    return ways[0] if len(set(ways)) == 1 and not twice else _GRAPHQL


def _url_name(name: str) -> str:
    """*name* as PHP and Rack have it too: ``query[]`` and `` query`` are ``query``, ``doc.id`` is ``doc_id``."""
    return name.strip().partition("[")[0].replace(".", "_")
