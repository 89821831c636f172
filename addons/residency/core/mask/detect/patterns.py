"""Detectors that are one pattern: e-mail addresses, secrets, and what operators write themselves.

All run on google-re2, whose time grows with the text alone; what it cannot run so (look-around, references to groups)
it does not read.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import re2

#: In characters, and in bytes of the compiled form: an operator's pattern must not cost what a large one costs.
LONGEST = 500
_MEMORY = 1 << 20

_ATOM = r"\pL\pN\pM!#$%&'*+\-/=?^_`{|}~"
_LABEL = r"[\pL\pN](?:[\pL\pN\pM\-]*[\pL\pN\pM])?"
#: RFC 5322, section 3.4.1, without quoted names and comments, but with dots anywhere, as some providers give them out;
#: names of hosts in any script, vowel signs and accents (marks) among its letters.
_EMAIL = rf"[{_ATOM}][{_ATOM}.]*@(?:{_LABEL}\.)+{_LABEL}"

#: Prefixes as their issuers document them. What is found is the one group of each.
_SECRETS = (
    r"((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})",  # AWS access key id
    r"(?i:aws_?secret_?access_?key|secretaccesskey)[\"'\\ \t:=]{1,8}([A-Za-z0-9/+]{40})",
    r"(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    r"(glpat-[A-Za-z0-9_\-]{20,})",
    r"(xox[abeoprs]-[A-Za-z0-9\-]{10,}|xapp-[0-9]-[A-Za-z0-9\-]{10,})",  # Slack
    r"(https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/]{20,100})",
    r"(sk-[A-Za-z0-9_\-]{20,})",  # OpenAI, Anthropic, OpenRouter
    r"(AIza[A-Za-z0-9_\-]{35}|ya29\.[A-Za-z0-9_\-]{20,})",  # Google
    r"([rs]k_(?:live|test)_[A-Za-z0-9]{16,})",  # Stripe
    r"(npm_[A-Za-z0-9]{36}|pypi-AgEI[A-Za-z0-9_\-]{50,}|hf_[A-Za-z0-9]{30,})",
    r"(SG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43})",  # SendGrid
    r"(eyJ[A-Za-z0-9_\-]{5,}\.eyJ[A-Za-z0-9_\-]{5,}\.[A-Za-z0-9_\-]*)",  # JWT, RFC 7519
    r"(?i:bearer|basic) ([A-Za-z0-9._~+/\-]{20,}=*)",
    r"[a-z][a-z0-9+.\-]*://[^/\s:@\x00]*:([^/?#\s\x00]+)@",  # a password in a URL
    # RFC 7468. Where the end is missing, all that may belong to the key goes.
    r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[^\-\x00]*"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?)",
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Whatever *regex* matches; of its groups, where it has any, what the one that took part matches."""

    spec: str
    kind: str
    regex: "re2._Regexp[str]"
    needs: str = ""
    whole: bool = False

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        if self.needs and self.needs not in text:
            return
        for found in self.regex.finditer(text):
            start, end = found.span(found.lastindex or 0)
            if start < end:
                yield start, end


def email() -> Pattern:
    """E-mail addresses with a dot in their host's name."""
    return Pattern("email", "email", _compile(_EMAIL), needs="@")


def secret() -> Pattern:
    """Keys and tokens by their documented prefixes, JSON Web Tokens, private keys, passwords in URLs."""
    return Pattern(
        "secret", "secret", _compile(r"(?:^|[^A-Za-z0-9])(?:" + "|".join(_SECRETS) + ")")
    )


def own(pattern: str, name: str) -> Pattern:
    """An operator's pattern; where it has a group, only what the group matches is found.

    Raises:
        ValueError: RE2 cannot read it, or it is too large; the message says why.
    """
    if len(pattern) > LONGEST:
        raise ValueError(f"a pattern of more than {LONGEST} characters; write a shorter one")
    regex = _compile(pattern)
    if regex.groups > 1:
        raise ValueError(
            "more than one group; write (?:…) for all but the one that is to be masked"
        )
    if regex.fullmatch(""):
        raise ValueError("matches the empty text as well; write + for *, or what must be there")
    return Pattern(f"pattern:{name}", name, regex, whole=True)


def _compile(pattern: str) -> "re2._Regexp[str]":
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    reason = ""
    try:
        return re2.compile(pattern, options)
    except re2.error as e:
        reason = str(e.args[0].decode("utf-8", "replace") if isinstance(e.args[0], bytes) else e)
    raise ValueError(
        f"not a pattern that RE2 reads ({reason}); it has no look-around and no references to groups, so that no "
        "text can make it slow"
    )
