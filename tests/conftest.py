"""How long properties are searched: ``HYPOTHESIS_PROFILE`` is dev (the default), ci or night."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import remembered

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=300, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("night", max_examples=20_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(scope="session", autouse=True)
def _rules_are_read_once() -> Iterator[None]:
    yield from remembered.patched()
