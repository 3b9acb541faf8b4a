"""The compiler: the story of the record by hand, a table of windows, and the properties the model promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from inforce.model import (
    BASE,
    ZONES,
    Effect,
    EffectType,
    InforceError,
    Span,
    State,
    Status,
    TimelineError,
    day_of,
    window,
)
from inforce.timeline import compile_measure, in_order
from oracle import ESTABLISHING, MICROSECOND, day_state, in_order_of_application, state_at

CN, US = ZONES["cn"], ZONES["us"]
MEASURE = BASE + "measure/m"
DAY = timedelta(days=1)
NO_TIES: Mapping[str, frozenset[str]] = {}


# --- acts as they are stated, timelines as they are read --------------------------------------------------------------


def stated(text: str | None) -> date | datetime | None:
    """A day, or a minute with its offset."""
    if text is None:
        return None
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def iri(clause: str) -> str:
    return f"{BASE}instrument/{clause}"


def effect(
    type_: str,
    clause: str,
    public: str,
    start: str | None = None,
    until: str | None = None,
    *,
    through: str | None = None,
    zone: ZoneInfo = CN,
    rate: str | int | None = None,
    terms: str | None = None,
    extends: Effect | None = None,
) -> Effect:
    """What a clause (act#clause) does; `until` no longer belongs to its window, `through` is the last day that does."""
    begin, end = window(stated(start), stated(until), stated(through), zone)
    return Effect(
        id=f"{iri(clause)}-{type_}",
        type=EffectType(type_),
        act=iri(clause.split("#")[0]),
        clause=iri(clause),
        measures=(MEASURE,),
        public=date.fromisoformat(public),
        start=begin,
        end=end,
        rate=None if rate is None else Decimal(rate),
        terms=terms,
        extends=None if extends is None else extends.id,
    )


def us(*args: str, **more: object) -> Effect:
    """An effect whose days are those of New York."""
    return effect(*args, zone=US, **more)  # type: ignore[arg-type]


def spans_of(*effects: Effect, after: Mapping[str, frozenset[str]] = NO_TIES) -> list[Span]:
    return compile_measure(MEASURE, in_order(effects, after))


def known_on(spans: Sequence[Span], day: date) -> list[Span]:
    """The spans that hold as known on a day, in legal order."""
    known = [s for s in spans if s.known_from <= day and (s.known_until is None or day < s.known_until)]
    return sorted(known, key=lambda s: (s.start is not None, s.start))


def holding(spans: Sequence[Span], instant: datetime) -> list[Span]:
    """The spans to which an instant belongs: start <= instant < end."""
    return [s for s in spans if (s.start is None or s.start <= instant) and (s.end is None or instant < s.end)]


def on_day(spans: Sequence[Span], day: date, zone: ZoneInfo) -> list[Span]:
    """The spans to which a civil day belongs: day of start <= day < day of end."""
    return [
        s
        for s in spans
        if (s.start is None or day_of(s.start, zone) <= day) and (s.end is None or day < day_of(s.end, zone))
    ]


def moment(instant: datetime | None, zone: ZoneInfo) -> str:
    local = "" if instant is None else instant.astimezone(zone).strftime("%Y-%m-%dT%H:%M ")
    return local.replace("T00:00", "")


def line(spans: Sequence[Span], known: str, zone: ZoneInfo = CN) -> list[str]:
    """The timeline as known on a day: from when, status and rate of each stretch, whatever its reasons."""
    stretches = groupby(known_on(spans, date.fromisoformat(known)), key=lambda s: (s.state.status, s.state.rate))
    return [
        moment(next(group).start, zone) + status + ("" if rate is None else f" {rate}")
        for (status, rate), group in stretches
    ]


def clauses(state: State) -> list[str]:
    """The reasons of a state, as act#clause-type."""
    return [cause.removeprefix(iri("")) for cause in state.because]


def on(spans: Sequence[Span], day: str, zone: ZoneInfo = CN) -> State:
    """The state of a civil day as known now."""
    (span,) = on_day(known_on(spans, date.max), date.fromisoformat(day), zone)
    return span.state


# --- the story --------------------------------------------------------------------------------------------------------

RARE_EARTHS = effect("establish", "cn-mofcom-2025-55#whole", "2025-10-09", "2025-11-08")
PAUSE = effect("suspend", "cn-mofcom-2025-70#whole", "2025-11-07", "2025-11-07", through="2026-11-10")


def test_a_measure_suspended_before_its_first_day_stays_pending_until_then_and_applies_by_itself_when_the_pause_ends():
    spans = spans_of(RARE_EARTHS, PAUSE)
    assert line(spans, "2025-10-08") == []
    assert line(spans, "2025-11-06") == ["pending", "2025-11-08 inForce"]
    assert line(spans, "2025-11-07") == ["pending", "2025-11-08 suspended", "2026-11-11 inForce"]


RECIPROCAL = us("establish", "us-eo-14257#sec-3a-2", "2025-04-02", "2025-04-09T00:01-04:00", rate=34)
FENTANYL = us("establish", "us-eo-14195#sec-2a", "2025-02-01", "2025-02-04T00:01-05:00", rate=10)
RAISE_84 = us("amend", "us-eo-14259#sec-2", "2025-04-08", "2025-04-09T00:01-04:00", rate=84)
RAISE_125 = us("amend", "us-eo-14266#sec-3b", "2025-04-09", "2025-04-10T00:01-04:00", rate=125)
BACK_34 = us("amend", "us-eo-14298#sec-3b", "2025-05-12", "2025-05-14T00:01-04:00", rate=34)
ONLY_10 = us("amend", "us-eo-14298#sec-3d", "2025-05-12", "2025-05-14T00:01-04:00", "2025-08-12T00:01-04:00", rate=10)
TO_NOVEMBER = us(
    "extend", "us-eo-14334#sec-2", "2025-08-11", "2025-08-12T00:01-04:00", "2025-11-10T00:01-05:00", extends=ONLY_10
)
TO_2026 = us(
    "extend", "us-eo-14358#sec-2", "2025-11-04", "2025-11-10T00:01-05:00", "2026-11-10T00:01-05:00", extends=TO_NOVEMBER
)


def test_a_windowed_amendment_reverts_by_itself_and_its_extensions_move_the_day():
    spans = spans_of(RECIPROCAL, RAISE_84, RAISE_125, BACK_34, ONLY_10, TO_NOVEMBER, TO_2026)
    first = ["pending 34", "2025-04-09T00:01 inForce 84", "2025-04-10T00:01 inForce 125"]
    cut = "2025-05-14T00:01 inForce 10"
    assert line(spans, "2025-05-11", US) == first
    assert line(spans, "2025-08-10", US) == [*first, cut, "2025-08-12T00:01 inForce 34"]
    assert line(spans, "2025-08-11", US) == [*first, cut, "2025-11-10T00:01 inForce 34"]
    assert line(spans, "2025-11-04", US) == [*first, cut, "2026-11-10T00:01 inForce 34"]


def test_an_extension_of_an_amendment_keeps_the_terms_it_extends_unless_it_brings_its_own():
    none = us("extend", "us-eo-2#1", "2025-08-11", "2025-08-12T00:01-04:00", "2025-09-01", rate=0, extends=ONLY_10)
    again = us("extend", "us-eo-3#1", "2025-08-29", "2025-09-01", "2025-10-01", extends=none)
    spans = spans_of(RECIPROCAL, ONLY_10, none, again)
    assert line(spans, "2025-09-01", US)[1:] == [
        "2025-04-09T00:01 inForce 34",
        "2025-05-14T00:01 inForce 10",
        "2025-08-12T00:01 inForce 0",
        "2025-10-01 inForce 34",
    ]


def test_a_new_rate_comes_with_its_own_terms_or_none_and_new_terms_alone_leave_the_rate():
    base = effect("establish", "cn-a-2025-1#1", "2025-01-01", "2025-01-01", rate=34, terms="all goods")
    words = effect("amend", "cn-a-2025-2#1", "2025-02-01", "2025-02-01", terms="but wheat")
    number = effect("amend", "cn-a-2025-3#1", "2025-03-01", "2025-03-01", rate=10)
    spans = spans_of(base, words, number)
    told = [(on(spans, day).rate, on(spans, day).terms) for day in ("2025-01-01", "2025-02-01", "2025-03-01")]
    assert told == [(34, "all goods"), (34, "but wheat"), (10, None)]


LISTED = effect("addToList", "cn-mofcom-2025-21#whole", "2025-04-04", "2025-04-04")
FOR_90_DAYS = effect("suspend", "cn-mofcom-2025-05-14-ecl#whole", "2025-05-14", "2025-05-14", "2025-08-12")
FOR_90_MORE = effect(
    "extendSuspension", "cn-mofcom-2025-08-12-ecl#no-21", "2025-08-12", "2025-08-12", "2025-11-10", extends=FOR_90_DAYS
)
FOR_A_YEAR = effect(
    "extendSuspension", "cn-mofcom-2025-11-05-ecl#no-21", "2025-11-05", "2025-11-10", "2026-11-10", extends=FOR_90_MORE
)


def test_a_chain_of_extensions_is_one_suspension_whose_end_moves_as_each_becomes_public():
    spans = spans_of(LISTED, FOR_90_DAYS, FOR_90_MORE, FOR_A_YEAR)
    listed = ["pending", "2025-04-04 inForce", "2025-05-14 suspended"]
    assert line(spans, "2025-08-11") == [*listed, "2025-08-12 inForce"]
    assert line(spans, "2025-08-12") == [*listed, "2025-11-10 inForce"]
    assert line(spans, "2025-11-05") == [*listed, "2026-11-10 inForce"]
    assert clauses(on(spans, "2025-12-01")) == [
        "cn-mofcom-2025-21#whole-addToList",
        "cn-mofcom-2025-11-05-ecl#no-21-extendSuspension",
    ]


def test_an_establishment_with_an_end_lapses_and_an_extension_lets_it_go_on():
    exclusions = us("establish", "us-ustr-2024-89fr46948#164", "2024-05-24", "2024-06-15", through="2025-05-31")
    august = us("extend", "us-ustr-2025-10203#1", "2025-05-31", "2025-06-01", through="2025-08-31", extends=exclusions)
    november = us("extend", "us-ustr-2025-16733#1", "2025-08-28", "2025-09-01", through="2025-11-29", extends=august)
    spans = spans_of(exclusions, august, november)
    assert line(spans, "2025-05-30", US) == ["pending", "2024-06-15 inForce", "2025-06-01 ended"]
    assert line(spans, "2025-05-31", US) == ["pending", "2024-06-15 inForce", "2025-09-01 ended"]
    assert line(spans, "2025-08-28", US) == ["pending", "2024-06-15 inForce", "2025-11-30 ended"]
    assert clauses(on(spans, "2025-10-01", US)) == [
        "us-ustr-2024-89fr46948#164-establish",
        "us-ustr-2025-10203#1-extend",
        "us-ustr-2025-16733#1-extend",
    ]


def test_an_extension_may_bring_its_own_rate_to_the_life_it_prolongs_and_none_is_a_rate():
    surcharge = effect("establish", "cn-a-2025-1#1", "2025-01-01", "2025-01-01", "2025-02-01", rate=10)
    free = effect("extend", "cn-a-2025-2#1", "2025-01-20", "2025-02-01", "2025-03-01", rate=0, extends=surcharge)
    assert line(spans_of(surcharge, free), "2025-01-20") == [
        "pending 10",
        "2025-01-01 inForce 10",
        "2025-02-01 inForce 0",
        "2025-03-01 ended",
    ]


def test_an_extension_changes_nothing_outside_its_own_window():
    first = effect("establish", "cn-a-2025-1#1", "2025-01-01", "2025-01-01", "2025-02-01")
    anew = effect("establish", "cn-a-2025-2#1", "2025-01-02", "2025-03-01", "2025-04-01")
    bridge = effect("extend", "cn-a-2025-3#1", "2025-01-03", "2025-02-01", "2025-03-15", extends=first)
    assert line(spans_of(first, anew, bridge), "2025-01-03") == ["pending", "2025-01-01 inForce", "2025-04-01 ended"]


def test_a_listing_for_a_time_goes_on_like_any_other_life():
    listed = effect("addToList", "cn-a-2025-1#1", "2025-01-01", "2025-01-01", "2025-02-01")
    pause = effect("suspend", "cn-a-2025-2#1", "2025-01-10", "2025-01-10")
    more = effect("extend", "cn-a-2025-3#1", "2025-01-20", "2025-02-01", "2025-03-01", extends=listed)
    spans = spans_of(listed, pause, more)
    assert line(spans, "2025-01-20") == ["pending", "2025-01-01 inForce", "2025-01-10 suspended", "2025-03-01 ended"]


def test_a_resumption_ends_a_suspension_early_and_a_later_act_may_stop_it_before_it_comes():
    autos = effect("establish", "cn-sctc-2018-5#list-1", "2018-06-16", "2018-07-06")
    quarter = effect("suspend", "cn-sctc-2018-10#whole", "2018-12-14", "2019-01-01", through="2019-03-31")
    on_and_on = effect("extendSuspension", "cn-sctc-2019-1#whole", "2019-03-31", "2019-04-01", extends=quarter)
    back = effect("resume", "cn-sctc-2019-5#whole", "2019-08-23", "2019-12-15T12:01+08:00")
    not_now = effect("suspend", "cn-sctc-2019-7#autos", "2019-12-15", "2019-12-15T12:01+08:00")
    spans = spans_of(autos, quarter, on_and_on, back, not_now)
    before = ["pending", "2018-07-06 inForce", "2019-01-01 suspended"]
    assert line(spans, "2019-03-30") == [*before, "2019-04-01 inForce"]
    assert line(spans, "2019-08-22") == before
    assert line(spans, "2019-12-14") == [*before, "2019-12-15T12:01 inForce"]
    assert line(spans, "2019-12-15") == before


def test_a_postponement_moves_the_start():
    rule = us("establish", "us-a-2025-1#1", "2025-01-01", "2025-03-01")
    later = us("postpone", "us-a-2025-2#1", "2025-02-01", until="2025-06-01")
    spans = spans_of(rule, later)
    assert line(spans, "2025-01-31", US) == ["pending", "2025-03-01 inForce"]
    assert line(spans, "2025-02-01", US) == ["pending", "2025-06-01 inForce"]


@pytest.mark.parametrize("type_", ["revoke", "replace", "removeFromList"])
def test_what_is_revoked_replaced_or_struck_off_is_ended_without_end(type_: str):
    duty = effect("establish", "cn-sctc-2025-2#art-1", "2025-03-04", "2025-03-10", rate=15)
    stop = effect(type_, "cn-sctc-2025-9#whole", "2025-11-05", "2025-11-10T13:01+08:00")
    spans = spans_of(duty, stop)
    assert line(spans, "2025-11-05") == ["pending 15", "2025-03-10 inForce 15", "2025-11-10T13:01 ended"]


JUDGMENT = us("annul", "us-scotus-2026-lr#holding", "2026-02-20", "2025-02-04T00:01-05:00")


def test_an_annulment_may_reach_back_before_the_judgment_but_not_into_what_was_known_before_it():
    spans = spans_of(FENTANYL, JUDGMENT)
    assert line(spans, "2026-02-19", US) == ["pending 10", "2025-02-04T00:01 inForce 10"]
    assert line(spans, "2026-02-20", US) == ["pending 10", "2025-02-04T00:01 annulled"]


def test_what_had_ended_can_still_be_annulled_and_what_is_annulled_does_not_end():
    repeal = us("revoke", "us-eo-1#1", "2025-06-01", "2025-06-01")
    judgment = us("annul", "us-scotus-2026-lr#holding", "2026-02-20", "2025-08-01")
    early = us("revoke", "us-eo-2#1", "2026-03-01", "2025-05-01")
    spans = spans_of(FENTANYL, repeal, judgment, early)
    assert line(spans, "2026-03-01", US)[2:] == ["2025-05-01 ended", "2025-08-01 annulled"]


def test_a_reenactment_keeps_status_and_terms_and_joins_the_reasons():
    gallium = effect("establish", "cn-mofcom-2023-23#art-1-1", "2023-07-03", "2023-08-01", terms="licence")
    one_list = effect("reenact", "cn-mofcom-2024-51#list", "2024-11-15", "2024-12-01")
    spans = spans_of(gallium, one_list)
    assert line(spans, "2024-11-15") == ["pending", "2023-08-01 inForce"]
    assert on(spans, "2024-11-30") == State(Status.IN_FORCE, None, "licence", (gallium.id,))
    assert on(spans, "2024-12-01") == State(Status.IN_FORCE, None, "licence", (gallium.id, one_list.id))


ENDING = us("confirm", "us-eo-14389#sec-1", "2026-02-20", "2026-02-20")


def test_a_confirmation_keeps_any_status_and_joins_the_reasons():
    spans = spans_of(FENTANYL, JUDGMENT, ENDING, after={ENDING.act: frozenset({JUDGMENT.act})})
    assert on(spans, "2026-02-19", US).because == (FENTANYL.id, JUDGMENT.id)
    assert on(spans, "2026-02-20", US) == State(Status.ANNULLED, None, None, (FENTANYL.id, JUDGMENT.id, ENDING.id))


def test_the_end_of_collection_leaves_the_timeline_alone():
    collected = us("endOfCollection", "us-cbp-1#1", "2026-02-23", "2026-02-24")
    assert spans_of(FENTANYL, collected) == spans_of(FENTANYL)


# --- days and instants ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "start", "until", "through", "days"),
    [
        ("a day's window holds on that day", "2025-11-10", None, "2025-11-10", "10"),
        ("the last day inside is inside", "2025-11-10", None, "2025-11-12", "10 11 12"),
        ("the first day outside is outside", "2025-11-10", "2025-11-12", None, "10 11"),
        ("a start at 00:01 holds on that day", "2025-11-10T00:01-05:00", "2025-11-12", None, "10 11"),
        ("a start at 23:59 holds on that day", "2025-11-10T23:59-05:00", "2025-11-12", None, "10 11"),
        ("an end at 00:01 does not hold on that day", "2025-11-10", "2025-11-12T00:01-05:00", None, "10 11"),
        ("an end at 23:59 does not hold on that day", "2025-11-10", "2025-11-12T23:59-05:00", None, "10 11"),
        ("what ends within its day holds on no day", "2025-11-10T00:01-05:00", "2025-11-10T23:59-05:00", None, ""),
        ("over midnight holds on the day before", "2025-11-10T23:59-05:00", "2025-11-11T00:01-05:00", None, "10"),
        ("a minute of another offset is one instant", "2025-11-10T13:01+08:00", "2025-11-12", None, "10 11"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) and value.count(" ") > 2 else None,
)
def test_a_day_belongs_to_what_holds_at_its_end(rule: str, start: str, until: str, through: str, days: str):
    """The state of a day is the state at its last microsecond."""
    stopped = us("suspend", "us-a-2025-2#1", "2025-11-01", start, until, through=through)
    effects = (us("establish", "us-a-2025-1#1", "2025-01-01", "2025-01-01"), stopped)
    november = [date(2025, 11, number) for number in range(8, 16)]
    spans = known_on(spans_of(*effects), date.max)
    suspended = {d for d in november for s in on_day(spans, d, US) if s.state.status is Status.SUSPENDED}
    assert suspended == {date(2025, 11, int(number)) for number in days.split()}, rule
    assert suspended == {d for d in november if day_state(MEASURE, d, date.max, effects, US).status is Status.SUSPENDED}


@pytest.mark.parametrize(("day", "begins"), [("2025-07-01", "2025-06-30T12:00"), ("2025-12-01", "2025-11-30T11:00")])
def test_a_day_begins_at_midnight_of_the_imposing_jurisdiction(day: str, begins: str):
    in_shanghai = spans_of(effect("establish", "cn-a-2025-1#1", "2025-01-01", day))
    assert moment(in_shanghai[1].start, US).strip() == begins


def test_an_instant_has_one_answer_to_the_microsecond():
    spans = known_on(spans_of(RARE_EARTHS, PAUSE), date.max)
    begins = datetime(2025, 11, 8, tzinfo=CN)
    told = [holding(spans, t.astimezone(UTC)) for t in (begins - MICROSECOND, begins)]
    assert [[s.state.status for s in found] for found in told] == [[Status.PENDING], [Status.SUSPENDED]]


# --- order of application ---------------------------------------------------------------------------------------------


def order(*effects: Effect, after: Mapping[str, frozenset[str]] = NO_TIES) -> list[str]:
    return [e.clause.removeprefix(iri("")) for e in in_order(effects, after)]


def bare(clause: str, public: str = "2025-01-01") -> Effect:
    return effect("confirm", clause, public, "2025-01-01")


def test_effects_apply_by_public_day_then_act_then_clause_and_numbers_count_as_numbers():
    assert order(
        bare("cn-a-2025-10#art-1"),
        bare("cn-a-2025-9#art-10"),
        bare("cn-a-2025-9#art-2"),
        bare("cn-a-2025-1#art-1", "2025-01-02"),
    ) == ["cn-a-2025-9#art-2", "cn-a-2025-9#art-10", "cn-a-2025-10#art-1", "cn-a-2025-1#art-1"]


def test_what_an_act_brings_into_being_comes_before_what_it_does_to_it():
    assert order(
        bare("a-2#art-1"),
        effect("establish", "a-2#art-7", "2025-01-01", "2025-01-01"),
        effect("addToList", "a-2#art-5", "2025-01-01", "2025-01-01"),
        bare("a-1#art-9"),
    ) == ["a-1#art-9", "a-2#art-5", "a-2#art-7", "a-2#art-1"]


def test_after_decides_between_acts_of_one_day_and_of_one_day_only():
    one, two, three = bare("a-1#1"), bare("a-2#1"), bare("a-3#1", "2025-01-02")
    follows = {one.act: frozenset({two.act, three.act}), two.act: frozenset({two.act})}
    assert order(one, two, three, after=follows) == ["a-2#1", "a-1#1", "a-3#1"]


def test_the_later_of_two_acts_of_one_day_wins():
    base = effect("establish", "a-0#1", "2025-01-01", "2025-01-01", rate=1)
    ten, twenty = (effect("amend", f"a-{n}#1", "2025-01-02", "2025-02-01", rate=n) for n in (10, 20))
    assert line(spans_of(base, ten, twenty), "2025-01-02")[-1] == "2025-02-01 inForce 20"
    reverse = {ten.act: frozenset({twenty.act})}
    assert line(spans_of(base, ten, twenty, after=reverse), "2025-01-02")[-1] == "2025-02-01 inForce 10"


def test_a_circle_of_after_is_an_error_that_names_the_acts():
    one, two = bare("a-1#1"), bare("a-2#1")
    with pytest.raises(TimelineError, match=r"goes in a circle among \S+/a-1, \S+/a-2$"):
        in_order([one, two], {one.act: frozenset({two.act}), two.act: frozenset({one.act})})


def test_effects_out_of_order_are_refused():
    with pytest.raises(TimelineError, match="not in order of their public days"):
        compile_measure(MEASURE, [RECIPROCAL, FENTANYL])


# --- windows against a life from the 10th to the 20th -----------------------------------------------------------------

# One letter a span: Pending, In force, Suspended, Ended; * marks the amended rate, a number the day on which one begins.
WINDOWS = """
window               | from     | until    | suspend                | amend                         | extend
earlier              | 03       | 07       | nothing                | P 03 P* 07 P 10 I 20 E        | gap
earlier by a minute  | 05       | 09T23:59 | nothing                | P 05 P* 09T23:59 P 10 I 20 E  | gap
earlier, adjacent    | 05       | 10       | nothing                | P 05 P* 10 I 20 E             | gap
a minute over start  | 05       | 10T00:01 | P 10 S 10T00:01 I 20 E | P 05 P* 10 I* 10T00:01 I 20 E | gap
over the start       | 05       | 15       | P 10 S 15 I 20 E       | P 05 P* 10 I* 15 I 20 E       | gap
before, to the end   | 05       | 20       | P 10 S 20 E            | P 05 P* 10 I* 20 E            | gap
containing           | 05       | 25       | P 10 S 20 E            | P 05 P* 10 I* 20 E            | gap
before, open         | 05       |          | P 10 S 20 E            | P 05 P* 10 I* 20 E            | gap
first minute         | 10       | 10T00:01 | P 10 S 10T00:01 I 20 E | P 10 I* 10T00:01 I 20 E       | gap
same start, shorter  | 10       | 15       | P 10 S 15 I 20 E       | P 10 I* 15 I 20 E             | gap
a minute short       | 10       | 19T23:59 | P 10 S 19T23:59 I 20 E | P 10 I* 19T23:59 I 20 E       | gap
equal                | 10       | 20       | P 10 S 20 E            | P 10 I* 20 E                  | gap
same start, longer   | 10       | 25       | P 10 S 20 E            | P 10 I* 20 E                  | gap
same start, open     | 10       |          | P 10 S 20 E            | P 10 I* 20 E                  | gap
contained            | 12       | 18       | P 10 I 12 S 18 I 20 E  | P 10 I 12 I* 18 I 20 E        | gap
contained day        | 12       | 13       | P 10 I 12 S 13 I 20 E  | P 10 I 12 I* 13 I 20 E        | gap
same end, shorter    | 15       | 20       | P 10 I 15 S 20 E       | P 10 I 15 I* 20 E             | gap
last minute          | 19T23:59 | 20       | P 10 I 19T23:59 S 20 E | P 10 I 19T23:59 I* 20 E       | gap
a minute over end    | 15       | 20T00:01 | P 10 I 15 S 20 E       | P 10 I 15 I* 20 E             | gap
over the end         | 15       | 25       | P 10 I 15 S 20 E       | P 10 I 15 I* 20 E             | gap
inside, open         | 15       |          | P 10 I 15 S 20 E       | P 10 I 15 I* 20 E             | gap
next day             | 20       | 21       | nothing                | nothing                       | P 10 I 20 I 21 E
adjacent             | 20       | 25       | nothing                | nothing                       | P 10 I 20 I 25 E
adjacent, open       | 20       |          | nothing                | nothing                       | P 10 I 20 I
later by a minute    | 20T00:01 | 25       | nothing                | nothing                       | gap
later                | 22       | 25       | nothing                | nothing                       | gap
later, open          | 22       |          | nothing                | nothing                       | gap
ever, earlier        |          | 07       | nothing                | P* 07 P 10 I 20 E             | gap
ever, adjacent       |          | 10       | nothing                | P* 10 I 20 E                  | gap
ever, over the start |          | 15       | P 10 S 15 I 20 E       | P* 10 I* 15 I 20 E            | gap
ever, to the end     |          | 20       | P 10 S 20 E            | P* 10 I* 20 E                 | gap
always               |          |          | P 10 S 20 E            | P* 10 I* 20 E                 | gap
empty                | 12       | 12       | backwards              | backwards                     | backwards
backwards, a minute  | 12T00:01 | 12       | backwards              | backwards                     | backwards
backwards            | 18       | 12       | backwards              | backwards                     | backwards
backwards over all   | 25       | 05       | backwards              | backwards                     | backwards
"""
REFUSALS = {
    "nothing": "changes nothing in its whole window",
    "gap": "must start where",
    "backwards": "must begin before it ends",
}


def in_january(text: str) -> str | None:
    return f"2025-01-{text}" + ("+08:00" if "T" in text else "") if text else None


def cases() -> list[object]:
    """One case for each window and effect."""
    head, *rows = ([cell.strip() for cell in row.split("|")] for row in WINDOWS.strip().splitlines())
    return [
        pytest.param(type_, in_january(start), in_january(until), outcome, id=f"{type_}: {name}")
        for name, start, until, *outcomes in rows
        for type_, outcome in zip(head[3:], outcomes, strict=True)
    ]


def letters(spans: Sequence[Span]) -> str:
    """A timeline in the notation of WINDOWS."""
    marks = []
    for span in known_on(spans, date.max):
        begin = moment(span.start, CN).removeprefix("2025-01-")
        marks.append(f"{begin}{span.state.status[0].upper()}{'*' if span.state.rate == 25 else ''}")
    return " ".join(marks)


@pytest.mark.parametrize(("type_", "start", "until", "outcome"), cases())
def test_windows(type_: str, start: str | None, until: str | None, outcome: str):
    """An effect acts where its window meets a life from the 10th to the 20th; where it meets nothing it is refused."""
    life = effect("establish", "cn-a-2025-1#1", "2025-01-01", "2025-01-10", "2025-01-20", rate=10)
    rate = 25 if type_ == "amend" else None
    extends = life if type_ == "extend" else None

    def compiled() -> str:
        second = effect(type_, "cn-a-2025-2#1", "2025-01-02", start, until, rate=rate, extends=extends)
        return letters(spans_of(life, second))

    if outcome in REFUSALS:
        with pytest.raises(InforceError, match=REFUSALS[outcome]):
            compiled()
    else:
        assert compiled() == outcome


# --- refusals: what contradicts itself names both acts ----------------------------------------------------------------

LIFE = effect("establish", "cn-life#1", "2025-01-01", "2025-01-10", "2025-01-20")
STOP = effect("suspend", "cn-stop#1", "2025-01-02", "2025-01-12", "2025-01-14")
NEVER = effect("suspend", "cn-never#1", "2025-01-02", "2025-01-12")
LATER = effect("suspend", "cn-stop#2", "2025-01-04", "2025-01-12", "2025-01-14")
OVER = effect("revoke", "cn-over#1", "2025-01-03", "2025-01-10")


def again(type_: str, extended: Effect, start: str, until: str = "2025-01-30") -> Effect:
    return effect(type_, "cn-again#1", "2025-01-04", start, until, extends=extended)


@pytest.mark.parametrize(
    ("history", "sentence"),
    [
        (
            [STOP],
            "cn-stop#1 (suspend) changes nothing in its whole window: there the measure is not known",
        ),
        (
            [LIFE, effect("resume", "cn-back#1", "2025-01-03", "2025-01-12")],
            "cn-back#1 (resume) changes nothing in its whole window: there the measure is "
            "inForce by cn-life#1 (establish), then ended by cn-life#1 (establish)",
        ),
        (
            [LIFE, STOP, effect("suspend", "cn-twice#1", "2025-01-03", "2025-01-12", "2025-01-14")],
            "cn-twice#1 (suspend) changes nothing in its whole window: there the measure is "
            "suspended by cn-stop#1 (suspend)",
        ),
        (
            [LIFE, effect("amend", "cn-same#1", "2025-01-03", "2025-01-12")],
            "cn-same#1 (amend) changes nothing in its whole window: there the measure is "
            "inForce by cn-life#1 (establish), then ended by cn-life#1 (establish)",
        ),
        (
            [RARE_EARTHS, effect("revoke", "cn-over#1", "2026-01-01", "2026-01-01"),
             effect("replace", "cn-new#1", "2026-01-02", "2026-01-01")],
            "cn-new#1 (replace) changes nothing in its whole window: there the measure is ended by cn-over#1 (revoke)",
        ),
        (
            [LIFE, OVER, again("extend", LIFE, "2025-01-20")],
            "cn-again#1 (extend) extends cn-life#1 (establish), but nothing was alive just before its end",
        ),
        (
            [LIFE, again("extend", LIFE, "2025-01-20T00:01+08:00")],
            "cn-again#1 (extend) must start where cn-life#1 (establish) ends, 2025-01-19T16:00:00+00:00, "
            "but starts 2025-01-19T16:01:00+00:00",
        ),
        (
            [LIFE, STOP, again("extendSuspension", STOP, "2025-01-15")],
            "cn-again#1 (extendSuspension) must start where cn-stop#1 (suspend) ends, 2025-01-13T16:00:00+00:00, "
            "but starts 2025-01-14T16:00:00+00:00",
        ),
        (
            [LIFE, NEVER, again("extendSuspension", NEVER, "2025-01-15")],
            "cn-again#1 (extendSuspension) extends cn-never#1 (suspend), which has no end",
        ),
        (
            [LIFE, again("extendSuspension", STOP, "2025-01-14")],
            f"cn-again#1 (extendSuspension) extends {STOP.id}, which did nothing to this measure before",
        ),
        (
            [LIFE, again("extendSuspension", LATER, "2025-01-14"), LATER],
            f"cn-again#1 (extendSuspension) extends {LATER.id}, which did nothing to this measure before",
        ),
        (
            [LIFE, again("extendSuspension", LIFE, "2025-01-20")],
            "cn-again#1 (extendSuspension) extends cn-life#1 (establish): "
            "extendSuspension is for suspensions, extend for all else",
        ),
        (
            [LIFE, STOP, again("extend", STOP, "2025-01-14")],
            "cn-again#1 (extend) extends cn-stop#1 (suspend): extendSuspension is for suspensions, extend for all else",
        ),
        (
            [LIFE, effect("extend", "cn-again#1", "2025-01-03", "2025-01-20")],
            "cn-again#1 (extend): only an extension of another effect can be of this type; inf:extends is missing",
        ),
    ],
    ids=[
        "suspends what is not known", "resumes what is in force", "suspends what is suspended", "amends without terms",
        "ends what has ended", "extends what was revoked", "extends a life after a minute", "extends a pause after a day",
        "extends what has no end", "extends what is not there", "extends what comes later", "extends a life as a pause",
        "extends a pause as a life", "extends nothing",
    ],
)  # fmt: skip
def test_a_refusal_names_the_measure_and_both_acts(history: list[Effect], sentence: str):
    with pytest.raises(TimelineError) as refusal:
        spans_of(*history)
    assert str(refusal.value) in (f"{MEASURE}: {sentence}", sentence)


# --- how a span begins: by an act, or by the lapse of a window --------------------------------------------------------


def openings(spans: Sequence[Span], zone: ZoneInfo = CN) -> list[str]:
    """What begins each span as known now: `by` an act, or after the `lapse of` one."""
    return [
        f"{moment(s.start, zone)}{s.state.status}"
        + (f" {'lapse of' if s.lapse else 'by'} {s.opened_by.removeprefix(iri(''))}" if s.opened_by else "")
        for s in known_on(spans, date.max)
    ]


def test_a_suspension_is_opened_by_its_act_and_what_follows_by_its_lapse():
    assert openings(spans_of(LISTED, FOR_90_DAYS, FOR_90_MORE)) == [
        "pending",
        "2025-04-04 inForce by cn-mofcom-2025-21#whole-addToList",
        "2025-05-14 suspended by cn-mofcom-2025-05-14-ecl#whole-suspend",
        "2025-08-12 suspended by cn-mofcom-2025-08-12-ecl#no-21-extendSuspension",
        "2025-11-10 inForce lapse of cn-mofcom-2025-08-12-ecl#no-21-extendSuspension",
    ]


def test_a_measure_suspended_before_its_first_day_is_opened_by_its_own_act():
    assert openings(spans_of(RARE_EARTHS, PAUSE)) == [
        "pending",
        "2025-11-08 suspended by cn-mofcom-2025-55#whole-establish",
        "2026-11-11 inForce lapse of cn-mofcom-2025-70#whole-suspend",
    ]


def test_a_temporary_life_lapses_where_its_last_extension_ends():
    assert openings(spans_of(LIFE, again("extend", LIFE, "2025-01-20"))) == [
        "pending",
        "2025-01-10 inForce by cn-life#1-establish",
        "2025-01-20 inForce by cn-again#1-extend",
        "2025-01-30 ended lapse of cn-again#1-extend",
    ]


def test_an_extended_life_can_be_ended_before_its_new_end():
    end = effect("revoke", "cn-over#1", "2025-01-05", "2025-01-25")
    spans = spans_of(LIFE, again("extend", LIFE, "2025-01-20"), end)
    assert line(spans, "2025-01-05") == ["pending", "2025-01-10 inForce", "2025-01-25 ended"]
    assert openings(spans)[3] == "2025-01-25 ended by cn-over#1-revoke"


def test_where_one_window_lapses_and_an_act_begins_the_act_opens_the_span():
    confirmed = effect("confirm", "cn-text#1", "2025-01-03", "2025-01-14")
    assert openings(spans_of(LIFE, STOP, confirmed))[3] == "2025-01-14 inForce by cn-text#1-confirm"


# --- the properties, over histories of every kind ---------------------------------------------------------------------

prove = settings(max_examples=300, deadline=None)

FIRST_DAY = date(2025, 10, 28)  # in New York the clocks go back on 2 November
DAYS = [FIRST_DAY + n * DAY for n in range(60)]
MOMENTS = {  # few days and few minutes, so that windows meet in every way
    zone: [
        datetime.combine(day, minute, zone).astimezone(UTC)
        for day in DAYS[:10]
        for minute in (time(0), time(0, 1), time(12, 1), time(23, 59))
    ]
    for zone in (CN, US)
}
CLAUSES = [(act, article) for act in (1, 2, 10) for article in range(1, 13)]
CHANGES = [(None, "some"), (Decimal(0), None), (Decimal(10), None), (Decimal(34), "some"), (None, None)]
T = EffectType
OFTEN = (T.SUSPEND, T.EXTEND_SUSPENSION, T.RESUME, T.AMEND, T.EXTEND)
WITH_CHANGES = (*ESTABLISHING, T.AMEND, T.EXTEND)
WITHOUT_END = (T.REVOKE, T.REPLACE, T.REMOVE_FROM_LIST, T.ANNUL)
EXTENDABLE = {
    T.EXTEND: (*ESTABLISHING, T.AMEND, T.RESUME, T.EXTEND),
    T.EXTEND_SUSPENSION: (T.SUSPEND, T.EXTEND_SUSPENSION),
}


@dataclass(frozen=True)
class History:
    """Effects the compiler accepts, in no order, and which acts follow which."""

    zone: ZoneInfo
    after: dict[str, frozenset[str]]
    effects: tuple[Effect, ...] = ()

    def spans(self, *more: Effect) -> list[Span]:
        return spans_of(*self.effects, *more, after=self.after)

    def state(self, instant: datetime, known: date, *more: Effect) -> State | None:
        return state_at(MEASURE, instant, known, (*self.effects, *more), self.after)

    def instants(self, *more: Effect) -> list[datetime]:
        """Each boundary and a microsecond to either side of it: between them nothing can change."""
        bounds = {bound for e in (*self.effects, *more) for bound in (e.start, e.end) if bound is not None}
        return [b + off for b in sorted(bounds) for off in (-MICROSECOND, timedelta(0), MICROSECOND)]

    def public_days(self) -> list[date]:
        """Each day on which something became public and the day before: between them nothing can change."""
        return sorted({e.public - off for e in self.effects for off in (timedelta(0), DAY)})

    def last_day(self) -> date:
        return max(e.public for e in self.effects)


def starts(type_: EffectType, history: History) -> Sequence[datetime | None]:
    """Where an effect may begin: lives early and their ends late, so that much happens in between."""
    moments = MOMENTS[history.zone][:-1]
    if not history.effects:
        return moments[:4]
    if type_ in WITHOUT_END:
        return moments[-16:]
    if type_ is T.POSTPONE:
        return [None, *(e.start for e in history.effects if e.type in ESTABLISHING)]
    if type_ is T.RESUME:
        pauses = [e for e in history.effects if e.type in EXTENDABLE[T.EXTEND_SUSPENSION]]
        return [m for m in moments if any(p.start <= m and (p.end is None or m < p.end) for p in pauses)] or moments
    return moments


@st.composite
def candidates(draw: st.DrawFn, history: History, public: date, but: Collection[EffectType] = ()) -> Effect:
    """Any effect that an act could state on a day, whether or not it makes sense, of any type but some."""
    extendable = {t: [e for e in history.effects if e.end and e.type in roots] for t, roots in EXTENDABLE.items()}
    types = [t for t in (*EffectType, *5 * OFTEN) if t not in but and extendable.get(t, True)]
    type_ = draw(st.sampled_from(types if history.effects else ESTABLISHING))
    extended = draw(st.sampled_from(extendable[type_])) if type_ in EXTENDABLE else None
    act, article = draw(st.sampled_from(CLAUSES))
    start = extended.end if extended else draw(st.sampled_from(starts(type_, history)))
    open_ends = [None] * (12 if type_ in ESTABLISHING else 2)
    ends = [] if type_ in WITHOUT_END else [m for m in MOMENTS[history.zone] if start is None or start < m]
    rate, terms = draw(st.sampled_from(CHANGES)) if type_ in WITH_CHANGES else (None, None)
    clause = iri(f"{public}-{act}#art-{article}")
    return Effect(
        id=f"{clause}-{type_}-{len(history.effects)}",
        type=type_,
        act=iri(f"{public}-{act}"),
        clause=clause,
        measures=(MEASURE,),
        public=public,
        start=start,
        end=draw(st.sampled_from([*open_ends, *ends])),
        rate=rate,
        terms=terms,
        extends=extended.id if extended else None,
    )


@st.composite
def histories(draw: st.DrawFn, but: Collection[EffectType] = ()) -> History:
    """A history that the compiler accepts: effects are drawn one by one, and what it refuses is dropped."""
    last, *first = draw(st.permutations((1, 2, 10)))
    after = {iri(f"{day}-{last}"): frozenset(iri(f"{day}-{act}") for act in first) for day in DAYS}
    history = History(draw(st.sampled_from((CN, US))), after if draw(st.booleans()) else {})
    public = FIRST_DAY
    for passed in draw(st.lists(st.sampled_from((0, 0, 1, 2)), min_size=10, max_size=24)):
        public += passed * DAY
        candidate = draw(candidates(history, public, but))
        if accepted(history, candidate):
            history = replace(history, effects=(*history.effects, candidate))
    return history


def accepted(history: History, *more: Effect) -> bool:
    try:
        history.spans(*more)
    except TimelineError:
        return False
    return True


@prove
@given(histories())
def test_spans_tile_the_plane(history: History):
    """From the first public day on every instant has one span on every day of knowledge; neighbours differ."""
    spans = history.spans()
    begins = min(e.public for e in history.effects)
    assert known_on(spans, begins - DAY) == []
    for day in {begins, history.last_day() + DAY, *(s.known_from for s in spans)}:
        row = known_on(spans, day)
        assert (row[0].start, row[-1].end) == (None, None)
        for span, following in pairwise(row):
            assert span.end == following.start
            assert span.state != following.state
    for span in spans:
        assert span.known_until is None or span.known_from < span.known_until
        assert replace(span, known_from=span.known_until, known_until=None) not in (
            replace(s, known_until=None) for s in spans
        )


@prove
@given(histories(), st.data())
def test_the_order_of_files_does_not_matter(history: History, data: st.DataObject):
    shuffled = data.draw(st.permutations(history.effects))
    assert in_order(shuffled, history.after) == in_order_of_application(history.effects, history.after)
    assert spans_of(*shuffled, after=history.after) == history.spans()


@prove
@given(histories())
def test_an_act_changes_no_answer_as_known_before_it_was_public(history: History):
    """What is known on a day is what the effects public by then say."""
    spans = history.spans()
    for day in history.public_days()[1:]:
        known = History(history.zone, history.after, tuple(e for e in history.effects if e.public <= day))
        cut = {
            replace(s, known_until=None if s.known_until is None or s.known_until > day else s.known_until)
            for s in spans
            if s.known_from <= day
        }
        assert cut == set(known.spans())


@prove
@given(histories(but=WITHOUT_END), st.integers(0, 3), st.integers(1, 5), st.data())
def test_an_extension_that_is_resumed_is_the_identity_outside_the_gap(
    history: History, gap: int, rest: int, data: st.DataObject
):
    """A suspension extended, then resumed on a day, adds but the gap between its old end and that day."""
    today = history.last_day() + DAY
    moments = MOMENTS[history.zone]
    pause = Effect("pause", T.SUSPEND, "a", "a", (MEASURE,), today, moments[0], moments[20])
    if accepted(history, pause):
        history = replace(history, effects=(*history.effects, pause))

    def more(pause: Effect) -> Effect:
        end = pause.end + (gap + rest) * DAY
        return Effect("more", T.EXTEND_SUSPENSION, "b", "b", (MEASURE,), today, pause.end, end, extends=pause.id)

    pauses = [e for e in history.effects if e.end is not None and e.type in EXTENDABLE[T.EXTEND_SUSPENSION]]
    extensions = [more(pause) for pause in pauses if accepted(history, more(pause))]
    assume(extensions)
    extension = data.draw(st.sampled_from(extensions))
    resumed = extension.start + gap * DAY
    resumption = Effect("back", T.RESUME, "c", "c", (MEASURE,), today, resumed, extension.end)
    assume(accepted(history, extension, resumption))
    was = known_on(history.spans(), date.max)
    is_ = known_on(history.spans(extension, resumption), date.max)
    for instant in history.instants(extension, resumption):
        (before,), (after,) = ([s.state for s in holding(row, instant)] for row in (was, is_))
        if not extension.start <= instant < extension.end:
            assert after == before
        elif resumed <= instant and before.status is not Status.SUSPENDED:
            assert replace(after, because=before.because) == before


@prove
@given(histories(), st.data())
def test_the_compiler_agrees_with_the_oracle(history: History, data: st.DataObject):
    """At every boundary, a microsecond to either side, at any other instant, and at the end of every day."""
    spans = history.spans()
    any_instant = st.datetimes(datetime(2025, 10, 1), datetime(2025, 12, 1), timezones=st.just(UTC))
    instants = [*history.instants(), *data.draw(st.lists(any_instant, max_size=5))]
    days = sorted({day_of(i, history.zone) for i in instants})
    for known in [*history.public_days(), data.draw(st.dates(FIRST_DAY, FIRST_DAY + 60 * DAY))]:
        row = known_on(spans, known)
        for instant in instants:
            assert [s.state for s in holding(row, instant)] == one(history.state(instant, known))
        for day in days:
            expected = day_state(MEASURE, day, known, history.effects, history.zone, history.after)
            assert [s.state for s in on_day(row, day, history.zone)] == one(expected)


def one(state: State | None) -> list[State]:
    return [] if state is None else [state]


@prove
@given(histories(), st.data())
def test_an_effect_is_refused_exactly_when_it_changes_nothing(history: History, data: st.DataObject):
    tomorrow = history.last_day() + DAY
    candidate = data.draw(candidates(history, tomorrow))
    assume(candidate.type is not EffectType.END_OF_COLLECTION)
    changes = any(
        history.state(instant, tomorrow, candidate) != history.state(instant, tomorrow)
        for instant in history.instants(candidate)
    )
    assert accepted(history, candidate) is changes


@prove
@given(histories())
def test_a_span_is_opened_by_the_last_reason_that_begins_there_or_else_by_the_last_that_lapses(history: History):
    effects = {e.id: e for e in history.effects}
    spans = history.spans()
    for day in history.public_days():
        before: tuple[str, ...] = ()
        for span in known_on(spans, day):
            reasons = span.state.because
            begun = [(cause, False) for cause in reasons if effects[cause].start == span.start]
            lapsed = [(cause, True) for cause in (*before, *reasons) if effects[cause].end == span.start]
            opening = (None, False) if span.start is None else (begun or lapsed)[-1]
            assert (span.opened_by, span.lapse) == opening
            before = reasons


def test_generated_histories_are_long_and_hold_every_type_of_effect_in_both_zones():
    """What the properties above are proved over."""
    types: Counter[EffectType] = Counter()
    zones: Counter[ZoneInfo] = Counter()
    lengths, chains, ties = [], 0, 0

    @prove
    @given(histories())
    def look(history: History) -> None:
        nonlocal chains, ties
        types.update(e.type for e in history.effects)
        zones.update([history.zone])
        lengths.append(len(history.effects))
        extensions = {e.id for e in history.effects if e.extends is not None}
        chains += any(e.extends in extensions for e in history.effects)
        ties += len({e.public for e in history.effects}) < len({e.act for e in history.effects})

    look()
    assert types.keys() == set(EffectType)
    assert min(types.values()) >= 20, types
    assert zones.keys() == {CN, US}
    assert median(lengths) >= 6
    assert max(lengths) >= 12
    assert min(chains, ties) >= 20
