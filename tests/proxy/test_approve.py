"""Rulings from a console end where those of the admin API do."""

import asyncio
from pathlib import Path

import pytest
from mitmproxy import exceptions

from residency.proxy.approve import read_token
from tests.proxy.conftest import Gateway, approver_token, caller_token
from tests.proxy.test_admin import ID, held


async def ruled(gateway: Gateway, tmp_path: Path, proof: str, word: str = "approve") -> str:
    gateway.runtime.holds.add(held())
    (tmp_path / "token").write_text(proof + "\n")
    gateway.runtime.ready = False  # options are frozen while it is
    gateway.context.options.update(residency_token_file=str(tmp_path / "token"))
    gateway.runtime.ready = True
    getattr(gateway.stage("approve"), word)(ID, "because")
    await asyncio.gather(*gateway.runtime._tasks)
    found = gateway.runtime.holds.get(ID)
    assert found is not None
    return found.state


@pytest.mark.parametrize(
    "proof",
    [
        lambda: caller_token(groups=["compliance"]),
        lambda: approver_token("billing"),
        lambda: approver_token(groups=["other"]),
        lambda: "nonsense",
    ],
    ids=["caller", "own-call", "other-group", "nonsense"],
)
async def test_the_console_has_no_way_around_the_token(
    ready: Gateway, tmp_path: Path, proof: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(proof)
    assert await ruled(ready, tmp_path, proof()) == "waiting"
    assert "not approved" in caplog.text


@pytest.mark.parametrize(("word", "state"), [("approve", "approved"), ("deny", "denied")])
async def test_an_approver_rules_from_the_console(
    ready: Gateway, tmp_path: Path, word: str, state: str
) -> None:
    assert await ruled(ready, tmp_path, approver_token(), word) == state
    assert ready.records()[-1]["kind"] == "ruling"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff"])
def test_without_a_token_there_is_no_ruling(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(exceptions.CommandError, match="residency_token_file"):
        read_token(str(path))


def test_a_token_file_must_be_named() -> None:
    with pytest.raises(exceptions.CommandError):
        read_token("")
