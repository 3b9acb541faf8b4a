"""A record of any size that looks like the real one, for measuring growth: nothing in it is a fact.

    python benchmarks/synthetic.py --measures 10000 [--seed 1] [--answer 20] [--per-act 10] [--periods 1.0] FOLDER

Writes a record folder – ontology/, shapes/, queries/, tables/, cookbook/ and the reference data of the real one, and
made-up acts, materials and entities with "synthetic" in their names – that `inforce check` and `inforce build` take
like the real one: `inforce --data FOLDER build`. The same options give the same bytes. Acts are written as they are
made, so that memory does not grow with the record.

* Acts come in stories: one act establishes measures, later ones suspend, prolong, resume, amend, postpone, confirm,
  re-enact, revoke, replace or annul them, each public on a day of its own. `--per-act` is the number of measures for
  each act (a million measures with 10: a hundred thousand files), `--periods` stretches or shortens the stories: with
  1, a measure has about as many spans as in the real record; with 2, about twice as many.
* Materials, destinations and customs codes are skewed (Zipf). There are the more materials the more measures there are.
* A tenth of the measures are on rare materials, material:synthetic-rare-1 and so on: on any day from 1 January 2021
  on, as known on any day from then on, exactly `--answer` measures on each of them are in force, however large the
  record. material:synthetic-common-1 is on the largest share of all others.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.path.pop(0)  # run as a script, this folder would hide the standard library's http behind a file of its own

import argparse
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from pathlib import Path

from inforce.model import BASE, ZONES, EffectType
from inforce.record import root
from inforce.turtle import PREFIXES

FIRST, LAST = date(2018, 1, 1), date(2026, 11, 1)  # the public days of acts
STEADY = date(2021, 1, 1)  # from here on the measures on rare materials are in force for good
_FLOWS = {"control": "export", "listing": "export", "tariff": "import"}
_KINDS = {
    "control": ("export-licensing", "conditional-export-prohibition", "export-prohibition", "technology-control"),
    "listing": ("export-control-entity-listing", "unreliable-entity-listing", "watch-listing"),
    "tariff": ("tariff", "emergency-tariff"),
}
_RATES = (2.5, 5, 7.5, 10, 15, 20, 25, 34, 50, 84, 100)
_ISSUERS = {"cn": ("cn-mofcom", "cn-gacc"), "us": ("us-bis", "us-ustr")}
_DOCUMENTS = {"cn": "announcement", "us": "rule"}
_PREFIXES = {**PREFIXES, "doctype": f"{BASE}doctype/"}


class Skewed:
    """Names of which the n-th is drawn 1/n times as often as the first."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._weights = list(accumulate(1 / n for n in range(1, len(names) + 1)))

    def draw(self, chance: random.Random, count: int = 1) -> list[str]:
        """So many draws, each name once, in order of names."""
        return sorted(set(chance.choices(self._names, cum_weights=self._weights, k=count)))


@dataclass(slots=True)
class Clause:
    """A clause that establishes measures, and what has become of them so far.

    From `free` on, as far as known, nothing changes any more until `end`: there the next act can begin something.
    """

    act: str
    number: str
    kind: str
    measures: list[str]
    start: date
    end: date | None  # of a measure for a time
    rate: float | None
    free: date
    last: str = ""  # the effect that says how long it lives
    whole: bool = True  # all measures have shared all there was so far
    alive: bool = True
    terms: int = 0
    pause: tuple[date, str] | None = None  # the end of a suspension that runs, and the effect that ends it
    eased: tuple[date, str] | None = None  # the same of an amendment for a time

    @property
    def targets(self) -> list[str]:
        if self.whole:
            return [f"<{BASE}instrument/{self.act}#{self.number}>"]
        return [f"measure:{measure}" for measure in self.measures]


