"""Measures as people see them: in groups, each with its state on a day and its timeline, all on one axis."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from inforce.model import Status
from inforce.service import Answer, Service, remembered
from inforce.web import wording
from inforce.web.drawing import Axis, Bar, Stretch, Window, bars
from inforce.web.language import current, gettext
from inforce.web.site import short, site
from inforce.web.standing import Lives, Span, State, Turn, alike, at_moment, lasts, lives, on_day, turns

# In the order in which people look for them.
STATUSES = [str(s) for s in (Status.IN_FORCE, Status.SUSPENDED, Status.PENDING, Status.ENDED, Status.ANNULLED)]
# The groups of a table: what moves comes first. What is in force is divided by whether it will change by itself.
GROUPS = ("suspended", "pending", "changing", "inForce", "ended", "annulled")
# A page draws at most this many measures; the API gives all.
MOST = 200
# A longer group is divided by who imposes and by kind, and folded.
SHORT = 12
# In a drawing of ten years, of which a part is in view, a day is this wide at least (percent).
_NARROWEST = 0.08


@dataclass(frozen=True, slots=True)
class Drawing:
    """A timeline ready to be drawn: its bars, the marked days with their captions, and all of it in words."""

    axis: Axis
    bars: Sequence[Bar]
    days: Mapping[str, date]
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """A measure with its state on a day, and its timeline as bars; `later` is where more is known of it today.

    `known` are the day on which the timeline was learned, and that of the later one.
    """

    measure: str
    state: State
    bars: Sequence[Bar]
    later: Sequence[Bar]
    known: tuple[str, str]

    @property
    def key(self) -> tuple[Any, ...]:
        """What is all that a row depends on in one build."""
        return self.measure, self.known, self.state.span["fromInstant"], self.state.since, self.state.until


@dataclass(frozen=True, slots=True)
class Group:
    """Measures that belong together: one of GROUPS, of one side and family of kinds where it is divided."""

    key: str
    rows: Sequence[Row]
    side: str | None = None
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The measures of an answer in groups, on one axis; `counts` by status are those of all measures found.

    `on` is the day or moment asked, `turns` are all changes of the measures that are felt, `left_out` are beyond
    what a page can show.
    """

    groups: Sequence[Group]
    window: Window
    on: str
    today: date
    counts: Mapping[str, int]
    turns: Sequence[Turn]
    left_out: int

    @property
    def total(self) -> int:
        """How many measures are shown or left out."""
        return sum(len(group.rows) for group in self.groups) + self.left_out

    @property
    def day(self) -> date:
        """The day asked, or that of the moment asked."""
        return date.fromisoformat(self.on[:10])

    @property
    def corrected(self) -> bool:
        """Whether anything in it was to become different from what was known."""
        return any(row.later for group in self.groups for row in group.rows)

    @property
    def ahead(self) -> Mapping[str, Sequence[Turn]]:
        """What changes after the day asked, by day."""
        found: dict[str, list[Turn]] = defaultdict(list)
        for turn in self.turns:
            if turn.on > self.on[:10]:
                found[turn.on].append(turn)
        return found

    @property
    def behind(self) -> str | None:
        """The last day before the day asked on which anything changed."""
        return max((turn.on for turn in self.turns if turn.on < self.on[:10]), default=None)


def table(service: Service, answer: Answer, today: date, rows: Iterable[Mapping[str, Any]] | None = None) -> Table:
    """The table of an in-force answer, or of some of its rows."""
    known_on = str(answer.parameters["knownOn"][0])
    all_lives = timelines(service, known_on)
    measures = [row["measure"] for row in (answer.rows if rows is None else rows)]
    asked = str(answer.parameters["on" if "on" in answer.parameters else "at"][0])
    return drawn_table(service, {m: all_lives[m] for m in measures}, asked, known_on, today)


def drawn_table(
    service: Service,
    known: Lives,
    on: str,
    known_on: str,
    today: date,
    statuses: Sequence[str] = tuple(STATUSES),
    view: tuple[date, date] | None = None,
) -> Table:
    """The table of measures with these lives, as known on a day, on a day or moment, of those in some statuses."""
    state_of = at_moment if "T" in on else on_day
    found = {measure: state for measure, life in known.items() if (state := state_of(life, on)) is not None}
    counts = Counter(state.span["status"] for state in found.values())
    wanted = sorted(
        (measure for measure, state in found.items() if state.span["status"] in statuses),
        key=lambda m: _place(service, m, found[m]),
    )
    window = viewed(service, date.fromisoformat(on[:10]), today, view)
    learned, latest = (site(service).learned(day) for day in (known_on, max(known_on, today.isoformat())))
    rows = [
        Row(
            measure,
            found[measure],
            _bars(service, measure, learned, window.axis, current()),
            _later(service, measure, learned, latest, window.axis, current()) if learned < latest else (),
            (learned, latest),
        )
        for measure in wanted[:MOST]
    ]
    return Table(
        _grouped(service, rows),
        window,
        on,
        today,
        {status: counts[status] for status in STATUSES},
        [turn for turn in turns(known) if turn.felt],
        len(wanted) - len(rows),
    )


def _place(service: Service, measure: str, state: State) -> tuple[int, str, str, str]:
    """Where a measure stands: in its group the next to change comes first, then by side and name."""
    until = (state.until or "") if state.then else ""
    return GROUPS.index(_group(state)), until or "9999", site(service).about[measure]["imposedBy"], state.span["label"]


