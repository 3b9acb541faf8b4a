"""What the feeds say, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from rdflib import URIRef

from inforce.catalogue import slug
from inforce.model import NS
from inforce.service import Service
from inforce.web import wording
from inforce.web.site import Site, short, site

# The turning of a status, by what it was, what it becomes and whether something runs out; None stands for anything.
_TURNS: Mapping[tuple[str | None, str, str | None], tuple[str, str]] = {
    ("suspended", "inForce", "end"): ("Suspension ends: back in force", "暂停期满：恢复实施"),
    ("suspended", "inForce", None): ("Suspension lifted: back in force", "解除暂停：恢复实施"),
    ("pending", "inForce", None): ("Takes effect", "开始实施"),
    ("pending", "suspended", None): ("Would take effect, but is suspended", "本应开始实施，但处于暂停状态"),
    ("inForce", "suspended", None): ("Suspended", "暂停实施"),
    ("suspended", "ended", "end"): ("Runs out while suspended", "暂停期间期满失效"),
    ("suspended", "ended", None): ("Ends while suspended", "暂停期间终止"),
    ("pending", "ended", None): ("Ends before it took effect", "生效前终止"),
    (None, "ended", "end"): ("Runs out", "期满失效"),
    (None, "ended", None): ("Ends", "终止"),
    (None, "annulled", None): ("Annulled", "被撤销"),
    (None, "pending", None): ("Postponed", "推迟实施"),
}
_SAID: Mapping[str, tuple[str, str]] = {
    "unless extended": (" unless extended", "（如不延长）"),
    "rate": ("Rate changes: {before} → {after}", "税率变更：{before} → {after}"),
    "terms": ("Terms change", "条件变更"),
    "reasons": ("Goes on: {status}", "继续：{status}"),
    "turn": ("{before} → {after}", "{before} → {after}"),
    "colon": (": ", "："),
    "was": ("Until then: {state}. From then: {state_after}.", "此前：{state}。此后：{state_after}。"),
    "day": (
        "The change shows on {day} (civil day, {country}); the last day before is {before}.",
        "变更自{day}（{country}当地日期）起体现；此前最后一日为{before}。",
    ),
    "moment": ("It happens on {day}, {time} on the clock of {city}.", "变更时刻：{city}时间{day}{time}。"),
    "byAct": ("By {clause}: {summary}", "依据 {clause}：{summary}"),
    "byLapse": (
        "By itself, since the window of {clause} runs out: {summary}",
        "因 {clause} 规定的期限届满而自动发生：{summary}",
    ),
    "known": ("Known so since {day}.", "自{day}起可知。"),
    "announced": (
        "Announced, but no law: {summary} ({act}, {day}, confidence: {confidence})",
        "仅为宣布，尚非法律：{summary}（{act}，{day}，可信度：{confidence}）",
    ),
    "covered": (
        "Publications ({country}) were searched up to {day}; an act made public later may change this, unknown to us.",
        "{country}的公布文件检索至{day}；此后公布的文件可能改变上述内容，且不在本记录中。",
    ),
    "why": ("Clause and act:", "条款与文件："),
    "act": ("{title}", "{title}"),
    "only announced": ("Announced: {title}", "宣布：{title}"),
    "no law": ("Announced, but no law:", "仅为宣布，尚非法律："),
    "public": ("made public on {day} ({country}).", "{day}公布（{country}）。"),
    "shows": ("On {day} that makes {after} of what was to be {before}.", "{day}的状态由“{before}”变为“{after}”。"),
    "shows new": ("On {day}: {after}.", "{day}：{after}。"),
    "advice": ("A record of law for research, no legal advice.", "本记录供研究之用，不构成法律意见。"),
    "from to": ("{first} – {last}", "{first}至{last}"),
    "from": ("from {first}", "自{first}起"),
    "to": ("until and including {last}", "至{last}（含）"),
    "always": ("no end set", "未设期限"),
    "upcoming": ("Coming turning points", "即将到来的变化"),
    "calendar": ("All turning points", "全部变化日历"),
    "changes": ("What changed in law", "法律变动"),
    "learned": ("What became known", "新公布的内容"),
    "title": ("inforce: {name}", "inforce：{name}"),
    "about": (
        "Trade measures between China and the United States. Publications were searched up to {days}; what lies later "
        "is not known. Dataset {version}.",
        "中美贸易措施。公布文件检索至{days}；此后情况未知。数据集版本 {version}。",
    ),
}


_CITIES = {"Shanghai": "上海", "New York": "纽约"}


def said(lang: str, key: str, **parts: object) -> str:
    """A sentence or piece of one."""
    return _SAID[key][lang == "zh"].format(**parts)


def day(stated: date, lang: str) -> str:
    """A day: 9 Nov 2025, 2025年11月9日."""
    return f"{stated.year}年{stated.month}月{stated.day}日" if lang == "zh" else wording.day(stated)


def period(start: str | None, end: str | None, lang: str) -> str:
    """A half-open window of ISO days in words, with its last day."""
    first = day(date.fromisoformat(start), lang) if start else None
    last = day(date.fromisoformat(end) - timedelta(days=1), lang) if end else None
    if first and last:
        return said(lang, "from to", first=first, last=last)
    if first or last:
        return said(lang, "from", first=first) if first else said(lang, "to", last=last)
    return said(lang, "always")


def name(known: Site, iri: str, lang: str) -> str:
    """What a thing is called; in English where it has no Chinese name."""
    return (known.zh(iri) if lang == "zh" else None) or known.en(iri)


def state(known: Site, status: str, rate: Any, terms: Any, lang: str) -> str:
    """A status with its rate and terms."""
    parts = [name(known, NS + status, lang), "" if rate is None else wording.percent(rate), terms or ""]
    return ", ".join(part for part in parts if part)


def turn(known: Site, row: Mapping[str, Any], lapse: bool, open_: bool, lang: str) -> str:
    """What happens at a turning point, a row of the question `calendar`: Suspension ends: back in force.

    `lapse` is whether something runs out there, `open_` whether an act that is not in the record may still prolong it.
    """
    before, after, how = row["before"], row["after"], "end" if lapse else None
    match row["change"]:
        case "status":
            keys = [(before, after, how), (before, after, None), (None, after, how), (None, after, None)]
            words = next((_TURNS[key] for key in keys if key in _TURNS), None)
            was, becomes = (name(known, NS + status, lang) for status in (before, after))
            text = words[lang == "zh"] if words else said(lang, "turn", before=was, after=becomes)
        case "rate":
            rates = ["–" if rate is None else wording.percent(rate) for rate in (row["rateBefore"], row["rateAfter"])]
            text = said(lang, "rate", before=rates[0], after=rates[1])
        case "terms":
            text = said(lang, "terms")
        case _:
            text = said(lang, "reasons", status=name(known, NS + after, lang))
    return text + (said(lang, "unless extended") if open_ and lapse else "")


def clock(moment: datetime, lang: str) -> dict[str, str]:
    """The parts of a sentence on a moment: day, time and the place whose clock shows it."""
    city = str(moment.tzinfo).rpartition("/")[2].replace("_", " ")
    return {
        "day": day(moment.date(), lang),
        "time": f"{moment:%H:%M}",
        "city": _CITIES[city] if lang == "zh" else city,
    }


def announced(known: Site, row: Mapping[str, Any], lang: str) -> str:
    """A row of the question `announced`: what is no law."""
    return said(
        lang,
        "announced",
        summary=row["summary"],
        act=short(row["act"]),
        day=day(date.fromisoformat(row["public"]), lang),
        confidence=name(known, NS + row["confidence"], lang),
    )


def shows(known: Site, row: Mapping[str, Any], lang: str) -> str:
    """What an effect, a row of the question `learned`, makes of the first day on which it shows."""
    states = {when: name(known, NS + row[when], lang) for when in ("before", "after") if row[when]}
    changed = "before" in states and states["before"] != states["after"]
    return said(lang, "shows" if changed else "shows new", day=day(date.fromisoformat(row["on"]), lang), **states)


def covered(service: Service, country: str, lang: str) -> str:
    """Up to which day the publications of a country were searched."""
    through = day(covered_through(service, country), lang)
    return said(lang, "covered", country=name(site(service), country, lang), day=through)


def covered_through(service: Service, country: str) -> date:
    """The last day up to which the publications of a country were searched."""
    return date.fromisoformat(service.manifest["coveredThrough"][slug(URIRef(country)).upper()])


def about(service: Service, lang: str) -> str:
    """What a feed is, up to when it can know, and of which version."""
    through = service.manifest["coveredThrough"].items()
    days = ", ".join(f"{day(date.fromisoformat(until), lang)} ({country})" for country, until in through)
    return said(lang, "about", days=days, version=service.manifest["version"])
