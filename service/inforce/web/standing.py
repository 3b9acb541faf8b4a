"""What the timelines of measures say of one day: the state of each, how long it lasts, and what follows.

All of it comes from the rows of the timeline question, in their order: days and instants are their ISO texts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from inforce.model import Status

Span = Mapping[str, Any]
Lives = Mapping[str, Sequence[Span]]


@dataclass(frozen=True, slots=True)
class State:
    """A measure on a day: its span then, the days since and until which it is so, and the span that follows.

    `since` and `until` reach over neighbouring spans that differ in nothing but the act behind them, or, while it is
    not in force, in rate and terms; `until` is the first day on which it is no longer so. None is open.
    """

    span: Span
    since: str | None
    until: str | None
    then: Span | None


@dataclass(frozen=True, slots=True)
class Turn:
    """A day on which the status, rate or terms of a measure change."""

    on: str
    before: Span
    after: Span

    @property
    def felt(self) -> bool:
        """Whether it makes a difference to anyone: other terms of what is suspended or pending make none."""
        return not _same(self.before, self.after)

    @property
    def way(self) -> str:
        """What happens, in one name."""
        return way(self.before["status"], self.after["status"])


def way(before: str, after: str) -> str:
    """What happens between two statuses, in one name: returns, begins, paused, ends, annulled or changes."""
    if before == after:
        return "changes"
    if after == Status.IN_FORCE:
        return "begins" if before == Status.PENDING else "returns"
    return {Status.SUSPENDED: "paused", Status.ENDED: "ends", Status.ANNULLED: "annulled"}.get(Status(after), "changes")


def lives(rows: Iterable[Span]) -> dict[str, list[Span]]:
    """The rows of a timeline answer by measure."""
    found: dict[str, list[Span]] = defaultdict(list)
    for row in rows:
        found[row["measure"]].append(row)
    return dict(found)


def on_day(life: Sequence[Span], day: str) -> State | None:
    """The state of a measure at the end of a day; None where nobody could know of it."""
    lasting = [span for span in life if lasts(span)]
    return _state(lasting, [_holds(span["from"], day, span["until"]) for span in lasting])


def at_moment(life: Sequence[Span], moment: str) -> State | None:
    """The state of a measure at a moment, an ISO text in UTC as the catalogue resolves it."""
    return _state(life, [_holds(span["fromInstant"], moment, span["untilInstant"]) for span in life])


def lasts(span: Span) -> bool:
    """Whether a span holds at the end of any day; some hold for hours only."""
    return span["from"] is None or span["until"] is None or span["from"] < span["until"]


def alike(one: Span, other: Span) -> bool:
    """Whether two spans say the same: status, rate and terms."""
    return all(one[name] == other[name] for name in ("status", "rate", "terms"))


def _same(one: Span, other: Span) -> bool:
    """Whether two spans are one state to those who bear it."""
    return bool(one["status"] == other["status"]) and (one["status"] != Status.IN_FORCE or alike(one, other))


def turns(known: Lives) -> list[Turn]:
    """All turning points of some measures, by day."""
    found = []
    for life in known.values():
        lasting = [span for span in life if lasts(span)]
        found += [Turn(after["from"], before, after) for before, after in pairwise(lasting) if not alike(before, after)]
    return sorted(found, key=lambda turn: (turn.on, turn.after["measure"]))


def _holds(first: str | None, when: str, end: str | None) -> bool:
    return (first is None or first <= when) and (end is None or when < end)


def _state(life: Sequence[Span], holds: Sequence[bool]) -> State | None:
    if True not in holds:
        return None
    here = first = last = holds.index(True)
    while first > 0 and _same(life[first - 1], life[here]):
        first -= 1
    while last + 1 < len(life) and _same(life[last + 1], life[here]):
        last += 1
    return State(life[here], life[first]["from"], life[last]["until"], life[last + 1] if last + 1 < len(life) else None)
