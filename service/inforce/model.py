"""The words of the record, as plain values: effects, spans, names.

No RDF and no I/O here. Instants are aware datetimes in UTC; days are civil days of the imposing jurisdiction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import Any, Self
from zoneinfo import ZoneInfo

BASE = "https://w3id.org/inforce/"
NS = BASE + "ns#"


class Sentence(str):
    """A sentence in English that keeps how it was made, so that a page can say it in another language."""

    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, **values: Any) -> Self:
        made = super().__new__(cls, template % values)
        made.template, made.values = template, values
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _sentence, (self.template, self.values)


def _sentence(template: str, values: Mapping[str, Any]) -> Sentence:
    return Sentence(template, **values)


class InforceError(Exception):
    """Any error a user of inforce can cause or mend; its text names the thing, the place and what was expected."""


class TimelineError(InforceError):
    """Effects that contradict each other; the text names the acts concerned."""


class Status(StrEnum):
    """What holds of a measure at an instant (concepts of scheme/status)."""

    PENDING = "pending"
    IN_FORCE = "inForce"
    SUSPENDED = "suspended"
    ENDED = "ended"
    ANNULLED = "annulled"


class EffectType(StrEnum):
    """What a clause does to a measure (concepts of scheme/effect-type)."""

    ESTABLISH = "establish"
    EXTEND = "extend"
    AMEND = "amend"
    SUSPEND = "suspend"
    EXTEND_SUSPENSION = "extendSuspension"
    RESUME = "resume"
    POSTPONE = "postpone"
    REENACT = "reenact"
    CONFIRM = "confirm"
    REVOKE = "revoke"
    REPLACE = "replace"
    ANNUL = "annul"
    ADD_TO_LIST = "addToList"
    REMOVE_FROM_LIST = "removeFromList"
    END_OF_COLLECTION = "endOfCollection"


# What brings a measure into being.
ESTABLISHING = frozenset({EffectType.ESTABLISH, EffectType.ADD_TO_LIST})

# Facts that `explain` shows and that leave the status alone.
WITHOUT_STATUS = frozenset({EffectType.END_OF_COLLECTION})

# How compiled days and instants write an open beginning and an open end, so that every span can be compared.
ALWAYS, OPEN = "0001-01-01", "9999-12-31"

# The jurisdictions of the record and the clock their days run on.
ZONES = {"cn": ZoneInfo("Asia/Shanghai"), "us": ZoneInfo("America/New_York")}


@dataclass(frozen=True, slots=True)
class Effect:
    """What one clause does to one or more measures on the half-open window [start, end).

    `public` is the first day on which anyone could know it; `start`/`end` None means without beginning/end.
    `extends` names the effect whose window this one prolongs.
    """

    id: str
    type: EffectType
    act: str
    clause: str
    measures: tuple[str, ...]
    public: date
    start: datetime | None
    end: datetime | None = None
    rate: Decimal | None = None
    terms: str | None = None
    extends: str | None = None

    def __str__(self) -> str:
        return f"{self.clause.removeprefix(BASE + 'instrument/')} ({self.type})"


@dataclass(frozen=True, slots=True)
class State:
    """What holds of a measure: status, rate in percent, terms, and the effects that made it so, in order."""

    status: Status
    rate: Decimal | None
    terms: str | None
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A rectangle of the plane (legal time × public time) on which one state of one measure holds.

    Holds at instant t as known on day k when start <= t < end and known_from <= k < known_until; None is open.
    `opened_by` is the effect that begins the span or, with `lapse`, the one whose end lets it begin by itself.
    """

    measure: str
    state: State
    start: datetime | None
    end: datetime | None
    known_from: date
    known_until: date | None
    opened_by: str | None = None
    lapse: bool = False


def instant_from(stated: date | datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant at which something stated for a day or a moment begins; a day begins at 00:00 local."""
    if isinstance(stated, datetime):
        if stated.tzinfo is None:
            raise InforceError(f"{stated.isoformat()}: a moment needs its UTC offset, for example -05:00")
        return stated.astimezone(UTC)
    return datetime.combine(stated, time(), zone).astimezone(UTC)


def window(
    start: date | datetime | None,
    until: date | datetime | None,
    until_inclusive: date | None,
    zone: ZoneInfo,
) -> tuple[datetime | None, datetime | None]:
    """The half-open window [start, end) in UTC of dates as an act states them.

    `until` no longer belongs to the window; `until_inclusive` is the last day that does. At most one of them is given.
    """
    if until is not None and until_inclusive is not None:
        raise InforceError("a window has either an exclusive or an inclusive end, not both")
    if until_inclusive is not None:
        until = until_inclusive + timedelta(days=1)
    begin = None if start is None else instant_from(start, zone)
    end = None if until is None else instant_from(until, zone)
    if begin is not None and end is not None and not begin < end:
        raise InforceError(f"a window must begin before it ends: {begin.isoformat()} is not before {end.isoformat()}")
    return begin, end


def day_of(instant: datetime, zone: tzinfo) -> date:
    """The civil day to which an instant belongs.

    The state of a day is the state at its end, so a span holds on day D exactly when day_of(start) <= D < day_of(end):
    a duty that starts at 00:01 on D holds on D, one that stops at 00:01 on D does not.
    """
    return instant.astimezone(zone).date()


def natural(name: str) -> list[tuple[int, str]]:
    """Sort key that puts art-2 before art-10."""
    return [
        (int("".join(chars)), "") if digits else (-1, "".join(chars))
        for digits, chars in groupby(name, key=lambda c: c in "0123456789")
    ]
