"""What a body names, whatever the host: MCP tools and GraphQL operations. Bodies that two readers would read differently first."""

import json
from dataclasses import replace
from hashlib import sha256
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.body import read_json
from residency.core.policy.decide import NEEDS_BODY
from residency.core.protocol import graphql
from residency.core.protocol.operations import PROTOCOLS, UNTOLD, operations
from residency.core.region.destination import Destination
from residency.core.region.locate import NO_BODY, PENDING, UNREADABLE
from residency.errors import Unread
from tests.atlases import RULES, build
from tests.atlases import ask as locate
from tests.policies import ask as decision
from tests.policies import destination, parse, policy, told

PIN = """
version: 1
destinations:
  - {host: tools.example.com, service: tools, places: [DE], owner: o, why: w}
"""
BLOCK_DELETE = "functions: ['mcp:tools/call:delete*'], then: block"
ALLOW_EU = "from: {groups: [g]}, to: [EU], then: allow"
ALLOWED, NO_RULE = ("allow", "r1", None), ("block", None, "no-rule")


def call(name: object = "search", **more: object) -> dict[str, object]:
    return {
        "jsonrpc": "2.0",
        "id": "1",
        "method": "tools/call",
        "params": {"name": name, "arguments": {}},
    } | more


def named(body: object, query: str = "") -> list[str]:
    found = operations(body, query)
    assert found is not None
    return list(found)


def gql(query: object, **more: object) -> list[str]:
    return named({"query": query} | more)


# MCP and JSON-RPC


def test_a_tool_call_is_named_after_its_tool() -> None:
    assert named(call("search")) == ["mcp:tools/call:search"]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"jsonrpc": "2.0", "method": "initialize", "params": {}}, "mcp:initialize:?"),
        ({"jsonrpc": "2.0", "method": "tools/list"}, "mcp:tools/list:?"),
        (
            {"jsonrpc": "2.0", "method": "resources/read", "params": {"uri": "file:///x"}},
            "mcp:resources/read:?",
        ),
        (
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            "mcp:notifications/initialized:?",
        ),
        ({"jsonrpc": "2.0", "id": "1", "result": {"content": "x"}}, "mcp:response:?"),
        ({"jsonrpc": "2.0", "method": "eth_call", "params": []}, "jsonrpc:eth_call:?"),
        ({"jsonrpc": "2.0", "method": "message/send"}, "jsonrpc:message/send:?"),
    ],
)
def test_other_methods_are_named_by_themselves(body: object, name: str) -> None:
    assert named(body) == [name]


@pytest.mark.parametrize(
    "params",
    [
        None, {}, [], ["delete"], "delete", {"name": None}, {"name": ["delete"]}, {"name": {"name": "delete"}}, {"name": ""},
        {"name": "a b"}, {"name": "*"}, {"name": "?"}, {"name": "del\u0435te"}, {"name": "x" * 129}, {"name": "a\n"},
        {"name": "search", "Name": "delete"}, {"Name": "search"}, {"NAME": "search"},
    ],
)  # fmt: skip
def test_a_tool_that_readers_could_read_otherwise_is_not_told(params: object) -> None:
    assert named(call() | {"params": params}) == ["mcp:tools/call:?"]


@pytest.mark.parametrize(
    "body",
    [
        call() | {"Method": "tools/list"},
        call() | {"PARAMS": {"name": "delete"}},
        {"JSONRPC": "2.0", "Method": "tools/call", "Params": {"name": "search"}},
        {"jsonrpc": "2.0", "method": "tools/call", "param\u017f": {"name": "search"}},
        {"jsonrpc": "2.0", "method": "Tools/Call", "params": {"name": "search"}},
        {"jsonrpc": "2.0", "method": " tools/call", "params": {"name": "search"}},
        {"jsonrpc": "2.0", "method": "tool\u017f/call", "params": {"name": "search"}},
        {"jsonrpc": "2.0", "method": "tools:call", "params": {"name": "search"}},
        {"jsonrpc": "2.0", "method": ["tools/call"], "params": {"name": "search"}},
        {"jsonrpc": "2.0", "method": None},
        {"jsonrpc": "2.0", "method": ""},
    ],
)
def test_a_message_that_readers_could_read_otherwise_is_not_told(body: object) -> None:
    assert named(body) == ["mcp:?:?"]


