"""The geometry of a timeline: days become percent of its width; templates draw it.

Percent, not pixels: so a drawing is as wide as its place while its text keeps its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

# A stretch of one day in a drawing of years is still to be seen.
NARROWEST = 0.3


@dataclass(frozen=True, slots=True)
class Stretch:
    """One status from a day until, not including, another; None is open. The words come with it."""

    status: str
    start: date | None
    end: date | None
    label: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch on the axis: left edge and width in percent."""

    x: float
    width: float
    status: str
    label: str
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A day worth a line on the axis, in percent; `label` is empty for the lesser ones."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """The days that a drawing shows, from `first` until, not including, `last`."""

    first: date
    last: date

    def at(self, day: date) -> float:
        """Where a day begins, in percent of the width; days outside lie on the edge."""
        share = (day - self.first).days / (self.last - self.first).days
        return round(100 * min(max(share, 0), 1), 3)

    def ticks(self) -> list[Tick]:
        """The years, and between them the quarters where less than six years are shown."""
        months = (1,) if (self.last - self.first).days > 6 * 366 else (1, 4, 7, 10)
        days = [date(year, month, 1) for year in range(self.first.year, self.last.year + 1) for month in months]
        return [
            Tick(self.at(day), str(day.year) if day.month == 1 else "") for day in days if self.first < day < self.last
        ]


def axis(stretches: Iterable[Stretch], *days: date) -> Axis:
    """An axis on which every bound of the stretches, and each of the days, can be seen with room on both sides."""
    bounds = [day for s in stretches for day in (s.start, s.end) if day is not None]
    shown = [*bounds, *days]
    if not shown:
        raise ValueError("an axis needs at least one day")
    room = timedelta(days=max(60, (max(shown) - min(shown)).days // 12))
    return Axis(_shifted(min(shown), -room / 2), _shifted(max(shown), room))


def _shifted(day: date, by: timedelta) -> date:
    """A day moved, but never out of the calendar."""
    try:
        return day + by
    except OverflowError:
        return date.max if by > timedelta(0) else date.min


def bars(stretches: Sequence[Stretch], on: Axis) -> list[Bar]:
    """The bars of the stretches that last at least a day and lie on the axis."""
    drawn = []
    for s in stretches:
        start, end = s.start or on.first, s.end or on.last
        if start < end and start < on.last and on.first < end:
            x = on.at(start)
            width = max(on.at(end) - x, NARROWEST)
            drawn.append(Bar(min(x, 100 - NARROWEST), round(width, 3), s.status, s.label, s.title))
    return drawn
