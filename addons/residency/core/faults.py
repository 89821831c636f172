"""Gather faults, so that a set of files is mended in one go and not fault by fault."""

from collections.abc import Iterable

from residency.errors import ConfigurationError, Fault


class Faults:
    """A collector: ``add`` what is found, ``check`` once at the end."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, fault: Fault) -> None:
        if fault not in self.found:
            self.found.append(fault)

    def extend(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            self.add(fault)

    def __bool__(self) -> bool:
        return bool(self.found)

    def check(self) -> None:
        """Raise ``ConfigurationError`` with all that was found, if anything was."""
        if self.found:
            raise ConfigurationError(self.found)