@dataclass(slots=True)
class Act:
    """An act while it is written: what its file says, by the order of the canonical form."""

    slug: str
    side: str
    number: int
    public: date
    moments: bool  # whether the act counts from a minute after midnight, not from days
    follows: str | None = None  # the act of the same day after which this one comes
    based_on: str | None = None
    clauses: list[str] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    announcements: list[str] = field(default_factory=list)
    measures: list[str] = field(default_factory=list)
    listings: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)

    @property
    def file(self) -> str:
        return f"data/{self.side}/{self.slug}.ttl"

    def text(self, chance: random.Random) -> str:
        """The file of the act in canonical form."""
        sources = [f"this:source-{n}" for n in range(1, 1 + chance.choice((1, 2, 2, 3)))]
        doubtful = chance.random() < 0.2
        titles = [f'"Synthetic act No. {self.number} of {self.public.year}"@en']
        if self.side == "cn":
            titles.append(f'"合成公告{self.public.year}年第{self.number}号"@zh')
        says = [
            ("dcterms:title", titles),
            ("dcterms:bibliographicCitation", [f'"Synthetic No. {self.number}/{self.public.year}"']),
            ("eli:number", [f'"{self.number}"']),
            ("eli:type_document", [f"doctype:{_DOCUMENTS[self.side]}"]),
            ("eli:passed_by", [f"actor:{chance.choice(_ISSUERS[self.side])}"]),
            ("eli:jurisdiction", [f"country:{self.side}"]),
            ("eli:date_document", [_day(self.public - timedelta(days=chance.choice((0, 0, 0, 1, 3))))]),
            ("eli:date_publication", [_day(self.public + timedelta(days=chance.choice((0, 0, 0, 2, 4))))]),
            ("inf:madePublic", [_day(self.public)]),
        ]
        if self.based_on is not None:
            says.append(("eli:based_on", [f"instrument:{self.based_on}"]))
        says.append(("dcterms:source", sources))
        if doubtful:
            says.append(("skos:editorialNote", ['"Synthetic doubt, as real acts have it."@en']))
        if self.follows is not None:
            says.append(("inf:after", [f"instrument:{self.follows}"]))
        says.append(("inf:confidence", [f"inf:{'medium' if doubtful else 'high'}"]))
        says.append(("inf:text", [f"<https://example.org/{self.slug}>"]))
        blocks = [_block(f"instrument:{self.slug}", "inf:Instrument", says), *self.clauses, *self.effects]
        blocks += [*self.announcements, *self.measures, *self.listings, *self.items]
        for name in sources:
            read = [
                ("dcterms:date", [_day(self.public)]),
                ("dcterms:publisher", ['"Synthetic gazette"']),
                ("inf:supports", ['"all of it"@en']),
                ("inf:url", [f"<https://example.org/{self.slug}/{name.removeprefix('this:')}>"]),
            ]
            blocks.append(_block(name, "inf:Source", read))
        return _file(blocks, f"{BASE}instrument/{self.slug}#")


