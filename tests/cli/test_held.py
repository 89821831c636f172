"""``held``, ``approve`` and ``deny`` speak to a real server, and to no other."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result

from residency.cli.gateway import Gateway
from residency.errors import GatewayError
from tests.admin_api import TOKEN, AdminApi, in_thread
from tests.cli.conftest import Run, one_line


@pytest.fixture
def api() -> Iterator[AdminApi]:
    with in_thread() as (api, _):
        yield api


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n", encoding="ascii")
    return file


def ask(run: Run, api: AdminApi, token: Path, *arguments: str) -> Result:
    found = run(*arguments, "--gateway", api.url, "--token-file", token)
    assert TOKEN not in found.output
    return found


# --- what must not happen


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.example.com:8090",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "http://127.0.0.1@evil.test",
        "https://u:secret@gateway.test",
        "gateway:8090",
        "",
    ],
)
def test_a_token_is_not_sent_in_clear_or_to_no_gateway(url: str, token: Path, run: Run) -> None:
    found = run("held", "--gateway", url, "--token-file", token)

    assert found.exit_code == 2
    assert "cannot be used" in one_line(found)
    assert "secret" not in found.stderr


def test_a_proxy_in_the_environment_is_not_used(
    api: AdminApi, token: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert ask(run, api, token, "held").exit_code == 0


def test_a_redirect_does_not_take_the_token_along(api: AdminApi, token: Path, run: Run) -> None:
    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", api.url + "/holds")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found = run("held", "--gateway", f"http://127.0.0.1:{server.server_port}", "--token-file", token)  # fmt: skip
        server.shutdown()
        thread.join()

    assert found.exit_code == 2
    assert api.requests == 0


@pytest.mark.parametrize("word", ["approve", "deny"])
@pytest.mark.parametrize("id_", ["", "*", "../holds", "AB", "0" * 33, "0/ruling?x="])
def test_an_id_that_is_none_is_never_sent(
    word: str, id_: str, api: AdminApi, token: Path, run: Run
) -> None:
    found = ask(run, api, token, word, id_, "--reason", "r")

    assert found.exit_code == 2
    assert api.requests == 0


def test_a_prefix_of_two_holds_rules_on_neither(api: AdminApi, token: Path, run: Run) -> None:
    api.hold(1), api.hold(2)

    found = ask(run, api, token, "approve", "0000", "--reason", "r")

    assert found.exit_code == 2
    assert "2 holds begin so" in one_line(found)
    assert api.rulings == []


def test_a_reason_has_to_be_given(api: AdminApi, token: Path, run: Run) -> None:
    assert ask(run, api, token, "approve", api.hold(1)).exit_code == 2
    assert api.rulings == []


def test_an_expired_token_is_refused_with_the_gateways_reason(
    api: AdminApi, token: Path, run: Run
) -> None:
    api.tokens.clear()

    found = ask(run, api, token, "held")
    told = json.loads(ask(run, api, token, "held", "--format", "json").stdout)

    assert (found.exit_code, found.stdout) == (1, "")
    assert "refused: identity-expired: The token has expired" in one_line(found)
    assert told == {"error": {"code": "identity-expired", "detail": "The token has expired"}}


def test_a_hold_that_is_closed_is_refused(api: AdminApi, token: Path, run: Run) -> None:
    id_ = api.hold(1, state="used")

    found = ask(run, api, token, "deny", id_, "--reason", "r")

    assert found.exit_code == 1
    assert "refused: closed: the hold is used already" in one_line(found)


@pytest.mark.parametrize("id_", ["ab", "a" * 32], ids=["prefix", "whole"])
def test_a_hold_that_is_not_there_is_refused(
    id_: str, api: AdminApi, token: Path, run: Run
) -> None:
    found = ask(run, api, token, "approve", id_, "--reason", "r")

    assert found.exit_code == 1
    assert "refused: unknown: there is no such hold" in one_line(found)


def test_no_gateway_there_says_so(token: Path, run: Run) -> None:
    found = run("held", "--gateway", "http://127.0.0.1:9", "--token-file", token)

    assert found.exit_code == 2
    assert "no gateway answers at http://127.0.0.1:9" in one_line(found)


@pytest.mark.parametrize(
    "answer",
    [(200, "<html>"), (200, "[]"), (200, "{}"), (200, '{"holds": [1]}'), (502, "bad gateway")],
    ids=str,
)
def test_another_service_is_not_taken_for_a_gateway(
    answer: tuple[int, str], api: AdminApi, token: Path, run: Run
) -> None:
    api.broken = answer

    found = ask(run, api, token, "held")

    assert found.exit_code == 2
    assert "no gateway's admin API" in one_line(found)


@pytest.mark.parametrize("text", ["", "a b", "é"], ids=repr)
def test_a_file_without_a_token_is_bad_input(
    text: str, api: AdminApi, token: Path, run: Run
) -> None:
    token.write_text(text, encoding="utf-8")

    assert ask(run, api, token, "held").exit_code == 2
    assert api.requests == 0


def test_a_token_file_that_is_not_there_is_named(api: AdminApi, tmp_path: Path, run: Run) -> None:
    found = ask(run, api, tmp_path / "none", "held")

    assert found.exit_code == 2
    assert f"{tmp_path / 'none'}: No such file" in one_line(found)


def test_a_repr_does_not_show_the_token() -> None:
    assert TOKEN not in repr(Gateway("http://127.0.0.1:1", TOKEN))
    with pytest.raises(GatewayError):
        Gateway("http://gateway.test", TOKEN)


# --- what shall


def test_held_calls_are_listed_with_names_and_counts(api: AdminApi, token: Path, run: Run) -> None:
    api.hold(1, id="ab" * 16)
    api.hold(2, id="ab" * 7 + "c" * 18, masked={}, places="anywhere", state="approved",
             caller={"issuer": "i", "subject": "bob\x1b[2J", "groups": []})  # fmt: skip

    found = ask(run, api, token, "held")
    head, first, second = found.stdout.splitlines()

    assert found.exit_code == 0
    assert head.split("  ")[0] == "id"
    assert first.startswith("ababababababab")
    assert "alice" in first
    assert "masked $.messages[*].content (2)" in first
    assert "14m" in first
    assert "anywhere" in second
    assert "bob\\x1b[2J" in second
    assert "\x1b" not in found.stdout
    assert first.split()[0] != second.split()[0]


def test_nothing_held_is_said(api: AdminApi, token: Path, run: Run) -> None:
    assert ask(run, api, token, "held").stdout == "nothing is held\n"


def test_machines_get_the_holds_as_they_are(api: AdminApi, token: Path, run: Run) -> None:
    api.hold(1)

    told = json.loads(ask(run, api, token, "held", "--format", "json").stdout)

    assert told == {"holds": list(api.holds.values())}


def test_an_unread_body_is_told(api: AdminApi, token: Path, run: Run) -> None:
    unread = {"state": "unread", "counts": {}, "reason": "not-json", "signed": False}
    api.hold(1, carrying=unread, masked={"odd": 1})

    assert "body cannot be read" in ask(run, api, token, "held").stdout


@pytest.mark.parametrize(
    ("word", "state"), [("approve", "approved"), ("deny", "denied")], ids=["approve", "deny"]
)
def test_a_ruling_is_given_with_its_reason(
    word: str, state: str, api: AdminApi, token: Path, run: Run
) -> None:
    api.hold(2, id="f" * 32)
    id_ = api.hold(1)

    found = ask(run, api, token, word, "000", "--reason", "contract 4711")

    assert (found.exit_code, found.stderr) == (0, "")
    assert api.rulings == [(id_, {"ruling": word, "reason": "contract 4711"})]
    assert found.stdout == f"{state} {id_}: the hold is {state}\n"


def test_a_ruling_for_machines_is_the_hold_after_it(api: AdminApi, token: Path, run: Run) -> None:
    id_ = api.hold(1, quorum=2)

    told = json.loads(
        ask(run, api, token, "approve", id_, "--reason", "r", "--format", "json").stdout
    )

    assert (told["id"], told["state"]) == (id_, "waiting")


def test_gateway_and_token_come_from_the_environment(
    api: AdminApi, token: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESIDENCY_GATEWAY", api.url + "/")
    monkeypatch.setenv("RESIDENCY_TOKEN_FILE", str(token))

    assert run("held").stdout == "nothing is held\n"
