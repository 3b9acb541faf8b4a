"""The timeline compiler: effects in, bitemporal spans out.

Pure: no RDF, no I/O, no clock. For a day of knowledge the effects public by then are applied in order; each repaints a
window of the measure's line, the last writer wins, and outside its window nothing changes – so what a suspension
covered comes back by itself when the suspension ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby, pairwise
from operator import attrgetter

from inforce.model import ESTABLISHING, WITHOUT_STATUS, Effect, EffectType, Span, State, Status, TimelineError, natural

# A line is a list of (start, state), the first start None; a state lasts until the next start, the last one for ever.
# State None: the measure does not exist as known so far.
Line = list[tuple[datetime | None, State | None]]

_ALIVE = frozenset({Status.PENDING, Status.IN_FORCE, Status.SUSPENDED})


def compile_measure(measure: str, effects: Sequence[Effect]) -> list[Span]:
    """Spans of one measure from its effects, given in order of application; they tile the plane from the first
    public day on, without overlap or hole.

    Raises TimelineError, naming both acts, for an effect that changes nothing or an extension that leaves a gap.
    """
    applied: dict[str, Effect] = {}
    line: Line = [(None, None)]
    versions: list[tuple[date, Line]] = []
    for public, group in groupby(effects, key=lambda e: e.public):
        if versions and public < versions[-1][0]:
            raise TimelineError(f"{measure}: effects are not in order of their public days")
        for effect in group:
            if effect.type not in WITHOUT_STATUS:
                line = _apply(line, effect, applied, measure)
                applied[effect.id] = effect
        versions.append((public, line))
    return _rectangles(measure, versions, applied)


def in_order(effects: Iterable[Effect], after: Mapping[str, frozenset[str]]) -> list[Effect]:
    """Effects in order of application: public day, then act, then clause; `after` (act → acts it follows) decides ties.

    Within an act what it brings into being comes before what it does to it.

    Raises TimelineError when `after` goes in a circle.
    """
    result: list[Effect] = []
    public = attrgetter("public")
    for _, same_day in groupby(sorted(effects, key=public), key=public):
        waiting: dict[str, list[Effect]] = {}
        for effect in sorted(same_day, key=_place):
            waiting.setdefault(effect.act, []).append(effect)
        while waiting:
            ready = next((act for act in waiting if not after.get(act, frozenset()) & waiting.keys() - {act}), None)
            if ready is None:
                raise TimelineError(f"inf:after goes in a circle among {', '.join(sorted(waiting))}")
            result += waiting.pop(ready)
    return result


def _place(effect: Effect) -> tuple[object, ...]:
    return natural(effect.act), effect.type not in ESTABLISHING, natural(effect.clause), natural(effect.id)


def _paint(
    line: Line, start: datetime | None, end: datetime | None, change: Callable[[State | None], State | None]
) -> Line:
    """The line with `change` applied on [start, end); equal neighbours are joined."""
    cuts: dict[datetime | None, State | None] = dict(line)
    for cut in (start, end):
        if cut is not None and cut not in cuts:
            cuts[cut] = _at(line, cut)
    ordered = sorted(cuts.items(), key=lambda item: (item[0] is not None, item[0]))
    painted: Line = []
    for begin, state in ordered:
        inside = (start is None or (begin is not None and begin >= start)) and (
            end is None or begin is None or begin < end
        )
        after = change(state) if inside else state
        if not painted or painted[-1][1] != after:
            painted.append((begin, after))
    return painted


def _at(line: Line, instant: datetime) -> State | None:
    """The state at an instant."""
    return next(state for start, state in reversed(line) if start is None or start <= instant)


def _before(line: Line, instant: datetime) -> State | None:
    """The state just before an instant."""
    return next(state for start, state in reversed(line) if start is None or start < instant)


def _apply(line: Line, effect: Effect, by_id: Mapping[str, Effect], measure: str) -> Line:
    """The line after one effect."""
    if effect.extends is not None:
        return _extend(line, effect, by_id, measure)
    painted = _repaint(line, effect, effect)
    if painted == line:
        raise TimelineError(_changes_nothing(line, effect, measure, by_id))
    return painted


def _extend(line: Line, effect: Effect, by_id: Mapping[str, Effect], measure: str) -> Line:
    """What the extended effect painted goes on from its end to the new end; where a life lapsed, it goes on."""
    assert effect.extends is not None
    extended = by_id.get(effect.extends)
    if extended is None:
        raise TimelineError(f"{measure}: {effect} extends {effect.extends}, which did nothing to this measure before")
    if extended.end is None:
        raise TimelineError(f"{measure}: {effect} extends {extended}, which has no end")
    if effect.start != extended.end:
        raise TimelineError(
            f"{measure}: {effect} must start where {extended} ends, {extended.end.isoformat()}, "
            f"but starts {effect.start.isoformat() if effect.start else 'without a beginning'}"
        )
    chain = [effect, extended]
    while chain[-1].extends is not None:
        chain.append(by_id[chain[-1].extends])
    root = chain[-1]
    if (effect.type is EffectType.EXTEND_SUSPENSION) is not (root.type is EffectType.SUSPEND):
        raise TimelineError(
            f"{measure}: {effect} extends {extended}: extendSuspension is for suspensions, extend for all else"
        )
    if root.type in ESTABLISHING:
        lived = _before(line, extended.end)
        if lived is None or lived.status not in _ALIVE:
            raise TimelineError(f"{measure}: {effect} extends {extended}, but nothing was alive just before its end")
        rate, terms = _terms(effect, lived.rate, lived.terms)
        prolonged = State(lived.status, rate, terms, (*lived.because, effect.id))
        over = State(Status.ENDED, None, None, (lived.because[0], effect.id))

        def lapsed(state: State | None) -> bool:
            return state is not None and state.status is Status.ENDED and state.because[-1] == extended.id

        painted = _paint(line, effect.start, effect.end, lambda s: prolonged if lapsed(s) else s)
        if effect.end is not None:
            painted = _paint(painted, effect.end, None, lambda s: over if lapsed(s) else s)
    else:
        rate, terms = None, None
        for link in reversed(chain):
            rate, terms = _terms(link, rate, terms)
        painted = _repaint(line, replace(effect, type=root.type, rate=rate, terms=terms), effect)
    if painted == line:
        raise TimelineError(_changes_nothing(line, effect, measure, by_id))
    return painted


def _repaint(line: Line, how: Effect, cause: Effect) -> Line:
    """The line after `how` is applied on its window; `cause` joins the reasons."""
    match how.type:
        case EffectType.ESTABLISH | EffectType.ADD_TO_LIST:
            state = State(Status.IN_FORCE, how.rate, how.terms, (cause.id,))
            if line[0][1] is None:
                line = [(None, replace(state, status=Status.PENDING))]
            painted = _paint(line, how.start, None, lambda s: state)
            if how.end is not None:
                painted = _paint(painted, how.end, None, lambda s: State(Status.ENDED, None, None, (cause.id,)))
            return painted
        case EffectType.AMEND:
            return _paint(line, how.start, how.end, lambda s: _amended(s, how, cause))
        case EffectType.SUSPEND:
            return _paint(line, how.start, how.end, _turn({Status.IN_FORCE}, Status.SUSPENDED, cause))
        case EffectType.RESUME:
            return _paint(line, how.start, how.end, _turn({Status.SUSPENDED}, Status.IN_FORCE, cause))
        case EffectType.POSTPONE:
            return _paint(line, how.start, how.end, _turn({Status.IN_FORCE, Status.SUSPENDED}, Status.PENDING, cause))
        case EffectType.REENACT:
            return _paint(line, how.start, how.end, _joined(_ALIVE, cause))
        case EffectType.CONFIRM:
            return _paint(line, how.start, how.end, _joined(frozenset(Status), cause))
        case EffectType.REVOKE | EffectType.REPLACE | EffectType.REMOVE_FROM_LIST:
            return _paint(line, how.start, None, lambda s: _ended(s, cause, Status.ENDED))
        case EffectType.ANNUL:
            return _paint(line, how.start, None, lambda s: _ended(s, cause, Status.ANNULLED))
        case _:
            raise TimelineError(
                f"{cause}: only an extension of another effect can be of this type; inf:extends is missing"
            )


def _turn(old: set[Status], new: Status, cause: Effect) -> Callable[[State | None], State | None]:
    def change(state: State | None) -> State | None:
        if state is None or state.status not in old:
            return state
        return replace(state, status=new, because=(*state.because, cause.id))

    return change


def _joined(statuses: frozenset[Status], cause: Effect) -> Callable[[State | None], State | None]:
    def change(state: State | None) -> State | None:
        if state is None or state.status not in statuses:
            return state
        return replace(state, because=(*state.because, cause.id))

    return change


def _terms(how: Effect, rate: Decimal | None, terms: str | None) -> tuple[Decimal | None, str | None]:
    """Rate and terms after an effect: a new rate comes with its own terms or none, new terms alone leave the rate."""
    if how.rate is not None:
        return how.rate, how.terms
    return rate, terms if how.terms is None else how.terms


def _amended(state: State | None, how: Effect, cause: Effect) -> State | None:
    """New rate or terms for what is alive; status stays."""
    if state is None or state.status not in _ALIVE:
        return state
    rate, terms = _terms(how, state.rate, state.terms)
    if (rate, terms) == (state.rate, state.terms):
        return state
    return replace(state, rate=rate, terms=terms, because=(*state.because, cause.id))


def _ended(state: State | None, cause: Effect, status: Status) -> State | None:
    """Ended or annulled, without rate or terms; what has already ended stays so, save that a court can still annul it.

    The reasons are the establishment and the end: what was going on in between (a suspension with a later end, say)
    no longer matters, and must not leave turning points behind in the life of something dead.
    """
    if state is None or state.status is status or state.status is Status.ANNULLED:
        return state
    return State(status, None, None, (state.because[0], cause.id))


def _changes_nothing(line: Line, effect: Effect, measure: str, by_id: Mapping[str, Effect]) -> str:
    """The message for an effect without effect: what it meets in its window, and which effect made that so."""
    met = []
    for (start, state), following in zip(line, [s for s, _ in line[1:]] + [None], strict=True):
        if (effect.end is None or start is None or start < effect.end) and (
            effect.start is None or following is None or following > effect.start
        ):
            met.append("not known" if state is None else f"{state.status} by {by_id[state.because[-1]]}")
    return f"{measure}: {effect} changes nothing in its whole window: there the measure is {', then '.join(met)}"


def _rectangles(measure: str, versions: Sequence[tuple[date, Line]], by_id: Mapping[str, Effect]) -> list[Span]:
    """The lines known on successive days as spans: a segment lasts in public time as long as it stays the same."""
    spans: list[Span] = []
    growing: dict[tuple[datetime | None, datetime | None, State], Span] = {}
    for public, line in versions:
        current: dict[tuple[datetime | None, datetime | None, State], Span] = {}
        before: State | None = None
        for (start, state), (end, _) in pairwise([*line, (None, None)]):
            if state is not None:
                key = (start, end, state)
                opened_by, lapse = _opening(start, before, state, by_id)
                fresh = Span(measure, state, start, end, public, None, opened_by, lapse)
                old = growing.get(key)
                if old is not None and (old.opened_by, old.lapse) == (opened_by, lapse):
                    fresh = old
                current[key] = fresh
            before = state
        spans += [replace(s, known_until=public) for key, s in growing.items() if current.get(key) is not s]
        growing = current
    spans += growing.values()
    return sorted(spans, key=lambda s: (s.known_from, s.start is not None, s.start))


def _opening(
    start: datetime | None, before: State | None, state: State, by_id: Mapping[str, Effect]
) -> tuple[str | None, bool]:
    """Which effect opens a segment, and whether it does so by lapsing."""
    if start is None:
        return None, False
    for id_ in reversed(state.because):
        if by_id[id_].start == start:
            return id_, False
    for id_ in reversed((*(before.because if before else ()), *state.because)):
        if by_id[id_].end == start:
            return id_, True
    raise AssertionError(f"nothing begins or ends at {start.isoformat()}")
