"""Days, moments and numbers as people read them, in the language of the request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, get_timezone_location

from inforce.web.language import N_, current, gettext

_DAY = {"en": "d MMM y", "zh": "y年M月d日"}
_MONTH = {"en": "MMM y", "zh": "y年M月"}


def parsed(text: Any) -> date | datetime:
    """The day or moment that an ISO text states. Raises ValueError."""
    stated = str(text)
    return datetime.fromisoformat(stated) if "T" in stated else date.fromisoformat(stated)


def day(stated: Any) -> str:
    """A day, month or moment in words: 9 Nov 2025; Nov 2025; 10 Nov 2025, 00:01 (UTC−05:00). Other text stays."""
    return _day(str(stated), current())


@lru_cache(maxsize=8192)
def _day(stated: str, language: str) -> str:
    if re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", stated):
        return str(format_date(date.fromisoformat(f"{stated}-01"), _MONTH[language], language))
    try:
        value = parsed(stated)
    except ValueError:
        return stated
    words = str(format_date(value, _DAY[language], language))
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
    city = get_timezone_location(str(zone), locale=current(), return_city=True)
    said = {"day": day(value.date()), "time": f"{value:%H:%M}", "city": city}
    return gettext("%(day)s, %(time)s in %(city)s") % said


def percent(rate: Any) -> str:
    """A rate in percent, without needless zeros."""
    return gettext("%(number)s %%") % {"number": f"{float(rate):g}"}


def words(name: str) -> str:
    """A name in camel case or with marks as words: bibliographicCitation → bibliographic citation."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").lower()


_STATUSES = {
    "inForce": N_("in force"),
    "suspended": N_("suspended"),
    "pending": N_("pending"),
    "ended": N_("ended"),
    "annulled": N_("annulled"),
}
_ROLES = {
    "decides": N_("decides"),
    "counts": N_("counts"),
    "outside its window": N_("outside its window"),
    "overridden": N_("overridden"),
    "no effect on the status": N_("no effect on the status"),
}
_PARAMETERS = {
    "material": N_("material"),
    "hs": N_("HS code"),
    "imposedBy": N_("imposed by"),
    "kind": N_("kind"),
    "destination": N_("destination"),
    "origin": N_("origin"),
    "flow": N_("flow"),
}
_COUNTED = {
    "acts": N_("acts"),
    "clauses": N_("clauses"),
    "effects": N_("effects"),
    "items": N_("items"),
    "listings": N_("listings"),
    "measures": N_("measures"),
    "sources": N_("sources"),
    "spans": N_("spans"),
    "triples": N_("triples"),
}


def status(name: str) -> str:
    """The name of a status, as it stands in the middle of a sentence."""
    return gettext(_STATUSES[name])


def role(name: str) -> str:
    """What an effect does to an answer, as the question `explain` calls it."""
    return gettext(_ROLES[name])


def parameter(name: str) -> str:
    """What a parameter of the questions is called."""
    return gettext(_PARAMETERS.get(name, words(name)))


def counted(name: str) -> str:
    """What a count of the manifest counts."""
    return gettext(_COUNTED.get(name, name))


def lasting(state: str, rate: str, start: date | None, end: date | None) -> str:
    """A status on a half-open window: in force at 10 % from 9 Nov 2025 until and including 27 Nov 2026."""
    said = {"status": status(state), "rate": rate, "first": start and day(start), "last": end and last_day(end)}
    what = gettext("%(status)s at %(rate)s") % said if rate else said["status"]
    if start and end:
        return gettext("%(state)s from %(first)s until and including %(last)s") % {**said, "state": what}
    if start:
        return gettext("%(state)s from %(first)s with no end set") % {**said, "state": what}
    if end:
        return gettext("%(state)s until and including %(last)s") % {**said, "state": what}
    return gettext("%(state)s with no end set") % {"state": what}


def told_of_life(stretches: Sequence[tuple[str, str]]) -> str:
    """A timeline in words: each stretch with the clause behind it."""
    each = (gettext("%(state)s (%(clause)s)") % {"state": said, "clause": clause} for said, clause in stretches)
    return gettext("Timeline: %(stretches)s.") % {"stretches": gettext("; ").join(each)}


def days_after(stated: Any, other: date) -> int:
    """How many days a day lies after another; less than 0 if before."""
    return (date.fromisoformat(str(stated)) - other).days


def year_before(stated: Any) -> str:
    """The day a year before a day, as an ISO text; of 29 February the 28th."""
    value = date.fromisoformat(str(stated))
    return str(value.replace(year=value.year - 1, day=28 if (value.month, value.day) == (2, 29) else value.day))
