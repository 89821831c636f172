"""The key for hmac is a secret, long enough, and there where it is needed."""

import json
from pathlib import Path

import pytest

from residency.errors import ConfigurationError, ResidencyError
from residency.proxy import maskkey
from tests.proxy.conftest import CHAT, Gateway, started
from tests.proxy.test_returns import MASKS, prepared

HMAC = MASKS.replace("with: token}", "with: hmac}")


def file(folder: Path, data: bytes = b"k" * 32, mode: int = 0o600) -> Path:
    path = folder / "key"
    path.write_bytes(data)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("data", "mode", "says"),
    [
        (b"k" * 32, 0o640, "chmod 600"),
        (b"k" * 32, 0o604, "chmod 600"),
        (b"k" * 31, 0o600, "31 bytes"),
        (b"", 0o600, "0 bytes"),
        (b"k" * 5000, 0o600, "4097 bytes"),
    ],
)
def test_a_key_that_does_not_do_is_refused(
    tmp_path: Path, data: bytes, mode: int, says: str
) -> None:
    with pytest.raises(ResidencyError, match=says) as caught:
        maskkey.read(file(tmp_path, data, mode))

    assert "kkk" not in str(caught.value)


def test_a_key_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResidencyError, match="FileNotFoundError"):
        maskkey.read(tmp_path / "none")


async def test_without_a_key_a_set_with_hmac_refuses_the_start(
    loaded: Gateway, tmp_path: Path
) -> None:
    prepared(HMAC, loaded, tmp_path)

    with pytest.raises(ConfigurationError, match=r"personal-data.*residency_mask_key"):
        await started(loaded, tmp_path)

    assert not loaded.runtime.ready


async def test_the_same_value_has_the_same_text_in_every_call(
    loaded: Gateway, tmp_path: Path
) -> None:
    prepared(HMAC, loaded, tmp_path)
    gateway = await started(loaded, tmp_path, mask_key=file(tmp_path))
    seen = []
    for _ in range(2):
        flow = await gateway.call(gateway.flow(CHAT, b'{"model":"gpt-5","email":"a"}', groups=["analytics"]))  # fmt: skip
        seen.append(json.loads(flow.request.raw_content or b"")["email"])

    assert seen[0] == seen[1]
    assert seen[0].startswith("hmac:")


async def test_rules_that_need_a_key_are_not_reloaded_without_one(
    loaded: Gateway, tmp_path: Path
) -> None:
    prepared(MASKS, loaded, tmp_path)
    gateway = await started(loaded, tmp_path)
    before = gateway.runtime.policy_digest
    (gateway.rules / "masks.yaml").write_text(HMAC, encoding="utf-8")
    for _ in range(2):
        await gateway.runtime.reload()

    assert gateway.runtime.policy_digest == before
    assert gateway.records()[-1]["kind"] == "reload-refused"