@pytest.mark.parametrize("version", [{}, {"jsonrpc": "1.0"}, {"jsonrpc": None}, {"jsonrpc": "2"}])
def test_a_server_that_does_not_look_at_the_version_would_call_the_tool(version: object) -> None:
    body = {"method": "tools/call", "params": {"name": "delete"}} | version  # type: ignore[operator]

    assert named(body) == ["mcp:tools/call:delete"]


@pytest.mark.parametrize(
    "body",
    [
        NO_BODY, {}, [], "tools/call", "5", None, True, {"method": "card"}, {"method": "GET", "params": {}}, {"params": {}},
        {"name": "search"}, {"messages": [call()]}, {"query": {"match": {}}}, {"query": "the weather"}, {"query": ""},
        {"query": '"an exact phrase"'}, {"variables": {}}, {"extensions": {"x": "y"}}, {"id": "1"}, [{"id": "1"}, {"id": "2"}],
        [["tools/call"]], [{"id": "1"}] * 65,
    ],
)  # fmt: skip
def test_what_is_no_such_protocol_names_nothing(body: object) -> None:
    assert named(body) == []


def test_a_batch_names_each_of_its_calls_once() -> None:
    batch = [call("search"), call("delete"), call("search"), {"jsonrpc": "2.0", "method": "ping"}]

    assert named(batch) == ["mcp:tools/call:search", "mcp:tools/call:delete", "mcp:ping:?"]


@pytest.mark.parametrize("odd", [{}, "x", None, [call("delete")], {"name": "delete"}])
def test_a_batch_with_an_item_that_is_not_told_is_not_told(odd: object) -> None:
    assert named([call("search"), odd]) == ["mcp:tools/call:search", UNTOLD]


def test_a_huge_batch_is_not_told() -> None:
    assert named([{"id": "1"}] * 5000 + [call("delete")]) == [UNTOLD]
    assert named([call(f"tool{n}") for n in range(100)])[-1] == UNTOLD


def test_a_body_that_cannot_be_read_may_name_anything() -> None:
    assert named(UNREADABLE) == [UNTOLD]
    assert operations(PENDING, "") is None


def test_a_name_that_stands_twice_makes_the_body_unreadable() -> None:
    raw = (
        b'{"jsonrpc":"2.0","method":"tools/call","params":{"name":"search","na\\u006de":"delete"}}'
    )

    with pytest.raises(Unread):
        read_json(raw, (), limit=10_000)


def test_one_body_may_be_two_calls() -> None:
    assert named(call() | {"query": "mutation Delete { a }"}) == [
        "mcp:tools/call:search",
        "graphql:mutation:Delete",
    ]


# GraphQL


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("query Users { users { id } }", "query:Users"),
        ("mutation Delete($id: ID! = 1 @d(a: {b: [1]})) @live(if: $x) { delete(id: $id) { ok } }", "mutation:Delete"),
        ("subscription Changes{c}", "subscription:Changes"),
        ("query Users{u}", "query:Users"),
        ("{ users { id } }", "query:?"),
        ("query { users }", "query:?"),
        ("query($a: Int) { users }", "query:?"),
        ("mutation { delete }", "mutation:?"),
        ("mutation @d { delete }", "mutation:?"),
        ("\ufeff,,# mutation Evil { x }\nquery Users { users }", "query:Users"),
        ("#x\rmutation Delete { x }", "mutation:Delete"),
        ('"""\nquery Evil { x } \\""" }\n""" mutation Delete { x }', "mutation:Delete"),
        ('"a \\" {" query Users { x }', "query:Users"),
        ('query Users { mutation: users(a: "mutation Delete { x }") { query } }', "query:Users"),
        ("query query { mutation }", "query:query"),
        ("query mutation { a }", "query:mutation"),
        ("mutation query { a }", "mutation:query"),
        ("fragment mutation on Query { a } query Users { ...mutation }", "query:Users"),
        ('query Users { ...query } fragment query on Query { b(x: "}") }', "query:Users"),
        ('query Users { a(b: """}""", c: "") }', "query:Users"),
        ("query Users { a # } mutation Delete { x\n }", "query:Users"),
        ("query Users { ... on A @include(if: true) { b } ... @skip(if: false) { c } }", "query:Users"),
        ("query\n_x1 { a(n: -1.5e3, e: [ENUM, true, null]) }", "query:?"),
        ("query " + "x" * 129 + " { a }", "query:?"),
    ],
)  # fmt: skip
def test_an_operation_is_named_by_its_type_and_name(document: str, name: str) -> None:
    assert gql(document) == [f"graphql:{name}"]


