"""A recorded decision, made again: by ``decide`` itself, from nothing but what the record holds.

With the rules that were in force then, the answer must be the recorded one. With others it says what they would have
done, as far as the record can tell: it keeps no body, path or query. So

* where the call may be processed is taken from the record; a changed catalogue is not asked;
* which mask sets match is taken from the record, path by path. A set that was not counted then, that is read otherwise
  now (``json``, ``schemas``, ``direction``), or that has other paths and no recorded match on them, may have any count:
  only an answer that zero and more lead to alike is an answer;
* a body that was not read then cannot be read now.
"""

import dataclasses
import datetime
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from residency.core.identity import Caller
from residency.core.mask.sets import MaskSets
from residency.core.plain import Plain
from residency.core.policy.decide import (
    PENDING,
    Carrying,
    Decision,
    Inputs,
    Undecided,
    decide,
)
from residency.core.policy.rule import Action, Policy
from residency.core.region.destination import Destination

type Verdict = Literal["same", "changed", "undetermined", "not-replayable"]

#: How many sets may be open at once: each doubles the counts to be tried.
MAX_OPEN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What one record says, and what is decided again. ``again`` is ``None`` where nothing can be said.

    ``decision`` is the call's decision id. ``why`` is empty where the answer is the same.
    """

    decision: str
    recorded: Decision | None = None
    again: Decision | None = None
    verdict: Verdict = "not-replayable"
    why: str = ""


def replay(
    policy: Policy, sets: MaskSets, fields: Mapping[str, Plain], today: datetime.date
) -> Replayed:
    """Decide again what the ``decision`` record *fields* was about. Never raises, whatever *fields* hold.

    Args:
        policy: The rules, those of the record or others.
        sets: The mask sets that *policy* names.
        fields: The record's fields, as ``proxy.record.decision_record`` makes them.
        today: The day of the record, UTC; the day that *fields* name, if they do, goes before it.
    """
    name = fields.get("decision")
    id_ = name if isinstance(name, str) else "?"
    try:
        recorded, inputs = _recorded(fields), _inputs(fields)
        today = _day(fields, today)
    except (KeyError, TypeError, ValueError):
        return Replayed(decision=id_, why="the record does not hold what it was decided from")
    same_rules = fields.get("policy") == policy.digest
    carried = [inputs.carrying] if same_rules else _possible(policy, sets, inputs)
    again = _again(policy, inputs, carried, today)
    if again is None:
        why = "these rules ask for what was not looked at then"
        return Replayed(decision=id_, recorded=recorded, verdict="undetermined", why=why)
    if again == recorded:
        return Replayed(decision=id_, recorded=recorded, again=again, verdict="same")
    why = "the recorded rules do not decide so" if same_rules else "other rules decide otherwise"
    return Replayed(decision=id_, recorded=recorded, again=again, verdict="changed", why=why)


def _again(
    policy: Policy, inputs: Inputs, carried: Iterable[Carrying], today: datetime.date
) -> Decision | None:
    """The one answer that all of *carried* lead to, if they do."""
    answers: set[Decision] = set()
    for carrying in carried:
        answer = decide(policy, dataclasses.replace(inputs, carrying=carrying), today)
        if isinstance(answer, Undecided):
            return None
        answers.add(answer)
        if len(answers) > 1:
            return None
    return answers.pop()


def _recorded(fields: Mapping[str, Plain]) -> Decision:
    """What was decided; what was done, where that is not what was decided and no refusal either."""
    done = Decision.from_plain({"masks": [], "reason": None, **fields})
    if fields.get("permitted", False) is not (done.action is not Action.BLOCK):
        raise ValueError("permitted and action contradict each other")
    plain = fields.get("decided")
    if plain is None:
        return done
    decided = Decision.from_plain(_mapping(plain))
    return decided if done.action is Action.BLOCK else done


def _inputs(fields: Mapping[str, Plain]) -> Inputs:
    if fields.get("decided") is None:
        # A stage could not do its part, and nothing was decided: its code is the whole ground.
        fault = fields["fault"]
        if not isinstance(fault, str) or not fault:
            raise TypeError("fault must be text")
        return Inputs(caller=None, method="", destination=Destination(), fault=fault)
    call = _mapping(fields["call"])
    method, websocket = call["method"], call.get("websocket", False)
    if not isinstance(method, str) or not isinstance(websocket, bool):
        raise TypeError("method must be text, and websocket true or false")
    return Inputs(
        caller=Caller.from_plain({**_mapping(fields["caller"]), "expires": 0}),
        method=method,
        destination=Destination.from_plain(fields["destination"]),
        carrying=Carrying.from_plain(_mapping(fields["carrying"])),
        websocket=websocket,
    )


def _day(fields: Mapping[str, Plain], today: datetime.date) -> datetime.date:
    day = fields.get("day")
    return datetime.date.fromisoformat(day) if isinstance(day, str) else today


def _mapping(plain: Plain) -> Mapping[str, Plain]:
    if not isinstance(plain, Mapping):
        raise TypeError("a mapping is expected")
    return plain


def _possible(policy: Policy, sets: MaskSets, inputs: Inputs) -> Iterator[Carrying]:
    """Everything that the body may have carried, in the terms of *sets*; ``PENDING`` if that is too much to try."""
    then = inputs.carrying
    if inputs.fault or then.state != "read":
        yield then
        return
    told, untold = _counts(sets, policy.sets_asked_for, then)
    if len(untold) > MAX_OPEN:
        yield PENDING
        return
    for chosen in itertools.product((0, 1), repeat=len(untold)):
        guess = {name: {"?": n} for name, n in zip(untold, chosen, strict=True)}
        yield dataclasses.replace(then, counts={**told, **guess})
    if untold and not then.sets:
        # Where no rule asked for a set, nobody looked whether the body can be read at all.
        yield Carrying(state="unread", signed=then.signed)


def _counts(
    sets: MaskSets, names: Sequence[str], then: Carrying
) -> tuple[dict[str, Mapping[str, int]], list[str]]:
    """The counts of *names* as far as the recorded ones tell them, and the names that they do not tell.

    Recorded are the paths with a match, and what paths each counted set had. A path matches whichever set it stands in,
    as long as the set is read in the same way. That a set has some match is all that rules ask about.
    """
    now = {name: sets.get(name).paths for name in names}
    readings = {_reading(paths) for paths in (*then.sets.values(), *now.values())}
    # Detectors also look into the JSON that other sets tell of, so their counts hold only among the same sets.
    detects = readings == {""} or now == then.sets
    seen = {
        (_reading(then.sets.get(name, "")), path): n
        for name, paths in then.counts.items()
        for path, n in paths.items()
    }
    told: dict[str, Mapping[str, int]] = {}
    untold = []
    for name in names:
        fields, way = sets.get(name).fields, _reading(now[name])
        found = {f.label: seen.get((way, f.label), 0) for f in fields}
        holds = detects or not any(f.detect for f in fields)
        if holds and (any(found.values()) or then.sets.get(name) == now[name]):
            told[name] = found
        else:
            untold.append(name)
    return told, untold


def _reading(paths: str) -> str:
    """``MaskSet.reading`` of a set, from its ``paths``."""
    return paths.partition(".")[2]
