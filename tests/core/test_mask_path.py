"""JSONPath: what is accepted means what RFC 9535 says; the rest is refused with a mend."""

import json

import pytest
from jsonpath_ng.exceptions import JsonPathParserError
from jsonpath_ng.jsonpath import Child, Fields, JSONPath, Root, This
from jsonpath_ng.parser import JsonPathParser

from residency.core.mask.path import LONGEST, Segment, compile  # noqa: A004 - read as path.compile
from residency.core.mask.text import parse
from residency.core.mask.walk import select

#: RFC 9535, sections 1.5, 2.3 and 2.5: the examples' own arguments, and what the paths select there.
STORE = """{"store": {"book": [
 {"category": "reference", "author": "Nigel Rees", "title": "Sayings of the Century", "price": 8.95},
 {"category": "fiction", "author": "Evelyn Waugh", "title": "Sword of Honour", "price": 12.99},
 {"category": "fiction", "author": "Herman Melville", "title": "Moby Dick", "price": 8.99},
 {"category": "fiction", "author": "J. R. R. Tolkien", "title": "The Lord of the Rings", "price": 22.99}],
 "bicycle": {"color": "red", "price": 399}}}"""
NAMES = '{"o": {"j j": {"k.k": 3}}, "\'": {"@": 2}}'
WILD = '{"o": {"j": 1, "k": 2}, "a": [5, 3]}'
LETTERS = '["a", "b", "c", "d", "e", "f", "g"]'
DEEP = '{"o": {"j": 1, "k": 2}, "a": [5, 3, [{"j": 4}, {"k": 6}]]}'

CASES = [
    (STORE, "$.store.book[*].author", ["Nigel Rees", "Evelyn Waugh", "Herman Melville", "J. R. R. Tolkien"]),
    (STORE, "$..author", ["Nigel Rees", "Evelyn Waugh", "Herman Melville", "J. R. R. Tolkien"]),
    (STORE, "$.store..price", [8.95, 12.99, 8.99, 22.99, 399]),
    (STORE, "$..book[2].author", ["Herman Melville"]),
    (STORE, "$..book[2].publisher", []),
    (STORE, "$..book[-1].title", ["The Lord of the Rings"]),
    (STORE, "$..book[0,1].price", [8.95, 12.99]),
    (STORE, "$..book[:2].price", [8.95, 12.99]),
    ('{"k": "v"}', "$", [{"k": "v"}]),
    (NAMES, "$.o['j j']", [{"k.k": 3}]),
    (NAMES, "$.o['j j']['k.k']", [3]),
    (NAMES, '$.o["j j"]["k.k"]', [3]),
    (NAMES, """$["'"]["@"]""", [2]),
    (NAMES, r"$['\'']['@']", [2]),
    (WILD, "$[*]", [{"j": 1, "k": 2}, [5, 3]]),
    (WILD, "$.*", [{"j": 1, "k": 2}, [5, 3]]),
    (WILD, "$.o[*]", [1, 2]),
    (WILD, "$.a[*]", [5, 3]),
    ('["a", "b"]', "$[1]", ["b"]),
    ('["a", "b"]', "$[-2]", ["a"]),
    ('["a", "b"]', "$[2]", []),
    ('["a", "b"]', "$[-3]", []),
    ('["a", "b"]', "$[9007199254740991]", []),
    (LETTERS, "$[1:3]", ["b", "c"]),
    (LETTERS, "$[5:]", ["f", "g"]),
    (LETTERS, "$[1:5:2]", ["b", "d"]),
    (LETTERS, "$[5:1:-2]", ["d", "f"]),
    (LETTERS, "$[::-1]", ["a", "b", "c", "d", "e", "f", "g"]),
    (LETTERS, "$[-2:]", ["f", "g"]),
    (LETTERS, "$[:]", ["a", "b", "c", "d", "e", "f", "g"]),
    (LETTERS, "$[0, 3]", ["a", "d"]),
    (LETTERS, "$[0,-7,0]", ["a"]),
    (DEEP, "$..j", [1, 4]),
    (DEEP, "$..[0]", [5, {"j": 4}]),
    (DEEP, "$..o", [{"j": 1, "k": 2}]),
    (DEEP, "$.o..[*]", [1, 2]),
    (DEEP, "$.a..[0, 1]", [5, {"j": 4}, 3, {"k": 6}]),
    (DEEP, "$..['j', 'k']", [1, 2, 4, 6]),
    (DEEP, "$..*", [{"j": 1, "k": 2}, 1, 2, [5, 3, [{"j": 4}, {"k": 6}]], 5, 3, [{"j": 4}, {"k": 6}],
                    {"j": 4}, 4, {"k": 6}, 6]),
    # Beyond the RFC's own examples: each where an implementation may slip.
    ('{"a": {"a": {"a": 1}}}', "$..a", [{"a": {"a": 1}}, {"a": 1}, 1]),
    ('{"a": {"a": {"a": 1}}}', "$..a..a", [{"a": 1}, 1]),
    ('{"a": {"a": {"b": 1}}}', "$..a.b", [1]),
    ('{"a": [{"b": 1}, {"b": 2}]}', "$.a.b", []),
    ('{"a": [1]}', "$.a['0']", []),
    ('{"0": 1}', "$[0]", []),
    ('{"a": 1}', "$[:]", []),
    ("[1]", "$.*", [1]),
    ('{"*": 1, "x": 2}', "$['*']", [1]),
    ('{"": 1, " ": 2}', "$['']", [1]),
    ('{"length": 1}', "$.length", [1]),
    ("[1, 2]", "$.length", []),
    ('{"$": 1}', "$['$']", [1]),
    ('{"\\u0061": 1}', "$.a", [1]),
    ('{"a\\\\b": 1, "ab": 2}', r"$['a\\b']", [1]),
    ('{"a/b": 1}', r"$['a\/b']", [1]),
    ('{"é": 1, "e\\u0301": 2}', "$['é']", [1]),
    ('{"where": 1}', "$['where']", [1]),
    ('{"Email": 1, "email": 2, "email ": 3}', "$.email", [2]),
    ('{"a,b": 1, "a": 2}', "$['a,b']", [1]),
    ('{"a": 1, "b": 2}', "$['a','b','a']", [1, 2]),
    ('{"a": [[1, 2], [3]]}', "$.a[*][-1]", [2, 3]),
    ('"x"', "$..*", []),
    ('"x"', "$", ["x"]),
]  # fmt: skip


