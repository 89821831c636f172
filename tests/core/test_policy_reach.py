"""A rule that can never fire is a fault: a block that never matches looks like a lock and is none."""

import pytest

from residency.core import document
from residency.core.configuration import parse as parse_folder
from residency.core.faults import Faults
from residency.core.policy import file
from residency.errors import ConfigurationError
from residency.files import shipped_rules, sources
from tests.atlases import TODAY, build, shipped
from tests.policies import BASIS, JURISDICTIONS, SETS

ISSUERS = ("https://login.test", "https://other.test")
FUNCTIONS = shipped().functions()


def faults(
    rule: str, issuers: tuple[str, ...] | None = ISSUERS, functions: tuple[str, ...] | None = FUNCTIONS
) -> list[str]:  # fmt: skip
    """The faults of a policy with this one rule."""
    found = Faults()
    text = f"version: 1\nhome: [EEA]\nrules:\n  - id: a\n    {rule}\n    then: block\n"
    file.parse(
        document.read(text, "policy.yaml", found),
        found,
        jurisdictions=JURISDICTIONS,
        sets=SETS,
        digest="d1",
        issuers=issuers,
        functions=functions,
    )
    return [str(f) for f in sorted(found.found)]


def test_an_issuer_that_is_not_believed_is_a_fault() -> None:
    assert faults("from: {issuers: ['https://login.test', 'https://login.tset']}") == [
        "policy.yaml:5:44: rules[0].from.issuers[1]: 'https://login.tset' is no issuer of identity.yaml "
        "(known: https://login.test, https://other.test)"
    ]


@pytest.mark.parametrize("method", ["TRACE", "FETCH", "CONNECT"])
def test_a_method_that_the_gateway_refuses_is_a_fault(method: str) -> None:
    assert faults(f"methods: [GET, {method}]") == [
        f"policy.yaml:5:5: rules[0].methods: no call with {method} comes this far "
        "(known: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT)"
    ]


@pytest.mark.parametrize(
    ("glob", "near"),
    [
        ("lambda:delete-user", "aws:lambda:*"),
        ("lambda:*", "aws:lambda:*"),
        ("aws:lamda:*", "aws:lambda:*"),
        ("aws:lambda-uri:*", "aws:lambda-url:*"),
        ("aws:bedrok:eu.anthropic.*", "aws:bedrock:*"),
        ("openia:*", "openai:*:*"),
        ("privat:*", "private:functions.private.example.com:*"),
        ("AWS:lambda:*", "aws:lambda:*"),
        ("aws:Lambda:*", "aws:lambda:*"),
        ("private:functions.private.example:*", "private:functions.private.example.com:*"),
    ],
)
def test_a_function_that_there_is_none_of_is_a_fault_and_the_nearest_is_named(
    glob: str, near: str
) -> None:
    (fault,) = faults(f"functions: ['aws:*', '{glob}']")

    assert fault.startswith(f"policy.yaml:5:26: rules[0].functions[1]: '{glob}' is no function of")
    assert fault.endswith(f"(the nearest known: {near})")


@pytest.mark.parametrize("glob", ["delete-user", "aws", "aws:lambda", "lambda*"])
def test_a_glob_that_is_no_whole_function_is_a_fault(glob: str) -> None:
    assert len(faults(f"functions: ['{glob}']")) == 1


@pytest.mark.parametrize(
    "glob",
    [
        "*", "aws:*", "aws*", "*:lambda:*", "*deepseek*", "aws:lambda:delete-user", "aws:lambda:123456789012/f", "a*s:l*a:f", "aws:?:?",
        "aws:bedrock:*deepseek*", "openai:*", "openai:chat.completions:gpt-5", "openai:files.?.content:?", "anthropic:messages:*",
        "google:vertex:gemini-*", "private:*", "private:functions.private.example.com:?",
    ],
)  # fmt: skip
def test_a_function_that_may_be_called_is_none(glob: str) -> None:
    assert faults(f"functions: ['{glob}']") == []


def test_a_pin_makes_its_service_known() -> None:
    pins = (
        "version: 1\ndestinations:\n"
        "  - {host: '*.crm.test', provider: crm, service: orders, places: [DE], owner: o, why: w}\n"
    )
    atlas, _ = build(pins)

    assert atlas
    assert faults("functions: ['crm:orders:*']", functions=atlas.functions()) == []
    assert faults("functions: ['crm:order:*']", functions=atlas.functions()) != []


def test_a_pin_for_a_host_of_the_catalogue_gives_its_function_no_other_name() -> None:
    pin = "  - {host: api.stripe.com, places: [US], owner: o, why: w}\n"
    atlas, _ = build(f"version: 1\ndestinations:\n{pin}")
    assert atlas

    assert faults("functions: ['private:api.stripe.com:*']", functions=atlas.functions()) != []
    assert faults("functions: ['stripe:api:*']", functions=atlas.functions()) == []


def test_what_is_not_known_is_no_fault() -> None:
    """Where identity.yaml has faults of its own, they are told, and not what follows from them."""
    assert faults("from: {issuers: [x]}", issuers=None) == []
    assert faults("functions: [x]", functions=None) == []


def test_everything_that_no_call_meets_is_told_at_once() -> None:
    rule = "methods: [TRACE, FETCH]\n    functions: [x, y]\n    from: {issuers: [z]}"

    assert [f.split(": ")[1] for f in faults(rule)] == [
        "rules[0].methods",
        "rules[0].methods",
        "rules[0].functions[0]",
        "rules[0].functions[1]",
        "rules[0].from.issuers[0]",
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "from: {issuers: ['https://issuer.tset']}, then: block",
        "methods: [TRACE], then: block",
        "functions: ['lambda:delete-user'], then: block",
        "functions: ['aws:lamda:*'], then: block",
        f"from: {{groups: [g]}}, functions: ['opanai:*'], to: [US], then: allow, {BASIS}",
    ],
)
def test_a_folder_with_a_rule_that_can_never_match_is_refused(rule: str) -> None:
    texts = sources(shipped_rules())
    dead_rule = f"rules:\n  - {{id: never, {rule}}}\n"
    texts["policy.yaml"] = texts["policy.yaml"].replace("rules:\n", dead_rule, 1)

    with pytest.raises(ConfigurationError) as e:
        parse_folder(texts, today=TODAY)

    assert [f.source for f in e.value.faults] == ["policy.yaml"]
