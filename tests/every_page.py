"""One page of every kind that there is, by name. tests/test_accessibility.py sees that no kind is missing."""

from urllib.parse import urlencode

KINDS = "SELECT ?kind (COUNT(*) AS ?measures) { ?measure <https://w3id.org/inforce/ns#kind> ?kind } GROUP BY ?kind"

EVERY_PAGE = {
    # what is in force, and change
    "home": "/",
    "home-filtered": "/?on=2025-11-15&known=then&material=gallium&destination=us",
    "home-learned-later": "/?on=2025-11-04&knownOn=2025-10-01&material=gallium",
    "home-empty": "/?on=2025-11-15&knownOn=2025-11-15&hs=9999&origin=au&status=annulled",
    "home-refused": "/?material=galium",
    "coming": "/coming",
    "coming-empty": "/coming?material=gallium&days=1",
    "coming-refused": "/coming?days=x",
    "changed-in-law": "/changed?from=2025-10-01&to=2025-12-01",
    "changed-in-public": "/changed?clock=public&from=2025-10-15&to=2025-11-15&on=2026-06-01",
    "changed-refused": "/changed?from=yesterday",
    "home-in-chinese": "/?lang=zh&on=2025-11-15&known=then&material=gallium",
    "coming-in-chinese": "/coming?lang=zh",
    # the charts
    "tariffs": "/tariffs",
    "tariffs-back": "/tariffs?origin=us&destination=cn&on=2025-04-20",
    "tariffs-empty": "/tariffs?origin=kz&destination=cn&material=gallium",
    "tariffs-refused": "/tariffs?origin=xx",
    "graph-of-acts": "/graph-of-acts",
    "graph-of-acts-whole": "/graph-of-acts?from=2000-01-01",
    "graph-of-acts-refused": "/graph-of-acts?measure=xx",
    "tariffs-in-chinese": "/tariffs?lang=zh",
    # the things of the record
    "measure": "/measure/cn-us-ga-ge-sb-superhard-ban",
    "measure-on-a-day": "/measure/us-ieepa-reciprocal-cn?on=2025-06-01&knownOn=2025-06-01",
    "measure-in-many-spans": "/measure/cn-s301-counter-tariff-exclusion-list2-2",
    "measure-refused": "/measure/us-ieepa-reciprocal-cn?on=never",
    "state": "/measure/us-ieepa-reciprocal-cn/on/2025-11-15?knownOn=2025-11-15",
    "state-of-a-version": "/v/{version}/measure/us-ieepa-reciprocal-cn/on/2025-11-15?knownOn=2025-11-15",
    "measure-in-chinese": "/measure/us-ieepa-reciprocal-cn?lang=zh&on=2025-06-01",
    "memento-of-a-measure": "/measure/us-ieepa-reciprocal-cn/known/2025-11-04",
    "memento-of-an-act": "/instrument/cn-mofcom-2025-61/known/2025-11-07",
    "act": "/instrument/us-eo-14257",
    "material": "/material/gallium",
    "entity": "/entity/skydio",
    "country": "/country/us",
    "kind": "/kind/tariff",
    "body": "/actor/cn-mofcom",
    "commodity-code": "/hs/811292",
    "list": "/critical-list/usgs-2025",
    "named-graph": "/graph/cn-mofcom-2025-61",
    "measures": "/measure",
    "acts": "/instrument",
    "materials": "/material",
    "entities": "/entity",
    "rules": "/shapes",
    "missing": "/measure/nothing-of-this-name",
    "parameter-refused": "/material/gallium?colour=red",
    "act-in-chinese": "/instrument/cn-mofcom-2025-61?lang=zh",
    # the data
    "dataset": "/dataset",
    "dataset-of-a-version": "/v/{version}",
    "counts": "/void",
    "feeds": "/feeds",
    "feeds-refused": "/feeds?material=galium",
    "stream": "/feeds/effects",
    "vocabulary": "/ns",
    "vocabulary-of-a-version": "/ns/0.1.0",
    "problems": "/problems",
    "api": "/docs",
    # the questions
    "questions": "/queries",
    "question": "/queries/in-force",
    "recipe": "/cookbook/02-one-measure",
    "answer": "/api/in-force?on=2025-11-15&material=gallium",
    "answer-for-good": "/v/{version}/api/explain?measure=cn-us-ga-ge-sb-superhard-ban&on=2025-11-15&knownOn=2025-11-15&lang=en",
    "answer-in-chinese": "/api/in-force?on=2025-11-15&material=gallium&lang=zh",
    "answer-in-triples": "/api/chain?measure=us-ieepa-reciprocal-cn",
    "editor": "/sparql",
    "editor-answer": "/sparql?" + urlencode({"query": KINDS}),
    "editor-refused": "/sparql?query=SELECT+WHERE",
    "editor-in-chinese": "/sparql?" + urlencode({"query": KINDS, "lang": "zh"}),
}


def every_page(version: str) -> dict[str, str]:
    """The pages of a service, the permanent ones below its version."""
    return {name: path.replace("{version}", version) for name, path in EVERY_PAGE.items()}