def found(text: str, path: str) -> list[object]:
    body = parse(text.encode())
    return [json.loads(body.text[h.start : h.end]) for h in select(body, [compile(path)])]


@pytest.mark.parametrize(
    ("text", "path", "values"), CASES, ids=[f"{n} {p!a}" for n, (_, p, _) in enumerate(CASES)]
)
def test_a_path_selects_what_rfc_9535_says(text: str, path: str, values: list[object]) -> None:
    assert sorted(map(json.dumps, found(text, path))) == sorted(map(json.dumps, values))


@pytest.mark.parametrize(
    ("path", "mend"),
    [
        ("", "write $ for the whole body"),
        (" ", "write $ for the whole body"),
        ("a.b", "write $.a.b"),
        (".a", "write $.a"),
        ("@.a", "write $.a"),
        (" $.a", "does not begin"),
        ("$.a ", "a blank at the end; remove it"),
        ("$. a", "remove it"),
        ("$.a\n", "a blank at the end; remove it"),
        ("$.", "remove it"),
        ("$..", "remove it"),
        ("$.a..", "remove it"),
        ("$...a", "not JSONPath"),
        ("$$", "not JSONPath"),
        ("$a", "not JSONPath"),
        ("$.a]", "not JSONPath"),
        ("$.[0]", "remove the dot"),
        ("$.['a']", "remove the dot"),
        ("$.card-number", "write $['card-number']"),
        ("$..card-number.x", "write $..['card-number'].x"),
        ("$.a@b", "write $['a@b']"),
        ("$.@type", "write $['@type']"),
        ("$.1", "write $['1']"),
        ("$.'a'", "needs quotes"),
        ('$."a"', "needs quotes"),
        ("$.a where b", "not JSONPath"),
        ("$[a]", "write ['name']"),
        ("$[é]", "write ['name']"),
        ("$['a'", "these brackets"),
        ("$[]", "these brackets"),
        ("$['a' 'b']", "these brackets"),
        ("$[1-2]", "these brackets"),
        ("$[+1]", "these brackets"),
        ("$[1.0]", "these brackets"),
        ("$[01]", "leading"),
        ("$[-0]", "minus zero"),
        ("$[-01]", "leading"),
        ("$[9007199254740992]", "write a smaller one"),
        ("$[-9007199254740992]", "write a smaller one"),
        ("$[0:9007199254740992]", "write a smaller one"),
        ("$[::0]", "write another step"),
        ("$['\\\"']", "write the character itself"),
        ('$["\\\'"]', "write the character itself"),
        ("$.a\\.b", r"write $['a\\'].b"),
        ("$['\ud800']", "needs an escape"),
        ("$['\x00']", "needs an escape"),
        ("$['a\n']", "needs an escape"),
        ("$.a[?a]", "write @.name for a member"),
        ("$[?]", "not an expression"),
        ("$[?@.a=='a]", "this string is not closed"),
        ("$[?@.a==1.]", "these brackets"),
        ("$[?@.a==01]", "not a number"),
        ("$[?@.a==1e999999]", "beyond all use"),
        ("$[?@..a==1]", "must be one value"),
        ("$[?@['a','b']==1]", "must be one value"),
        ("$[?@[ 'a']==1]", "must be one value"),
        ("$[?@.a==match(@.b,'x')]", "must be one value"),
        ("$[?length(@.a)]", "a value is no condition"),
        ("$[?'a']", "a value is no condition"),
        ("$[?(@.a]", ") is missing; write )"),
        ("$[?length(@.a,1)>1]", "not RFC 9535's"),
        ("$[?max(@.a)>1]", "there are length(@.a)"),
        ("$[?count(1)>1]", "not RFC 9535's"),
        ("$[?count(@.a>1)>1]", ") is missing"),
        ("$[?match(@.a, @.b)]", "the pattern has to stand in the path"),
        ("$[?match(@.a, '^a')]", "leave them out"),
        ("$[?match(@.a, 'a$')]", "leave them out"),
        ("$[?match(@.a, '(a')]", "a parenthesis is not closed"),
        ("$[?match(@.a, 'a)')]", "a bracket closes that none opened"),
        ("$[?match(@.a, '[a')]", "brackets are empty or not closed"),
        ("$[?match(@.a, '[]')]", "brackets are empty or not closed"),
        (r"$[?match(@.a, '\\d+')]", "[0-9] for digits"),
        ("$[?match(@.a, 'a**')]", "not an I-Regexp"),
        ("$[?match(@.a, 'a{2000}')]", "at most 1000 repetitions"),
        ("$[?match(@.a, '[b-a]')]", "a range upside down"),
        ("$[?match(@.a, '" + "(" * 30 + "')]", "nested too deep"),
        ("$[?" + "(" * 30 + "@.a]", "nested too deep"),
        ("$~", "write $.*~ for the keys"),
        ("$.a~~", "end the path with one ~"),
        ("$.a~.b", "end the path with one ~"),
        ("$.a.`parent`", "jsonpath-ng's own"),
        ("$.a.`len`", "jsonpath-ng's own"),
        ("$.a[\\a]", "these brackets"),
        ("$.a.sorted()", "functions"),
        ("$.length()", "functions"),
        ("$.(a)", "functions"),
        ("$[(@.length-1)]", "scripts are not JSONPath"),
        ("$.a|$.b", "operators"),
        ("$['a']|$['b']", "operators"),
        ("$['a']&$['b']", "operators"),
        ("$['a'] + 1", "operators"),
        ("$.a,b", "write each path as a field"),
        ("$.*a", "not JSONPath"),
        ("$.*.", "remove it"),
        ("$" + ".a" * LONGEST, "write a shorter one"),
    ],
    ids=lambda v: ascii(v)[:24],
)
def test_all_else_is_refused_with_what_works(path: str, mend: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is looked at
        compile(path)

    assert mend in str(caught.value)


def test_a_mend_in_a_message_works() -> None:
    with pytest.raises(ValueError, match="write ") as caught:
        compile("$..it's.x")

    mended = str(caught.value).partition("write ")[2]
    assert compile(mended).segments == (Segment(names=("it's",), deep=True), Segment(names=("x",)))


def test_a_long_path_is_read_without_recursing_too_deep() -> None:
    assert len(compile("$" + ".a" * 249).segments) == 249
    assert len(compile("$" + "..a" * 166).segments) == 166


def test_the_text_is_kept_as_written() -> None:
    assert compile('$["a"].b').text == '$["a"].b'
    assert compile('$["a"].b').segments == compile("$.a['b']").segments


@pytest.fixture
def _read_anew() -> None:
    compile.cache_clear()


@pytest.mark.usefixtures("_read_anew")
@pytest.mark.parametrize(
    "tree", [Root(), This(), Child(Child(Root(), Fields("a")), Fields("b"))], ids=repr
)
def test_a_tree_of_another_shape_than_the_text_is_refused(
    monkeypatch: pytest.MonkeyPatch, tree: JSONPath
) -> None:
    monkeypatch.setattr(JsonPathParser, "parse", lambda _self, _path: tree)

    with pytest.raises(ValueError, match="otherwise than RFC 9535"):
        compile("$.a")


@pytest.mark.usefixtures("_read_anew")
def test_a_path_that_jsonpath_ng_refuses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: JsonPathParser, _path: str) -> JSONPath:
        raise JsonPathParserError

    monkeypatch.setattr(JsonPathParser, "parse", refuse)

    with pytest.raises(ValueError, match="otherwise than RFC 9535"):
        compile("$")