@pytest.mark.parametrize(
    "document",
    [
        "query Users { a", "query Users a }", "{", "query", "query Users", "mutation Delete", "query Users ( { a }", "{ a ] }",
        "query A { a } mutation A { b }", "query A { a } { b }", "{ a } { b }", "query A { a } mutation B { b }",
        "fragment F on Q { a }", "{ a } type Query { a: Int }", "query Users { a } }", "query A B { a }", "query A { a } query",
        '{ a(b: "unfinished) }', '{ a(b: """unfinished"") }', "{ a \u00a0 }", "\u00a0query Users { a }", "{ a 'x' }",
        "query Us\u0435rs { a }", "{ a % b }", "query 1a { a }", "query A @ { a }", "query A (a) (b) { a }", "{ a } ...",
        "query A { a } mutation", "{ a }" + " " * 70_000, "{" * 30_000 + "}" * 30_000 + "x",
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_told_is_not(document: str) -> None:
    assert gql(document) == ["graphql:?:?"]


TWO = "query Users { a } mutation Delete { b }"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Users", "query:Users"),
        ("Delete", "mutation:Delete"),
        ("delete", "?:?"),
        ("", "?:?"),
        (None, "?:?"),
        (["Users"], "?:?"),
        ({"Users": "Delete"}, "?:?"),
    ],
)
def test_of_several_operations_the_request_says_which(name: object, expected: str) -> None:
    assert gql(TWO, operationName=name) == [f"graphql:{expected}"]


@pytest.mark.parametrize(
    "more",
    [
        {"Query": "mutation Delete { b }"},
        {"QUERY": None},
        {"query": "shoes", "QUERY": "mutation Delete { b }"},
        {"query": "shoes", "QUERY": "x", "Query": "mutation Delete { b }"},
        {"query": None, "Query": "mutation Delete { b }"},
        {"operationname": "Delete"},
        {"documentId": "1"},
        {"extensions": {"persistedQuery": {"version": "1", "sha256Hash": "0" * 64}}},
        {"extensions": {"persistedQuery": "x"}},
        {"extensions": {"PersistedQuery": {"version": "1", "sha256Hash": "0" * 64}}},
    ],
)
def test_a_request_that_may_mean_another_document_is_not_told(more: dict[str, object]) -> None:
    assert named({"query": "query Users { a }"} | more) == ["graphql:?:?"]


@pytest.mark.parametrize(
    "body",
    [
        {"operationName": "Users"},
        {"documentId": "sha256:00"},
        {"extensions": {"persistedQuery": {"version": "1", "sha256Hash": "0" * 64}}},
        {"query": None, "operationName": "Users"},
        {"query": ["query Users { a }"], "operationName": "Users"},
        {"Query": "query Users { a }"},
    ],
)
def test_a_stored_document_is_not_told(body: object) -> None:
    assert named(body) == ["graphql:?:?"]