def _group(state: State) -> str:
    status = str(state.span["status"])
    return "changing" if status == Status.IN_FORCE and state.then else status


def _grouped(service: Service, rows: Sequence[Row]) -> list[Group]:
    """The rows in groups; a long group of what does not move is divided by side and family of kinds."""
    of_key: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_key[_group(row.state)].append(row)
    known, groups = site(service), []
    for key, members in of_key.items():
        if len(members) <= SHORT or key in GROUPS[:3]:
            groups.append(Group(key, members))
            continue
        parts: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in members:
            about = known.about[row.measure]
            parts[about["imposedBy"], known.families[about["kind"]]].append(row)
        for side, family in sorted(parts, key=lambda p: (p[0], -len(parts[p]), p[1])):
            groups.append(Group(key, parts[side, family], side, family))
    return groups


def viewed(service: Service, on: date, today: date, view: tuple[date, date] | None = None) -> Window:
    """What is in view of an axis that holds the whole record: years around today, or around a day far from it."""
    bounds = [*site(service).bounds, today]
    whole = Axis(date(min(bounds).year, 1, 1), date(max(bounds).year + 2, 1, 1))
    far = abs(on.year - today.year) > 1 and whole.first <= on < whole.last
    centre = on.year if far else today.year
    near = date(centre - 1, 1, 1), date(centre + 2, 1, 1)
    for first, last in (view or near, near):
        first, last = max(first, whole.first), min(last, whole.last)
        if first < last:
            return Window(whole, first, last)
    return Window(whole, whole.first, whole.last)


def marked(answer: Answer, today: date) -> dict[str, date]:
    """The day that an answer is about, under its caption."""
    asked = str(answer.parameters["on" if "on" in answer.parameters else "at"][0])[:10]
    return {gettext("today") if asked == today.isoformat() else wording.day(asked): date.fromisoformat(asked)}


def timelines(service: Service, known_on: str) -> Mapping[str, Sequence[Span]]:
    """The rows of the timeline question for every measure, as known on a day."""
    return _timelines(service, site(service).learned(known_on))


@remembered(64)
def _timelines(service: Service, known_on: str) -> Mapping[str, Sequence[Span]]:
    return lives(service.ask("timeline", {"knownOn": [known_on]}, date.fromisoformat(known_on)).rows)


def life(service: Service, measure: str, known_on: str) -> list[Stretch]:
    """The stretches of a measure, as known on a day."""
    first_public = site(service).first_public.get(measure, date.min)
    return [stretch(row, first_public) for row in timelines(service, known_on).get(measure, ())]


def stretch(row: Span, first_public: date) -> Stretch:
    """A row of the timeline question. A measure is pending only from when anyone could know of it."""
    start = date.fromisoformat(row["from"]) if row["from"] else first_public
    end = date.fromisoformat(row["until"]) if row["until"] else None
    rate = "" if row["rate"] is None else wording.percent(row["rate"])
    return Stretch(row["status"], start, end, rate, wording.lasting(row["status"], rate, start, end), row["clause"])


def drawn(stretches: Sequence[Stretch], on: Axis, days: Mapping[str, date]) -> Drawing:
    """The drawing of a measure's life; what lasts for less than a day is left to words elsewhere."""
    lasting = [s for s in stretches if s.start is None or s.end is None or s.start < s.end]
    return Drawing(on, bars(lasting, on), days, wording.told_of_life([(s.title, short(s.by)) for s in lasting]))


@remembered(4096)
def _bars(service: Service, measure: str, known_on: str, on: Axis, _: str) -> Sequence[Bar]:
    """The bars of a measure, as known on a day on which something was made public, in the language of the request."""
    lasting = [s for s in life(service, measure, known_on) if s.start is None or s.end is None or s.start < s.end]
    return tuple(bars(lasting, on, _NARROWEST))


@remembered(4096)
def _later(service: Service, measure: str, known_on: str, now: str, on: Axis, _: str) -> Sequence[Bar]:
    """What is known of a measure on one of two days where that differs from what was known on the other."""
    return later(service, timelines(service, known_on)[measure], timelines(service, now).get(measure, ()), on)


def later(service: Service, then: Sequence[Span], now: Sequence[Span], on: Axis) -> Sequence[Bar]:
    """What is known now of a measure where that differs from what was known then."""
    first_public = site(service).first_public
    different = []
    for span in filter(lasts, now):
        for start, end in _uncovered(span, [s for s in then if alike(s, span)]):
            part = {**span, "from": start, "until": end}
            different.append(stretch(part, first_public[span["measure"]]))
    return tuple(bars(different, on, _NARROWEST))


def _uncovered(span: Span, same: Iterable[Span]) -> list[tuple[str | None, str | None]]:
    """The parts of a span that none of some others covers, which are in the order of their days."""
    left, start = [], span["from"] or ""
    end = span["until"] or "9999"
    for other in same:
        first, last = max(other["from"] or "", start), min(other["until"] or "9999", end)
        if first < last:
            if start < first:
                left.append((start, first))
            start = last
    if start < end:
        left.append((start, end))
    return [(a or None, None if b == "9999" else b) for a, b in left]
