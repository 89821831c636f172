"""The far side sees tokens, the program its own values: through the SDKs, with tools, streaming or not."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.lab.gateway import Gateway
from scripts.lab.rules import lab_rules
from scripts.lab.world import Lab
from tests.clients.echoing import Echo
from tests.clients.farside import Exchange, FarSide
from tests.clients.piped import piped
from tests.clients.run import CURLS, curl, environment, program
from tests.e2e.conftest import eventually, records

EMAIL, NAME = "anna.muster@example.com", 'Anna "Ann" O\\B é😀\nMuster'
CHAT = "https://api.openai.com/v1/chat/completions"
KINDS = ["chat", "chat_stream", "responses_stream", "messages", "messages_stream", "converse", "converse_stream"]  # fmt: skip
HIDING = """
  - name: internal
    why: An answer may not tell these.
    direction: response
    fields: [{path: $..iban}]
"""


def token_rules(folder: Path, issuer: str) -> Path:
    """The shipped rules, masking by tokens what is said to models, Bedrock's too, and hiding accounts in answers."""
    rules = lab_rules(folder, issuer)
    masks = rules / "masks.yaml"
    text = re.sub(r"(detect: \[[^\]]*\])\}", r"\1, with: token}", masks.read_text())
    text = re.sub(r"- path: (\$\.\.(?:email|full_name))\n", r"- {path: \1, with: token}\n", text)
    masks.write_text(text + HIDING)
    policy = rules / "policy.yaml"
    text = policy.read_text().partition("\ntests:")[0]
    text = text.replace("mask: [personal-data, payment-data]", "mask: [personal-data, payment-data, internal]")  # fmt: skip
    head, mark, rest = text.partition("id: masked-to-models-abroad")
    policy.write_text(
        head + mark + rest.replace("functions: [", 'functions: ["aws:bedrock:*", ', 1)
    )
    return rules


@dataclass
class House:
    """A gateway that masks by tokens, the far side behind it, and what that says."""

    lab: Lab
    far: FarSide
    gateway: Gateway
    echo: Echo

    @property
    def env(self) -> dict[str, str]:
        return environment(self.lab, self.lab.token("analytics"), self.gateway) | {
            "ANTHROPIC_API_KEY": "sk-lab",
            "AWS_BEARER_TOKEN_BEDROCK": "bedrock-lab",
        }


@pytest.fixture(scope="module")
def _house(lab: Lab) -> Iterator[House]:
    rules = token_rules(lab.folder / "token-rules", lab.issuer.url)
    with FarSide(lab.authority) as far:
        gateway = Gateway(
            rules, workdir=lab.folder / "token-gateway", confdir=lab.folder / "confdir",
            trust=lab.authority.file, resolve=far.resolve,
        )  # fmt: skip
        with gateway:
            yield House(lab, far, gateway, Echo())


@pytest.fixture
def house(_house: House) -> Iterator[House]:
    _house.far.clear()
    _house.echo = Echo()
    _house.far.serve = _house.echo.serve
    yield _house
    _house.far.go.set()


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_gone_at_the_far_side_and_restored_at_the_near_side(
    house: House, kind: str
) -> None:
    found = program("models", kind, env=house.env, stdin=json.dumps([EMAIL, NAME]).encode())

    assert found == {"text": f"To {EMAIL} for {NAME}.", "arguments": {"to": EMAIL, "name": NAME}}
    (seen,) = house.echo.bodies
    assert EMAIL not in seen
    assert "Muster" not in seen
    assert "Muster" not in house.gateway.ledger_file.read_text()


def test_a_signed_call_is_refused_and_not_sent(house: House) -> None:
    env = {k: v for k, v in house.env.items() if k != "AWS_BEARER_TOKEN_BEDROCK"}

    found = program("models", "converse", env=env, stdin=json.dumps([EMAIL, NAME]).encode())

    assert "unmaskable" in found["complaint"]
    assert records(house.gateway)[-1]["reason"] == "signed"
    assert house.echo.bodies == []


