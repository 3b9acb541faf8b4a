"""Measures as people see them: grouped by who imposes them, each with its state on a day and its timeline."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from inforce.model import Status
from inforce.service import Answer, Service
from inforce.web import wording
from inforce.web.drawing import Axis, Bar, Stretch, axis, bars
from inforce.web.site import short, site

# In the order in which people look for them.
STATUSES = [str(s) for s in (Status.IN_FORCE, Status.SUSPENDED, Status.PENDING, Status.ENDED, Status.ANNULLED)]
# A page draws at most this many measures; the API gives all.
MOST = 250
# A longer table is divided by kind of measure too.
SHORT = 30


@dataclass(frozen=True, slots=True)
class Drawing:
    """A timeline ready to be drawn: its bars, the marked days with their captions, and all of it in words."""

    axis: Axis
    bars: Sequence[Bar]
    days: Mapping[str, date]
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """A measure with its state on a day, as the question answered it, and the drawing of its timeline."""

    answer: Mapping[str, Any]
    drawing: Drawing


@dataclass(frozen=True, slots=True)
class Table:
    """Measures by the country that imposes them and by kind, all on one axis; a short table has one kind, "".

    `left_out` are beyond what a page can show.
    """

    groups: Mapping[str, Mapping[str, Sequence[Row]]]
    axis: Axis | None
    days: Mapping[str, date]
    counts: Mapping[str, int]
    left_out: int

    @property
    def total(self) -> int:
        """How many measures the answer has."""
        return sum(self.counts.values())


def table(service: Service, answer: Answer, today: date, rows: Iterable[Mapping[str, Any]] | None = None) -> Table:
    """The table of an in-force answer, or of some of its rows."""
    chosen = sorted(
        answer.rows if rows is None else rows, key=lambda r: (STATUSES.index(r["status"]), r["label"].lower())
    )
    counts = Counter(row["status"] for row in chosen)
    shown = chosen[:MOST]
    days = marked(answer, today)
    known_on = str(answer.parameters["knownOn"][0])
    lives = {row["measure"]: life(service, row["measure"], known_on) for row in shown}
    shared = axis([stretch for stretches in lives.values() for stretch in stretches], *days.values())
    groups: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in shown:
        about = site(service).about[row["measure"]]
        kind = about["kind"] if len(shown) > SHORT else ""
        groups[about["imposedBy"]][kind].append(Row(row, drawn(lives[row["measure"]], shared, days)))
    return Table(
        {
            country: {kind: of_kind[kind] for kind in sorted(of_kind, key=site(service).name)}
            for country, of_kind in sorted(groups.items())
        },
        shared if shown else None,
        days,
        {status: counts[status] for status in STATUSES if counts[status]},
        len(chosen) - len(shown),
    )


def marked(answer: Answer, today: date) -> dict[str, date]:
    """The day that an answer is about, under its caption."""
    asked = str(answer.parameters["on" if "on" in answer.parameters else "at"][0])[:10]
    return {"today" if asked == today.isoformat() else wording.day(asked): date.fromisoformat(asked)}


@lru_cache(maxsize=64)
def timelines(service: Service, known_on: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """The rows of the timeline question for every measure, as known on a day."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in service.ask("timeline", {"knownOn": [known_on]}, date.fromisoformat(known_on)).rows:
        found[row["measure"]].append(row)
    return found


def life(service: Service, measure: str, known_on: str) -> list[Stretch]:
    """The stretches of a measure, as known on a day."""
    first_public = site(service).first_public.get(measure, date.min)
    return [stretch(row, first_public) for row in timelines(service, known_on).get(measure, ())]


def stretch(row: Mapping[str, Any], first_public: date) -> Stretch:
    """A row of the timeline question. A measure is pending only from when anyone could know of it."""
    start = date.fromisoformat(row["from"]) if row["from"] else first_public
    end = date.fromisoformat(row["until"]) if row["until"] else None
    rate = "" if row["rate"] is None else wording.percent(row["rate"])
    said = wording.words(row["status"]) + (f" at {rate}" if rate else "")
    return Stretch(row["status"], start, end, rate, f"{said} {wording.period(start, end)} ({short(row['clause'])})")


def drawn(stretches: Sequence[Stretch], on: Axis, days: Mapping[str, date]) -> Drawing:
    """The drawing of a measure's life; what lasts for less than a day is left to words elsewhere."""
    lasting = [s for s in stretches if s.start is None or s.end is None or s.start < s.end]
    return Drawing(on, bars(lasting, on), days, "Timeline: " + "; ".join(s.title for s in lasting) + ".")