class Writer:
    """Makes the acts of a record, story by story."""

    def __init__(self, measures: int, seed: int, answer: int, per_act: float, periods: float) -> None:
        self.chance = random.Random(f"{seed} {measures} {answer} {per_act} {periods}")
        self.wanted, self.answer, self.per_act, self.periods = measures, answer, per_act, periods
        self.rare = max(1, measures // 10 // answer) if measures >= 2 * answer else 0
        self.common = max(20, round(2 * measures**0.5))
        self.entities = max(10, measures // 20)
        self.materials = Skewed([f"synthetic-common-{n}" for n in range(1, self.common + 1)])
        self.groups = Skewed([f"synthetic-group-{n}" for n in range(1, _groups(self.common) + 1)])
        self.listed = Skewed([f"synthetic-{n}" for n in range(1, self.entities + 1)])
        reference = root() / "data" / "reference"
        self.codes = Skewed(
            re.findall(r"^<\S+/hs/(\d{4}|\d{6})> a", (reference / "codes.ttl").read_text(), re.MULTILINE)
        )
        countries = re.findall(r"^country:([a-z]{2}) a", (reference / "countries.ttl").read_text(), re.MULTILINE)
        self.parties = {
            "cn": Skewed(["us", "all", *(c for c in countries if c not in ("cn", "us"))]),
            "us": Skewed(["cn", *(c for c in countries if c not in ("cn", "us"))]),
        }
        self.numbers: Counter[str] = Counter()

    def acts(self) -> Iterator[Act]:
        """All acts: the stories on rare materials first, then the others."""
        left = self.rare * self.answer
        rare = (f"synthetic-rare-{n % self.rare + 1}" for n in range(left))
        while left:
            size = min(left, self._size())
            left -= size
            yield from self._story([next(rare) for _ in range(size)])
        left = self.wanted - self.rare * self.answer
        while left:
            size = min(left, self._size())
            left -= size
            yield from self._story([None] * size)

    def _size(self) -> int:
        """How many measures a story has: many small ones, few large ones."""
        return 1 + int(self.chance.expovariate(1 / (3.4 * self.per_act)))

    def _days(self, first: int, last: int) -> timedelta:
        return timedelta(days=self.chance.randint(first, last))

    def _new(self, side: str, public: date, moments: bool) -> Act:
        self.numbers[f"{side}{public.year}"] += 1
        number = self.numbers[f"{side}{public.year}"]
        return Act(f"{side}-synthetic-{public.year}-{number}", side, number, public, moments)

    def _story(self, materials: Sequence[str | None]) -> Iterator[Act]:
        """An act that establishes a measure for each material (None: any), and the later acts on them."""
        chance = self.chance
        side = chance.choice(("cn", "us"))
        steady = materials[0] is not None
        end_of_start = date(2020, 6, 1) if steady else date(2026, 1, 1)
        public = FIRST + timedelta(days=int((end_of_start - FIRST).days * chance.random()))
        first = self._new(side, public, moments=side == "us" and chance.random() < 0.5)
        clauses: list[Clause] = []
        waiting = list(materials)
        while waiting:
            size = min(len(waiting), 1 + int(chance.expovariate(1 / 5)))
            clauses.append(self._establish(first, f"art-{len(clauses) + 1}", waiting[:size], steady))
            del waiting[:size]
        yield first
        if chance.random() < 0.1:
            yield self._statement(first)
        today, same_day, before = public, False, ""
        for _ in range(int(chance.expovariate(1 / (3.2 * self.periods)))):
            today += self._days(0, 0) if same_day else self._days(20, 300)
            if today > LAST:
                break
            act = self._new(side, today, first.moments)
            act.based_on = first.slug if chance.random() < 0.3 else None
            act.follows = before if same_day else None
            self._go_on(act, clauses, first.slug, steady)
            if not act.effects:
                self.numbers[f"{side}{today.year}"] -= 1
                same_day = False
                continue
            yield act
            same_day, before = chance.random() < 0.05, act.slug

    def _statement(self, about: Act) -> Act:
        """A press statement on an act, which has no effect of its own."""
        act = self._new(about.side, about.public + self._days(10, 100), moments=False)
        act.clauses.append(_provision(act.slug, "whole", "Synthetic statement on an act."))
        says = [
            ("inf:clause", ["this:whole"]),
            ("inf:summary", ['"Synthetic statement on an act."@en']),
            ("prov:hadPrimarySource", ["this:source-1"]),
            ("inf:about", [f"instrument:{about.slug}"]),
            ("inf:confidence", ["inf:high"]),
        ]
        act.announcements.append(_block("this:whole-announcement", "inf:Announcement", says))
        return act

    def _establish(self, act: Act, number: str, materials: Sequence[str | None], steady: bool) -> Clause:
        chance = self.chance
        kind = "control" if steady else chance.choices(("control", "tariff", "listing"), (6, 3, 2))[0]
        start = act.public + self._days(0, 120)
        end = start + self._days(200, 500) if not steady and kind != "listing" and chance.random() < 0.25 else None
        rate = chance.choice(_RATES) if kind == "tariff" else None
        names = [f"{act.slug}-{number}-{n}" for n in range(1, len(materials) + 1)]
        clause = Clause(act.slug, number, kind, names, start, end, rate, start)
        done = EffectType.ADD_TO_LIST if kind == "listing" else EffectType.ESTABLISH
        act.clauses.append(_provision(act.slug, number, f"Synthetic clause on {len(names)} measures."))
        listed = [f"measure:{name}" for name in names]
        clause.last = self._effect(act, number, done, listed, start, end, rate=rate)
        kinds = _KINDS[kind]
        for name, material in zip(names, materials, strict=True):
            items = [
                self._item(act, f"{number}-item-{len(act.items) + n}", material)
                for n in range(1 if material else chance.choice((1, 1, 1, 2, 2, 3)))
            ]
            act.items += [text for _, text in items]
            says = [
                ("skos:prefLabel", [f'"Synthetic {kind} {name}"@en', f'"合成措施 {name}"@zh']),
                ("inf:kind", [f"kind:{chance.choice(kinds)}"]),
                ("inf:imposedBy", [f"country:{act.side}"]),
                ("inf:flow", [f"inf:{_FLOWS[kind]}"]),
                (
                    "inf:appliesTo",
                    [f"country:{c}" for c in self.parties[act.side].draw(chance, chance.choice((1, 1, 2, 4)))],
                ),
            ]
            if kind == "listing":
                says.append(("inf:entity", [f"entity:{e}" for e in self.listed.draw(chance, chance.randint(1, 6))]))
            says.append(("inf:item", sorted(item for item, _ in items)))
            if kind == "listing":
                act.listings.append(_block(f"measure:{name}", "inf:Listing", says))
            else:
                act.measures.append(_block(f"measure:{name}", "inf:Measure", says))
        return clause

    def _item(self, act: Act, name: str, material: str | None) -> tuple[str, str]:
        chance = self.chance
        if material is None:
            material = (self.groups if chance.random() < 0.03 else self.materials).draw(chance)[0]
        says = [("inf:material", [f"material:{material}"]), ("inf:form", [f'"as described in No. {act.number}"@en'])]
        if chance.random() < 0.4:
            says.append(("inf:hsCode", [f'"{code}"' for code in self.codes.draw(chance)]))
        return f"this:{name}", _block(f"this:{name}", "inf:Item", says)

    def _go_on(self, act: Act, clauses: Sequence[Clause], first: str, steady: bool) -> None:
        """What an act does to clauses of an earlier one: the same to the whole act, or to each clause what fits."""
        chance, today = self.chance, act.public
        for clause in clauses:
            clause.alive &= clause.end is None or today < clause.end
        living = [c for c in clauses if c.alive]
        begins = max([today, *(c.free for c in living)]) + self._days(1, 60)
        open_ended = [c for c in living if c.whole and c.end is None and c.free <= today and c.start <= today]
        if len(open_ended) == len(clauses) and not steady and chance.random() < 0.5:
            act.clauses.append(_provision(act.slug, "whole", "The whole act is suspended for a time."))
            until = begins + self._days(90, 365)
            effect = self._effect(act, "whole", EffectType.SUSPEND, [f"instrument:{first}"], begins, until)
            for clause in clauses:
                clause.pause, clause.free = (until, effect), until
            return
        for number, clause in enumerate((c for c in living if chance.random() < 0.6), 1):
            self._step(act, f"art-{number}", clause, steady)

    def _step(self, act: Act, number: str, clause: Clause, steady: bool) -> None:
        """What one clause of an act does to one earlier clause; nothing, where nothing fits."""
        chance, today = self.chance, act.public
        begins = max(today, clause.free, clause.start) + self._days(1, 90)
        running = clause.pause is not None and today < clause.pause[0]
        room = clause.end is None or begins + timedelta(days=140) < clause.end
        fits: list[tuple[int, EffectType]] = []
        if clause.end is None or begins < clause.end:
            fits.append((2, EffectType.REENACT))
        if clause.end is None:
            fits.append((2, EffectType.CONFIRM))
        elif not running:
            fits.append((30, EffectType.EXTEND))
        elif clause.eased is not None and today < clause.eased[0] == clause.free:
            fits.append((20, EffectType.EXTEND))
        if room:
            fits.append((4, EffectType.AMEND))
        if not steady:
            if running:
                fits = [(5, EffectType.RESUME)] + ([(7, EffectType.EXTEND_SUSPENSION)] if room else [])
            elif room:
                fits += [
                    (6, EffectType.SUSPEND),
                    (2, EffectType.REVOKE),
                    (1, EffectType.REPLACE),
                    (1, EffectType.ANNUL),
                ]
                if today + timedelta(days=5) < clause.start and clause.end is None and clause.free == clause.start:
                    fits += [(8, EffectType.POSTPONE)]
        if clause.kind == "listing":
            fits = [(w, t) for w, t in fits if t is not EffectType.AMEND]
        done = chance.choices([t for _, t in fits], [w for w, _ in fits])[0]
        act.clauses.append(_provision(act.slug, number, f"Synthetic clause of type {done}."))
        match done:
            case EffectType.SUSPEND:
                until = begins + self._days(60, 120 if clause.end else 365)
                effect = self._effect(act, number, done, clause.targets, begins, until)
                clause.pause, clause.free = (until, effect), until
            case EffectType.EXTEND_SUSPENSION:
                assert clause.pause is not None
                start, extended = clause.pause
                until = start + self._days(60, 120 if clause.end else 365)
                effect = self._effect(act, number, done, clause.targets, start, until, extends=extended)
                clause.pause, clause.free = (until, effect), until
            case EffectType.RESUME:
                assert clause.pause is not None
                end = clause.pause[0]
                # Where it has not begun yet, its first day is the first on which something can come back.
                begins = end - timedelta(days=chance.randint(1, max(1, min(55, (end - today).days - 1))))
                self._effect(act, number, done, clause.targets, begins, None)
                clause.pause, clause.free = None, end
            case EffectType.EXTEND if clause.end is None:
                assert clause.eased is not None
                start, extended = clause.eased
                until = start + self._days(60, 300)
                effect = self._effect(act, number, done, clause.targets, start, until, extends=extended)
                clause.eased, clause.free = (until, effect), until
            case EffectType.EXTEND:
                assert clause.end is not None
                until = clause.end + self._days(200, 500)
                clause.last = self._effect(act, number, done, clause.targets, clause.end, until, extends=clause.last)
                clause.end = until
            case EffectType.AMEND:
                self._amend(act, number, clause, begins)
            case EffectType.POSTPONE:
                until = clause.start + self._days(30, 200)
                self._effect(act, number, done, clause.targets, None, until)
                clause.start = clause.free = until
            case EffectType.REENACT | EffectType.CONFIRM:
                self._effect(act, number, done, clause.targets, begins, None)
                clause.free = begins
            case _:
                if done is EffectType.REVOKE and clause.kind == "listing":
                    done = EffectType.REMOVE_FROM_LIST
                if len(clause.measures) > 1 and chance.random() < 0.5:  # one measure only goes
                    gone, clause.whole = clause.measures.pop(chance.randrange(len(clause.measures))), False
                    targets = [f"measure:{gone}"]
                else:
                    targets, clause.alive = clause.targets, False
                    clause.whole = False
                begins = clause.start if done is EffectType.ANNUL and chance.random() < 0.5 else begins
                successor = f"instrument:{act.slug}" if done is EffectType.REPLACE else None
                self._effect(act, number, done, targets, begins, None, successor=successor)

    def _amend(self, act: Act, number: str, clause: Clause, begins: date) -> None:
        """Other terms from a day on or for a time; a rate for a time can be prolonged once it runs."""
        chance = self.chance
        rate, terms = None, None
        if clause.rate is None:
            clause.terms += 1
            terms = f"terms no. {clause.terms} of {clause.act}"
        else:
            rate = chance.choice([r for r in _RATES if r != clause.rate])
        if chance.random() < 0.4:
            until = begins + self._days(60, 120 if clause.end else 300)
            effect = self._effect(act, number, EffectType.AMEND, clause.targets, begins, until, rate=rate, terms=terms)
            clause.free, clause.eased = until, (until, effect)
            return
        self._effect(act, number, EffectType.AMEND, clause.targets, begins, None, rate=rate, terms=terms)
        clause.free, clause.rate = begins, rate

    def _effect(
        self,
        act: Act,
        number: str,
        done: EffectType,
        targets: Sequence[str],
        start: date | None,
        until: date | None,
        *,
        rate: float | None = None,
        terms: str | None = None,
        extends: str | None = None,
        successor: str | None = None,
    ) -> str:
        """Write an effect; answers its IRI."""
        name = f"{number}-{done}"
        says = [
            ("inf:clause", [f"this:{number}"]),
            ("inf:effectType", [f"inf:{done}"]),
            ("inf:target", sorted(targets)),
        ]
        if extends is not None:
            says.append(("inf:extends", [f"<{extends}>"]))
        if start is not None:
            says.append(("inf:from", [_when(start, act)]))
        if until is not None:
            last_day = not act.moments and act.side == "cn"
            stated = (until - timedelta(days=1)) if last_day else until
            says.append((f"inf:until{'Inclusive' * last_day}", [_when(stated, act)]))
        if rate is not None:
            says.append(("inf:rate", [str(float(rate))]))
        if terms is not None:
            says.append(("inf:terms", [f'"{terms}"@en']))
        doubtful = self.chance.random() < 0.2
        if doubtful:
            says.append(("skos:editorialNote", ['"Synthetic doubt, as real effects have it."@en']))
        says.append(("prov:hadPrimarySource", ["this:source-1"]))
        says.append(("inf:confidence", [f"inf:{'medium' if doubtful else 'high'}"]))
        if successor is not None:
            says.append(("inf:successor", [successor]))
        act.effects.append(_block(f"this:{name}", "inf:Effect", says))
        return f"{BASE}instrument/{act.slug}#{name}"


def _day(day: date) -> str:
    return f'"{day}"^^xsd:date'


def _when(day: date, act: Act) -> str:
    if not act.moments:
        return _day(day)
    moment = datetime.combine(day, time(0, 1), ZONES[act.side])
    return f'"{moment.isoformat()}"^^xsd:dateTime'


def _provision(act: str, number: str, summary: str) -> str:
    says = [
        ("eli:is_part_of", [f"instrument:{act}"]),
        ("eli:number", [f'"{number}"']),
        ("inf:summary", [f'"{summary}"@en']),
    ]
    return _block(f"this:{number}", "inf:Provision", says)


def _block(subject: str, cls: str, says: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A subject with its statements, in the form of `inforce format`."""
    lines = [f"{subject} a {cls}"]
    lines += [f"    {predicate} " + ",\n        ".join(values) for predicate, values in says]
    return " ;\n".join(lines) + " .\n"


def _file(blocks: Sequence[str], this: str | None = None) -> str:
    """The text of a file, with the prefixes that it uses."""
    body = "\n".join(blocks)
    prefixes = {"this": this} if this else {}
    prefixes |= {p: space for p, space in _PREFIXES.items() if f"{p}:" in body}
    return "".join(f"@prefix {p}: <{space}> .\n" for p, space in sorted(prefixes.items())) + "\n" + body


def _groups(common: int) -> int:
    return max(3, common // 20)


def _materials(rare: int, common: int) -> Iterator[str]:
    """A tree of its own: synthetic, groups of materials, materials; what is rare lies right below the top."""
    groups = _groups(common)
    yield _concept("material", "synthetic", None)
    yield from (
        _concept("material", f"synthetic-common-{n}", f"synthetic-group-{n % groups + 1}") for n in _count(common)
    )
    yield from (_concept("material", f"synthetic-group-{n}", "synthetic") for n in _count(groups))
    yield from (_concept("material", f"synthetic-rare-{n}", "synthetic") for n in _count(rare))


def _concept(area: str, name: str, broader: str | None) -> str:
    says = [("skos:prefLabel", [f'"{name.replace("-", " ")}"@en', f'"{name.replace("synthetic", "合成")}"@zh'])]
    if broader is not None:
        says.append(("skos:broader", [f"{area}:{broader}"]))
    says.append(("skos:inScheme", [f"scheme:{area}"]))
    return _block(f"{area}:{name}", "skos:Concept,\n        inf:Material", says)


def _entities(count: int) -> Iterator[str]:
    for n in _count(count):
        label = f'"Synthetic entity {n}"@en'
        says = [("skos:prefLabel", [label]), ("inf:country", [f"country:{('us', 'cn')[n % 2]}"])]
        yield _block(f"entity:synthetic-{n}", "inf:Entity", says)


def _count(last: int) -> range:
    return range(1, last + 1)


def write(
    folder: Path, measures: int, *, seed: int = 1, answer: int = 20, per_act: float = 10, periods: float = 1
) -> dict[str, int]:
    """Write a record into a folder that holds none yet; answers how many acts, measures and materials it has."""
    for part in ("ontology", "shapes", "queries", "tables", "cookbook", "data/reference"):
        shutil.copytree(root() / part, folder / part)
    writer = Writer(measures, seed, answer, per_act, periods)
    reference = folder / "data" / "reference"
    (reference / "synthetic-materials.ttl").write_text(
        _file([*_materials(writer.rare, writer.common)]), encoding="utf-8"
    )
    (reference / "synthetic-entities.ttl").write_text(_file([*_entities(writer.entities)]), encoding="utf-8")
    for side in ZONES:
        (folder / "data" / side).mkdir()
    acts = 0
    for act in writer.acts():
        (folder / act.file).write_text(act.text(writer.chance), encoding="utf-8")
        acts += 1
    return {"acts": acts, "measures": measures, "rare materials": writer.rare, "common materials": writer.common}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to; must not exist yet, or be empty")
    parser.add_argument("--measures", type=int, required=True, help="how many measures the record has")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another record (default: 1)")
    parser.add_argument("--answer", type=int, default=20, help="measures in force on a rare material (default: 20)")
    parser.add_argument("--per-act", type=float, default=10, help="measures for each act (default: 10)")
    parser.add_argument("--periods", type=float, default=1, help="length of the stories (default: 1)")
    given = parser.parse_args()
    made = write(
        given.folder, given.measures, seed=given.seed, answer=given.answer, per_act=given.per_act, periods=given.periods
    )
    print("  ".join(f"{number} {name}" for name, number in made.items()))


if __name__ == "__main__":
    main()
