"""base64 → the XML of an assertion, or a refusal before any parser sees it.

XML has ways to say one thing twice: DOCTYPE and entities, comments, CDATA, processing
instructions, other encodings. An assertion needs none of them. All begin with ``<!`` or ``<?``,
which XML 1.0 allows nowhere else (section 2.4), so that two searches find them all.
"""

import base64
import binascii
import re

from residency.errors import IdentityError

#: Longest assertion, in bytes. A signed one with 100 groups has about 12 KiB.
MAX_XML = 64 * 1024
#: Longest text of one, in characters.
MAX_TEXT = (MAX_XML + 2) // 3 * 4

# "<" is 0x3C, so base64 of XML begins with P and one of A-P. A JWT begins with "e".
_TEXT = re.compile(r"P[A-P][A-Za-z0-9+/_-]{254,}={0,2}")
_DECLARATION = re.compile(
    r"""<\?xml\s+version=["']1\.0["'](\s+encoding=["'](?i:utf-8)["'])?(\s+standalone=["'](yes|no)["'])?\s*\?>\s*"""
)


def is_assertion(text: str) -> bool:
    """True if *text* may be a base64 assertion: it certainly is no token and no password of another kind."""
    return len(text) <= MAX_TEXT and _TEXT.fullmatch(text) is not None


def xml_of(text: str) -> str:
    """The XML that *text* is the base64 or base64url of, with or without padding (RFC 7522, 2.1).

    Raises:
        IdentityError: ``identity-malformed``: it is none, is too long, or has a part that an
            assertion needs not. The detail says which.
    """
    if len(text) > MAX_TEXT:
        raise _malformed(f"the assertion is longer than {MAX_XML} bytes")
    raw = _decoded(text)
    if raw is None:
        raise _malformed("the assertion is not base64")
    return plain(raw)


def plain(raw: bytes) -> str:
    """*raw* as XML that can be read in one way only, without its declaration.

    Raises:
        IdentityError: as ``xml_of``.
    """
    if len(raw) > MAX_XML:
        raise _malformed(f"the assertion is longer than {MAX_XML} bytes")
    text = _utf8(raw)
    if text is None or "\0" in text:
        raise _malformed("the assertion is not UTF-8")
    text = text.strip(" \t\r\n")
    if found := _DECLARATION.match(text):
        text = text[found.end() :]
    if "<!" in text:
        raise _malformed("the assertion has a DOCTYPE, a comment or a CDATA section")
    if "<?" in text:
        raise _malformed("the assertion has a processing instruction, or is not in UTF-8")
    if not text.startswith("<"):
        raise _malformed("the assertion is not XML")
    return text


def _decoded(text: str) -> bytes | None:
    """Strict base64, in either alphabet: one value has one spelling in each."""
    bare = text.rstrip("=")
    if bare != text and (len(text) % 4 or len(text) - len(bare) > 2):  # noqa: PLR2004
        return None
    standard = bare.replace("-", "+").replace("_", "/")
    if standard != bare and ("+" in bare or "/" in bare):
        return None
    try:
        raw = base64.b64decode(standard.encode("ascii") + b"=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).rstrip(b"=") == standard.encode("ascii") else None


def _utf8(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _malformed(detail: str) -> IdentityError:
    return IdentityError("identity-malformed", detail)
