"""What an entry says about places: cases in order, the first that applies.

A position may be absent, not yet read, or unreadable. A condition on the last two neither holds
nor fails, and then every case that could apply is answered: what is not known never picks the
narrower.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from residency.core.places import UNKNOWN, Places


class Gap(Enum):
    """Why a position has no value."""

    ABSENT = "absent"
    PENDING = "pending"
    UNREADABLE = "unreadable"


ABSENT, PENDING, UNREADABLE = Gap.ABSENT, Gap.PENDING, Gap.UNREADABLE

type Reading = str | Gap
type Binding = Mapping[str, Reading]


@dataclass(frozen=True, slots=True)
class Answer:
    """Places, and the regions they come from. ``conflict`` says what disagrees, if anything does.

    ``pin`` is true where the provider leaves the place to the customer's set-up, so that a pin may
    say it. ``note`` says why the places are as they are, for people.
    """

    places: Places = UNKNOWN
    regions: tuple[str, ...] = ()
    conflict: str = ""
    pin: bool = False
    note: str = field(default="", compare=False)


NOTHING = Answer()
_UNREAD = Answer(note="a position that it depends on cannot be read exactly")


@dataclass(frozen=True, slots=True)
class Condition:
    """One position's test: its presence, or what its value is, begins or ends with.

    ``same`` are other positions that its value may equal.
    """

    position: str
    present: bool | None = None
    exact: frozenset[str] = frozenset()
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    same: tuple[str, ...] = ()

    def holds(self, binding: Binding) -> bool | None:
        """``None`` where it cannot be told."""
        value = binding.get(self.position, ABSENT)
        if isinstance(value, Gap):
            return self.present is False if value is ABSENT else None
        if self.present is not None:
            return self.present
        if value in self.exact or value.startswith(self.starts) or value.endswith(self.ends):
            return True
        if not self.same:
            return False
        others = [binding.get(name, ABSENT) for name in self.same]
        if value in others:
            return True
        return None if PENDING in others or UNREADABLE in others else False


@dataclass(frozen=True, slots=True)
class Case:
    """The answer where all of ``when`` hold and not all of ``unless``.

    With ``answers`` it depends on the value of the position ``by``.
    """

    when: tuple[Condition, ...] = ()
    unless: tuple[Condition, ...] = ()
    answer: Answer = NOTHING
    by: str = ""
    answers: Mapping[str, Answer] | None = None

    def applies(self, binding: Binding) -> bool | None:
        """``None`` where it cannot be told."""
        when = _all(self.when, binding) if self.when else True
        if when is False or not self.unless:
            return when
        unless = _all(self.unless, binding)
        if unless is True:
            return False
        return None if unless is None else when

    def say(self, binding: Binding) -> Answer:
        """The answer; unknown where it depends on a value that is no known code."""
        if self.answers is None:
            return self.answer
        value = binding.get(self.by)
        return self.answers.get(value, NOTHING) if isinstance(value, str) else NOTHING


def reach(cases: Sequence[Case], binding: Binding) -> list[Answer]:
    """Every answer that *binding* may get: one, unless something is not known."""
    found: list[Answer] = []
    for case in cases:
        applies = case.applies(binding)
        if applies is False:
            continue
        found.append(case.say(binding))
        if applies:
            return found
    found.append(NOTHING)
    return found


def say(cases: Sequence[Case], bindings: Sequence[Binding]) -> Answer:
    """What *cases* answer, whichever of *bindings* is the true one."""
    answers: list[Answer] = []
    unreadable = False
    for binding in bindings:
        reached = reach(cases, binding)
        if len(reached) > 1:
            # What may be a conflict is not one yet: it is unknown.
            reached = [NOTHING if a.conflict else a for a in reached]
            unreadable = unreadable or UNREADABLE in binding.values()
        answers += reached
    if unreadable and any(a != answers[0] for a in answers):
        return next((a for a in answers if a.conflict), _UNREAD)
    return join(answers)


def join(answers: Sequence[Answer]) -> Answer:
    """Any of *answers* may be the true one: the union, in which unknown and conflict prevail."""
    first = answers[0]
    if len(answers) == 1:
        return first
    if all(a == first for a in answers[1:]):
        return first
    places = first.places
    for answer in answers[1:]:
        places |= answer.places
    conflict = next((a.conflict for a in answers if a.conflict), "")
    # A pin may speak only where every unknown among them is one that it may speak to, and nothing
    # else is said: otherwise it would narrow what another value means.
    pin = all(a.pin for a in answers)
    regions = sorted({r for a in answers for r in a.regions}) if places.codes else []
    note = next((a.note for a in answers if a.places.unknown and a.note), "")
    return Answer(places, tuple(regions), conflict, pin, note)


def _all(conditions: tuple[Condition, ...], binding: Binding) -> bool | None:
    doubt = False
    for condition in conditions:
        holds = condition.holds(binding)
        if holds is False:
            return False
        doubt = doubt or holds is None
    return None if doubt else True
