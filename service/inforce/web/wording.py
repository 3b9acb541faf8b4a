"""Days, moments and numbers as people read them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def parsed(text: Any) -> date | datetime:
    """The day or moment that an ISO text states. Raises ValueError."""
    stated = str(text)
    return datetime.fromisoformat(stated) if "T" in stated else date.fromisoformat(stated)


def day(stated: Any) -> str:
    """A day, month or moment in words: 9 Nov 2025; Nov 2025; 10 Nov 2025, 00:01 (UTC−05:00). Other text stays."""
    if month := re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", str(stated)):
        return f"{_MONTHS[int(month[2]) - 1]} {month[1]}"
    try:
        value = parsed(stated)
    except ValueError:
        return str(stated)
    words = f"{value.day} {_MONTHS[value.month - 1]} {value.year}"
    if not isinstance(value, datetime):
        return words
    offset = value.strftime("%z")
    zone = f" (UTC{offset[:3].replace('-', '−')}:{offset[3:]})" if offset else ""
    return f"{words}, {value:%H:%M}{zone}".replace("UTC+00:00", "UTC")


def last_day(until: Any) -> str:
    """The last day that still belongs to a window which is over on the day `until`."""
    value = parsed(until)
    return day((value.date() if isinstance(value, datetime) else value) - timedelta(days=1))


def local(instant: Any, zone: ZoneInfo) -> str:
    """An instant on the clock of a place; at midnight just the day."""
    value = datetime.fromisoformat(str(instant)).astimezone(zone)
    if (value.hour, value.minute, value.second) == (0, 0, 0):
        return day(value.date())
    city = str(zone).rpartition("/")[2].replace("_", " ")
    return f"{day(value.date())}, {value:%H:%M} in {city}"


def percent(rate: Any) -> str:
    """A rate in percent, without needless zeros."""
    return f"{float(rate):g} %"


def words(name: str) -> str:
    """A name in camel case or with marks as words: bibliographicCitation → bibliographic citation."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").lower()


def count(number: int, thing: str) -> str:
    """A number of things: 1 measure, 2 measures."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def period(start: date | None, end: date | None) -> str:
    """A half-open window in words: from 9 Nov 2025 until and including 27 Nov 2026."""
    begin = f"from {day(start)} " if start else ""
    return begin + (f"until and including {last_day(end)}" if end else "with no end set")


def days_after(stated: Any, other: date) -> int:
    """How many days a day lies after another; less than 0 if before."""
    return (date.fromisoformat(str(stated)) - other).days


def year_before(stated: Any) -> str:
    """The day a year before a day, as an ISO text; of 29 February the 28th."""
    value = date.fromisoformat(str(stated))
    return str(value.replace(year=value.year - 1, day=28 if (value.month, value.day) == (2, 29) else value.day))