def test_a_document_that_is_stored_by_its_own_digest_is_told() -> None:
    text = "query Users { a }"
    stored = {"persistedQuery": {"version": "1", "sha256Hash": sha256(text.encode()).hexdigest()}}

    assert gql(text, extensions=stored) == ["graphql:query:Users"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"query": "query Users { a }"}, "query:Users"),
        ({"query": TWO, "operationName": "Delete"}, "mutation:Delete"),
        ({"extensions": json.dumps({"persistedQuery": {"version": 1, "sha256Hash": "0"}})}, "?:?"),
        ({"extensions": '{"persistedQuery":'}, "?:?"),
        ({"operationName": "Users"}, "?:?"),
        ({"Query": "query Users { a }"}, "?:?"),
        ([("query", "query Users { a }"), ("query", "mutation Delete { b }")], "?:?"),
        ([("query", TWO), ("operationName", "Users"), ("operationName", "Delete")], "?:?"),
    ],
)
def test_a_query_in_the_url_is_named_too(query: dict[str, str], name: str) -> None:
    assert named(NO_BODY, urlencode(query)) == [f"graphql:{name}"]


@pytest.mark.parametrize(
    "query",
    ["query=shoes", "q=x&page=2", "method=tools/call&jsonrpc=2.0", "%zz&=&", "extensions=all"],
)
def test_a_search_in_the_url_is_none(query: str) -> None:
    assert named(NO_BODY, query) == []


def test_a_url_beside_a_body_makes_both_untold() -> None:
    url = urlencode({"query": "mutation Delete { b }"})

    assert named({"query": "query Users { a }"}, url) == ["graphql:query:Users", "graphql:?:?"]


@given(st.text(alphabet='{}()[]"\\#\n ,.@$:!|=&aquery on-1', max_size=60))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    told_ = graphql.operation(text)

    assert told_ is None or graphql.is_document(text)


