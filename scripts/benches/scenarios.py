"""The calls that are measured: each is allowed by the shipped rules."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One call: ``group`` is the caller's, ``rule`` the one that lets it go."""

    name: str
    what: str
    group: str
    rule: str
    host: str
    path: str
    body: bytes

    @property
    def request(self) -> str:
        return (
            f"POST {self.path} HTTP/1.1\r\nHost: {self.host}\r\nUser-Agent: bench\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n\r\n"
            f"{self.body.decode()}"
        )


def customers(count: int) -> bytes:
    """A chat call with *count* customers, about 170 bytes and five regulated values each."""
    people = [
        {
            "id": n,
            "email": f"customer-{n}@example.com",
            "phone": "+49 30 901820",
            "address": {"street": "Unter den Linden 1", "city": "Berlin"},
            "iban": "DE02120300000000202051",
            "score": 0.5,
        }
        for n in range(count)
    ]
    messages = [{"role": "user", "content": "Who is likely to leave?"}]
    return json.dumps({"model": "gpt-5", "messages": messages, "people": people}).encode()


CHAT = b'{"model": "gpt-5", "messages": [{"role": "user", "content": "What is a residency gateway?"}]}'

SCENARIOS = (
    Scenario(
        name="head",
        what="allowed by its head, body streams",
        group="eu-services",
        rule="eea-is-home",
        host="lambda.eu-central-1.amazonaws.com",
        path="/2015-03-31/functions/score-customer/invocations",
        body=b'{"customer": 4711, "basket": [1, 2, 3]}',
    ),
    Scenario(
        name="body",
        what="allowed once the body is seen to be clean",
        group="eu-services",
        rule="clean-calls-may-use-us-models",
        host="us.api.openai.com",
        path="/v1/chat/completions",
        body=CHAT,
    ),
    Scenario(
        name="mask",
        what="2 kB, 55 values masked",
        group="analytics",
        rule="masked-to-models-abroad",
        host="us.api.openai.com",
        path="/v1/chat/completions",
        body=customers(11),
    ),
)
