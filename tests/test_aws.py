"""What comes of the operator's AWS configuration, and what is signed with it: the far side is no botocore."""

import hashlib
import json
import logging
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from residency import aws
from residency.aws import CredentialsError, Keys, ToSign
from residency.core.faults import Faults
from residency.core.signing import Role
from residency.errors import Fault
from tests.sigv4 import Key, Refused, verify

KEYS = Keys(key="ASIAGATEWAYGATEWAYGA", secret="CANARY", token="CANARY-token", expires=None, arn=None)  # fmt: skip
KNOWN = {KEYS.key: Key("CANARY", "CANARY-token")}


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config"
    path.write_text("")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return path


def role(profile: str) -> Role:
    return Role(name="r", profile=profile, groups=("g",), services=("lambda",), regions=("eu-central-1",))  # fmt: skip


# Credentials


def test_a_profile_with_keys_gives_them(config: Path) -> None:
    config.write_text("[profile p]\naws_access_key_id = AKIAX\naws_secret_access_key = CANARY\n")

    assert aws.fetch("p") == Keys(key="AKIAX", secret="CANARY", token=None, expires=None, arn=None)


def test_a_process_gives_keys_that_end(config: Path, tmp_path: Path) -> None:
    told = {"Version": 1, "AccessKeyId": "ASIAX", "SecretAccessKey": "CANARY", "SessionToken": "t", "Expiration": "2099-01-01T00:00:00Z"}  # fmt: skip
    (tmp_path / "told").write_text(json.dumps(told))
    config.write_text(
        f"[profile p]\nrole_arn = arn:aws:iam::1:role/x\n[profile q]\ncredential_process = cat {tmp_path / 'told'}\n"
    )

    found = aws.fetch("q")

    assert (found.key, found.token, found.expires) == ("ASIAX", "t", 4070908800.0)


def test_a_profile_without_credentials_is_not_the_machines_own(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty profile would fall through to container and instance roles."""
    config.write_text("[profile p]\nregion = eu-central-1\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "CANARY")
    boto = config.with_name("boto")
    boto.write_text(
        "[Credentials]\naws_access_key_id = AKIABOTO\naws_secret_access_key = CANARY\n"
    )
    monkeypatch.setenv("BOTO_CONFIG", str(boto))

    with pytest.raises(CredentialsError):
        aws.fetch("p")


def test_a_process_that_fails_tells_its_output_to_nobody(
    config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = "import sys; sys.stderr.write('CANARY'); sys.exit(1)"
    config.write_text(f'[profile p]\ncredential_process = {sys.executable} -c "{code}"\n')
    caplog.set_level(logging.DEBUG)

    with pytest.raises(Exception, match="credential"):
        aws.fetch("p")

    assert "CANARY" not in caplog.text


def test_nothing_secret_is_shown() -> None:
    call = ToSign(method="PUT", url="https://h/CANARY", headers=(("a", "CANARY"),), body=b"CANARY", service="s3", region="r", hashed=True)  # fmt: skip

    assert "CANARY" not in repr(KEYS) + repr(call)


def checked() -> list[Fault]:
    faults = Faults()
    aws.check([role("p")], faults)
    return list(faults.found)


@pytest.mark.parametrize("text", ["", "[profile other]\n"])
def test_a_profile_that_is_not_there_is_a_fault(config: Path, text: str) -> None:
    config.write_text(text)

    (fault,) = checked()
    assert (fault.where, fault.message) == ("role r", "there is no AWS profile 'p'")


def test_a_profile_that_is_there_is_none(config: Path) -> None:
    config.write_text("[profile p]\n")

    assert not checked()


def test_a_configuration_that_cannot_be_read_is_a_fault(config: Path) -> None:
    config.write_text("[profile p\nCANARY")

    (fault,) = checked()
    assert "CANARY" not in str(fault)


# Signatures


def signed(service: str, target: str, body: bytes = b"{}", *, hashed: bool = False, headers: Iterable[tuple[str, str]] = ()) -> list[tuple[str, str]]:  # fmt: skip
    """The head of a call as it would be sent."""
    own = [("host", "h.test"), *headers]
    call = ToSign(method="POST", url=f"https://h.test{target}", headers=tuple(own), body=body, service=service, region="eu-central-1", hashed=hashed)  # fmt: skip
    return [*own, *aws.sign(call, KEYS)]


@pytest.mark.parametrize(
    ("service", "target"),
    [
        ("lambda", "/"),
        ("lambda", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Ax/invocations"),
        ("lambda", "/a%2Fb/%C3%A4%20/~x"),
        ("bedrock", "/model/anthropic.claude-v1%3A0/converse"),
        ("lambda", "/f?b=2&a=%20%2F&a=1&c="),
        ("s3", "/a%20b/%C3%A4%2B%3D/~%281%29"),
        ("s3", "/a?x-id=PutObject&versionId=null"),
    ],
)
@pytest.mark.parametrize("hashed", [True, False])
def test_the_far_side_lets_the_signature_in(service: str, target: str, *, hashed: bool) -> None:
    headers = signed(service, target, hashed=hashed, headers=[("x-amz-meta-a", "a  b"), ("x-amz-meta-b", "ü")])  # fmt: skip
    # As on the wire, byte for byte a character.
    wire = [(n, v.encode().decode("latin-1")) for n, v in headers]

    who = verify("POST", target, wire, b"{}", KNOWN, service=service, region="eu-central-1")

    assert who == KEYS.key
    assert ("x-amz-content-sha256" in {n.lower() for n, _ in headers}) is (hashed or service == "s3")  # fmt: skip


@pytest.mark.parametrize("service", ["lambda", "s3"])
def test_the_far_side_keeps_out_another_body_path_or_header(service: str) -> None:
    headers = signed(service, "/a", headers=[("x-amz-meta-a", "1")])
    other = [(n, "2" if n == "x-amz-meta-a" else v) for n, v in headers]

    for target, head, body in (("/b", headers, b"{}"), ("/a", other, b"{}"), ("/a", headers, b"[]")):  # fmt: skip
        with pytest.raises(Refused):
            verify("POST", target, head, body, KNOWN, service=service, region="eu-central-1")


def test_s3_gets_the_digest_of_the_body_even_beside_a_checksum() -> None:
    headers = dict(signed("s3", "/a", headers=[("content-md5", "x")]))

    assert headers["X-Amz-Content-SHA256"] == hashlib.sha256(b"{}").hexdigest()


def test_what_is_signed_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    signed("lambda", "/CANARY")

    assert "CANARY" not in caplog.text
