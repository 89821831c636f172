"""What callers are verified with comes whole from one load of the rules, or not at all."""

import dataclasses

import pytest

from residency.errors import ConfigurationError, IdentityError
from residency.proxy.verifiers import Verifiers
from tests.proxy.conftest import LAMBDA, Gateway


async def test_a_key_file_that_is_lost_leaves_the_former_keys_at_work(ready: Gateway) -> None:
    lost = dataclasses.replace(ready.runtime.configuration, jwks={})

    with pytest.raises(ConfigurationError, match=r"jwks\.json"):
        Verifiers(lost, folder=ready.rules, secret=b"", former=ready.runtime.verifiers)

    assert (await ready.call(ready.flow(LAMBDA))).response is None


async def test_where_no_assertions_are_taken_none_is_verified(ready: Gateway) -> None:
    with pytest.raises(IdentityError, match="takes no SAML assertions"):
        _ = ready.runtime.verifiers.assertions
