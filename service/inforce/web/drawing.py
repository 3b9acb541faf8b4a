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
    """One status from a day until, not including, another; None is open. The words and the clause come with it."""

    status: str
    start: date | None
    end: date | None
    label: str = ""
    title: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch on the axis: left edge and width in percent."""

    x: float
    width: float
    status: str
    label: str
    title: str
    by: str


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

    @property
    def final(self) -> date:
        """The last day shown."""
        return self.last - timedelta(days=1)

    def at(self, day: date) -> float:
        """Where a day begins, in percent of the width; days outside lie on the edge."""
        share = (day - self.first).days / (self.last - self.first).days
        return round(100 * min(max(share, 0), 1), 3)

    def at_iso(self, day: str) -> float:
        """Where a day given as an ISO text begins."""
        return self.at(date.fromisoformat(day))

    def ticks(self) -> list[Tick]:
        """The years, and between them the quarters where less than six years are shown."""
        return self.quarters((1,) if (self.last - self.first).days > 6 * 366 else (1, 4, 7, 10))

    def quarters(self, months: Sequence[int] = (1, 4, 7, 10)) -> list[Tick]:
        """The first days of these months in each year; those of January bear the year."""
        days = [date(year, month, 1) for year in range(self.first.year, self.last.year + 1) for month in months]
        return [
            Tick(self.at(day), str(day.year) if day.month == 1 else "") for day in days if self.first < day < self.last
        ]


@dataclass(frozen=True, slots=True)
class Window:
    """The part of an axis that is in view, from `first` until, not including, `last`.

    A drawing of the whole axis is `width` percent as wide as its place and begins at `x` percent of it.
    """

    axis: Axis
    first: date
    last: date

    @property
    def width(self) -> float:
        """How wide the whole axis is, in percent of what is in view."""
        return round(100 * (self.axis.last - self.axis.first).days / (self.last - self.first).days, 3)

    @property
    def x(self) -> float:
        """Where the whole axis begins, in percent of what is in view."""
        return round(-100 * (self.first - self.axis.first).days / (self.last - self.first).days, 3)

    def seen(self, bar: Bar) -> tuple[float, float]:
        """The middle of what is in view of a bar, on the axis, and how much of the view it fills; both in percent."""
        start = max(bar.x, self.axis.at(self.first))
        end = min(bar.x + bar.width, self.axis.at(self.last))
        return round((start + end) / 2, 3), round(max(end - start, 0) * self.width / 100, 3)


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


def bars(stretches: Sequence[Stretch], on: Axis, narrowest: float = NARROWEST) -> list[Bar]:
    """The bars of the stretches that last at least a day and lie on the axis, each at least so wide in percent."""
    drawn = []
    for s in stretches:
        start, end = s.start or on.first, s.end or on.last
        if start < end and start < on.last and on.first < end:
            x = on.at(start)
            width = max(on.at(end) - x, narrowest)
            drawn.append(Bar(min(x, 100 - narrowest), round(width, 3), s.status, s.label, s.title, s.by))
    return drawn
