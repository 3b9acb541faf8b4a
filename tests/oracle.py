"""The oracle: the state of one measure at one instant, as known on one day, asked of every effect in turn.

Written from the table of the model (section 4) and apart from the compiler: no line is painted, nothing is cut or
joined, and nothing is refused – the effects are taken to be a history that the compiler accepts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from inforce.model import Effect, EffectType, State, Status

MICROSECOND = timedelta(microseconds=1)
After = Mapping[str, frozenset[str]]

ALIVE = (Status.PENDING, Status.IN_FORCE, Status.SUSPENDED)
ESTABLISHING = (EffectType.ESTABLISH, EffectType.ADD_TO_LIST)

# What an effect makes of a status on its window. A state whose status is not named here stays as it is.
TURNS: dict[EffectType, dict[Status, Status]] = {
    EffectType.SUSPEND: {Status.IN_FORCE: Status.SUSPENDED},
    EffectType.RESUME: {Status.SUSPENDED: Status.IN_FORCE},
    EffectType.POSTPONE: {Status.IN_FORCE: Status.PENDING, Status.SUSPENDED: Status.PENDING},
    EffectType.AMEND: {status: status for status in ALIVE},
    EffectType.REENACT: {status: status for status in ALIVE},
    EffectType.CONFIRM: {status: status for status in Status},
    EffectType.REVOKE: dict.fromkeys(ALIVE, Status.ENDED),
    EffectType.REPLACE: dict.fromkeys(ALIVE, Status.ENDED),
    EffectType.REMOVE_FROM_LIST: dict.fromkeys(ALIVE, Status.ENDED),
    EffectType.ANNUL: dict.fromkeys((*ALIVE, Status.ENDED), Status.ANNULLED),
    EffectType.END_OF_COLLECTION: {},
}


def state_at(
    measure: str, instant: datetime, known: date, effects: Collection[Effect], after: After | None = None
) -> State | None:
    """What holds of a measure at an instant, as known at the end of a day; None when it is not known to exist."""
    public = [e for e in effects if measure in e.measures and e.public <= known]
    return _state(in_order_of_application(public, after or {}), instant)


def day_state(
    measure: str, day: date, known: date, effects: Collection[Effect], zone: ZoneInfo, after: After | None = None
) -> State | None:
    """The state of a civil day is the state at its last microsecond."""
    return state_at(measure, datetime.combine(day, time.max, zone).astimezone(UTC), known, effects, after)


def in_order_of_application(effects: Collection[Effect], after: After) -> list[Effect]:
    """By public day, then act, then clause; within a day an act waits for the acts it comes after.

    Within an act what it brings into being comes first.
    """
    waiting = sorted(
        effects,
        key=lambda e: (e.public, _numbers(e.act), e.type not in ESTABLISHING, _numbers(e.clause), _numbers(e.id)),
    )
    applied = []
    while waiting:
        same_day = [e for e in waiting if e.public == waiting[0].public]
        acts = {e.act for e in same_day}
        following = next(e for e in same_day if not (after.get(e.act, frozenset()) & acts) - {e.act})
        waiting.remove(following)
        applied.append(following)
    return applied


@cache
def _numbers(name: str) -> list[str | int]:
    """art-2 stands before art-10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _state(applied: Sequence[Effect], instant: datetime) -> State | None:
    """The state at an instant after some effects in order: the last writer wins."""
    state = None
    for position, effect in enumerate(applied):
        state = _next(state, effect, applied[:position], instant)
    return state


def _next(state: State | None, effect: Effect, earlier: Sequence[Effect], instant: datetime) -> State | None:
    """The state at an instant after one more effect."""
    chain = _chain(effect, earlier)
    type_ = chain[0].type
    begun = effect.start is None or effect.start <= instant
    over = effect.end is not None and effect.end <= instant
    if type_ in ESTABLISHING and effect.extends is None:
        return _established(state, effect, begun, over)
    if state is None or not begun:
        return state
    if type_ in ESTABLISHING:
        return _prolonged(state, effect, earlier, over)
    if over or state.status not in TURNS[type_]:
        return state
    status = TURNS[type_][state.status]
    if status is not state.status and status not in ALIVE:
        return State(status, None, None, (state.because[0], effect.id))
    turned = replace(state, status=status, because=(*state.because, effect.id))
    if type_ is EffectType.AMEND:
        turned = _with_terms(turned, chain)
        if (turned.rate, turned.terms) == (state.rate, state.terms):
            return state
    return turned


def _established(state: State | None, effect: Effect, begun: bool, over: bool) -> State:
    """In force on its window, ended from its end on; before it, pending if nothing was known before."""
    if over:
        return State(Status.ENDED, None, None, (effect.id,))
    if begun:
        return State(Status.IN_FORCE, effect.rate, effect.terms, (effect.id,))
    return state or State(Status.PENDING, effect.rate, effect.terms, (effect.id,))


def _prolonged(state: State, effect: Effect, earlier: Sequence[Effect], over: bool) -> State:
    """What ended because the extended effect lapsed goes on as it stood just before; at the new end it lapses again."""
    if state.status is not Status.ENDED or state.because[-1] != effect.extends:
        return state
    lived = _state(earlier, effect.start - MICROSECOND)
    if lived.status not in ALIVE:
        return state
    if over:
        return State(Status.ENDED, None, None, (lived.because[0], effect.id))
    return replace(_with_terms(lived, [effect]), because=(*lived.because, effect.id))


def _with_terms(state: State, effects: Sequence[Effect]) -> State:
    """A new rate comes with its own terms or none; new terms alone leave the rate."""
    for effect in effects:
        if effect.rate is not None:
            state = replace(state, rate=effect.rate, terms=effect.terms)
        elif effect.terms is not None:
            state = replace(state, terms=effect.terms)
    return state


def _chain(effect: Effect, earlier: Sequence[Effect]) -> list[Effect]:
    """What was first extended, then its extensions, down to this effect."""
    if effect.extends is None:
        return [effect]
    return [*_chain(next(e for e in earlier if e.id == effect.extends), earlier), effect]
