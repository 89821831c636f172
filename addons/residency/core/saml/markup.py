"""XML → a tree that holds elements, attributes and text, and nothing that a reader could read in two ways."""

import contextlib
from collections.abc import Iterator

from lxml import etree

from residency.errors import IdentityError

SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"

MAX_DEPTH = 24
MAX_ELEMENTS = 4096
#: Canonicalization takes time that grows with the square of these.
MAX_ATTRIBUTES = 32
MAX_NAMESPACES = 128


def parser() -> etree.XMLParser:
    """A parser that fetches nothing, expands nothing and repairs nothing. One a document: they keep state."""
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        recover=False,
    )


def tree(text: str) -> etree._Element:
    """The root of *text*.

    Raises:
        IdentityError: ``identity-malformed``: it is not well formed, too deep, too large, or holds
            more than elements and text.
    """
    if text.count("xmlns") > MAX_NAMESPACES:
        raise IdentityError("identity-malformed", "the assertion declares too many namespaces")
    root = None
    # What is raised here quotes the text: it is not passed on.
    with contextlib.suppress(etree.XMLSyntaxError, ValueError):
        root = etree.fromstring(text.encode("utf-8"), parser())
    if root is None:
        raise IdentityError("identity-malformed", "the assertion is not well-formed XML")
    _measure(root)
    return root


def _measure(root: etree._Element) -> None:
    level, count = [root], 0
    for _ in range(MAX_DEPTH):
        if not level:
            return
        count += len(level)
        if count > MAX_ELEMENTS:
            raise IdentityError("identity-malformed", "the assertion has too many elements")
        # What is no element would be an entity that nobody declared; the parser refuses it too.
        if any(
            not isinstance(node.tag, str) or len(node.attrib) > MAX_ATTRIBUTES for node in level
        ):
            raise IdentityError("identity-malformed", "an element has too many attributes")
        level = [child for node in level for child in node]
    raise IdentityError("identity-malformed", "the assertion is nested too deep")


def named(root: etree._Element, name: str) -> list[etree._Element]:
    """Every element below and at *root* with this local name, whatever its namespace."""
    return [node for node in elements(root) if local(node) == name]


def elements(root: etree._Element) -> Iterator[etree._Element]:
    return (node for node in root.iter() if isinstance(node.tag, str))


def local(node: etree._Element) -> str:
    return str(node.tag).rpartition("}")[2]


def text_of(node: etree._Element) -> str | None:
    """All the text of *node*; ``None`` if there is an element in it."""
    return None if len(node) else "".join(map(str, node.itertext()))