values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5) | st.sampled_from(["tools/call", "2.0", "query A { a }"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["jsonrpc", "method", "params", "name", "query", "Query", "extensions"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(values, st.text(max_size=30))
def test_no_body_makes_it_raise(body: object, query: str) -> None:
    assert all(o == UNTOLD or o.startswith(PROTOCOLS) for o in named(body, query))


# Beside the host's own function


def at_tools(body: object, host: str = "tools.example.com/mcp") -> Destination:
    atlas, faults = build(PIN, (RULES / "catalogue" / "openai.yaml").read_text(encoding="utf-8"))
    faults.check()
    return locate(host, body, atlas=atlas)


def test_the_host_keeps_its_own_name() -> None:
    where = at_tools(call())

    assert (where.function, where.operations) == ("private:tools:?", ("mcp:tools/call:search",))
    assert where.called == "private:tools:?, mcp:tools/call:search"
    assert Destination.from_plain(where.to_plain()) == where


def test_a_record_from_before_has_none() -> None:
    plain = dict(at_tools(NO_BODY).to_plain())
    del plain["operations"]

    assert Destination.from_plain(plain).operations is None


@pytest.mark.parametrize(
    ("body", "blocked"),
    [
        (call("search"), False),
        (call("delete-all"), True),
        (call("DELETE"), True),
        ([call("search"), call("delete")], True),
        (call(["delete"]), True),
        ({"jsonrpc": "2.0", "method": "tools/list"}, False),
        ({"some": "other"}, False),
        (NO_BODY, False),
        (UNREADABLE, True),
        ([call("search"), {}], True),
    ],
)
def test_a_block_matches_any_function_of_the_call(body: object, blocked: bool) -> None:  # noqa: FBT001
    rules = policy(BLOCK_DELETE, ALLOW_EU)

    assert told(decision(rules, at_tools(body)))[0] == ("block" if blocked else "allow")


@pytest.mark.parametrize(
    ("functions", "body", "answer"),
    [
        ("mcp:tools/call:search", call("search"), ALLOWED),
        ("mcp:tools/call:search", call("delete"), NO_RULE),
        ("mcp:tools/call:search", [call("search"), call("delete")], NO_RULE),
        ("mcp:tools/call:search", [call("search"), {}], NO_RULE),
        ("mcp:tools/call:search", NO_BODY, NO_RULE),
        ("mcp:tools/call:search", UNREADABLE, NO_RULE),
        ("mcp:tools/call:search", {"other": "x"}, NO_RULE),
        ("mcp:*", [call("search"), {}], NO_RULE),
        ("mcp:*", call("search") | {"query": "{ a }"}, NO_RULE),
        ("private:tools:*', 'mcp:tools/call:search", call("search"), ALLOWED),
        ("private:tools:*', 'mcp:tools/call:search", call("delete"), NO_RULE),
        ("private:tools:*', 'mcp:tools/call:search", NO_BODY, ALLOWED),
        ("private:tools:*', 'mcp:tools/call:search", UNREADABLE, NO_RULE),
        ("private:tools:*", call("delete"), ALLOWED),
        ("private:tools:*", UNREADABLE, ALLOWED),
    ],
)
def test_an_allow_matches_only_if_every_function_does(
    functions: str, body: object, answer: object
) -> None:
    rules = policy(f"from: {{groups: [g]}}, functions: ['{functions}'], to: [EU], then: allow")

    assert told(decision(rules, at_tools(body))) == answer


def test_a_body_does_not_pass_for_another_call_by_what_it_has_besides() -> None:
    """A chat completion that is a tool call as well is not what an allow of the tool means."""
    rules = policy("from: {groups: [g]}, functions: ['mcp:tools/call:search'], to: [anywhere], then: allow",
                   "from: {groups: [g]}, functions: ['openai:*', 'mcp:tools/call:search'], to: [anywhere], then: allow", home="[anywhere]")  # fmt: skip
    where = at_tools(call() | {"model": "gpt-x"}, "api.openai.com/v1/chat/completions")

    assert told(decision(rules, where)) == ("allow", "r2", None)


@pytest.mark.parametrize("rule", [BLOCK_DELETE, "functions: ['*delete*'], then: block"])
def test_a_rule_about_the_body_waits_for_it(rule: str) -> None:
    rules = policy(rule, ALLOW_EU)

    assert decision(rules, destination("DE")) is NEEDS_BODY
    assert told(decision(rules, replace(destination("DE"), operations=())))[0] == "allow"
    assert told(decision(rules, at_tools(call("delete"))))[0] == "block"


def test_a_name_in_the_body_is_asked_for_only_where_it_can_matter() -> None:
    other_caller = policy(
        "from: {groups: [h]}, functions: ['mcp:tools/call:x'], to: [EU], then: allow"
    )
    other_host = policy(
        "from: {groups: [g]}, functions: ['openai:*', 'mcp:tools/call:x'], to: [EU], then: allow"
    )

    assert told(decision(other_caller, destination("DE"))) == NO_RULE
    assert told(decision(other_host, destination("DE"))) == NO_RULE


def test_rules_that_name_operations_beat_no_rule_that_does_not() -> None:
    """The second matches a call of another tool, which the first does not."""
    found, faults = parse(
        "version: 1\nhome: [EEA]\nrules:\n"
        "  - {id: a, from: {groups: [g]}, functions: ['private:*', 'mcp:tools/call:x'], to: [EU], then: allow}\n"
        "  - {id: b, from: {groups: [g]}, functions: ['private:*'], to: [EU], then: allow}\n"
    )

    assert (faults, bool(found)) == ([], True)


def test_rules_that_ask_for_no_operation_let_the_body_stream() -> None:
    rules = policy("functions: ['aws:*delete*'], then: block", ALLOW_EU)

    assert told(decision(rules, at_tools(PENDING)))[0] == "allow"


def test_a_batch_of_large_documents_is_not_told() -> None:
    assert named([{"query": "query A { a }" + " " * 60_000}] * 5) == [UNTOLD]


@pytest.mark.parametrize(
    "query",
    ["x=1;query=mutation B{b}", "query[]=mutation B{b}", "query%5B%5D=mutation B{b}", "+query=mutation B{b}", "doc.id=1"],
)  # fmt: skip
def test_a_url_that_only_some_readers_take_for_an_operation_names_one(query: str) -> None:
    told = operations({"query": "query A{a}"}, query)

    assert told == ("graphql:query:A", "graphql:?:?")


def test_a_semicolon_within_a_document_that_is_read_in_two_ways() -> None:
    assert operations(NO_BODY, 'query=query A{a(s:";query=mutation B{b}")}') == ("graphql:?:?",)