# What streams, on the wire


def events(
    *chunks: bytes, end: bool = True, pause: int = -1, media: str = "text/event-stream"
) -> Callable[[Exchange], None]:
    """A far side that sends *chunks* as a stream, and waits for ``go`` after that many."""

    def serve(exchange: Exchange) -> None:
        b"".join(exchange.body())
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nTransfer-Encoding: chunked\r\n\r\n"
        exchange.raw(head.encode())
        for number, chunk in enumerate(chunks):
            if number == pause:
                exchange.far.wait()
            exchange.chunk(chunk)
        if end:
            exchange.chunk(b"")
        else:
            exchange.far.wait()
        exchange.hang_up()

    return serve


BODY = json.dumps({"model": "gpt-5", "email": EMAIL}).encode()
POST = ("--request", "POST", "--data-binary", BODY.decode(), "--header", "Content-Type: application/json", CHAT)  # fmt: skip


@pytest.mark.parametrize("client", CURLS)
def test_an_event_arrives_while_the_next_is_not_there_yet(house: House, client: str) -> None:
    house.far.serve = events(b'data: {"iban":"x"}\n\n', b"data: [DONE]\n\n", pause=1)
    arguments = ("curl", "--silent", "--no-buffer", "--max-time", "30", CURLS[client], *POST)

    with piped(arguments, house.env) as call:
        first = call.stdout.read(20)
        house.far.go.set()
        rest = call.end()

    assert (first + rest) == b'data: {"iban":"***"}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize("client", CURLS)
def test_a_stream_that_cannot_be_masked_is_cut_at_once(house: House, client: str) -> None:
    house.far.serve = events(b"data: {}\n\n", b"data: CANARY\n\n", b"data: {}\n\n", end=False)

    seen = curl(CURLS[client], *POST, env=house.env)

    assert seen.body == b"data: {}\n\n"
    # 18: a part of a file; 92: a stream that was not closed cleanly. 28 would be curl's own patience.
    assert seen.complaint.split()[0] in ("18", "92", "56")
    outcome = eventually(lambda: [r for r in records(house.gateway, "outcome") if r.get("answer") == "cut"])[-1]  # fmt: skip
    assert (outcome["code"], outcome["reason"]) == ("answer-unmaskable", "format")


@pytest.mark.parametrize("client", CURLS)
def test_an_answer_that_cannot_be_masked_is_a_problem(house: House, client: str) -> None:
    house.far.serve = events(b"CANARY", media="image/png")

    seen = curl(CURLS[client], *POST, env=house.env)

    assert (seen.status, seen.problem["code"], seen.problem["reason"]) == (
        451, "answer-unmaskable", "format",
    )  # fmt: skip


def test_an_endless_answer_that_cannot_be_masked_keeps_nobody(house: House) -> None:
    """Over HTTP/2 the problem is there as soon, and ends when the far side does."""
    house.far.serve = events(b"CANARY", media="text/plain\r\nContent-Encoding: snappy", end=False)

    seen = curl(CURLS["curl-h1"], *POST, env=house.env)

    # A complaint would be that curl's own patience ended.
    assert (seen.problem["reason"], seen.complaint) == ("coding", "")


@pytest.mark.parametrize("client", CURLS)
def test_a_whole_answer_is_masked(house: House, client: str) -> None:
    house.far.serve = events(b'{ "iban":', b' "x" }', media="application/json")

    seen = curl(CURLS[client], *POST, env=house.env)

    assert (seen.status, seen.body) == (200, b'{ "iban": "***" }')
    assert seen.headers["content-length"] == str(len(seen.body))


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(house: House) -> None:
    house.far.serve = events(b"data: {}\n\n", b"data: {}\n\n", pause=1)
    arguments = ("curl", "--silent", "--no-buffer", "--max-time", "1", *POST)

    with piped(arguments, house.env) as call:
        call.stdout.read(5)
    house.far.go.set()

    house.far.serve = house.echo.serve
    assert curl(*POST, env=house.env).status == 200
