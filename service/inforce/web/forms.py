"""An answer as bytes, in each of its forms but HTML, which is left to the pages."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from importlib.util import find_spec
from typing import Any

import pyoxigraph as ox
from rdflib import RDF, XSD, BNode, Graph, Literal, URIRef
from rdflib.term import Node

from inforce.model import InforceError
from inforce.service import Answer
from inforce.shipments import cell
from inforce.turtle import canonical, empty_graph
from inforce.web.jsonld import json_ld
from inforce.web.negotiate import ANSWERS, GRAPHS

_RESULTS = {
    "application/sparql-results+json": ox.QueryResultsFormat.JSON,
    "application/sparql-results+xml": ox.QueryResultsFormat.XML,
    "text/tab-separated-values": ox.QueryResultsFormat.TSV,
    "text/csv": ox.QueryResultsFormat.CSV,
}
_XSD = "http://www.w3.org/2001/XMLSchema#"


def offers(answer_is_graph: bool) -> Mapping[str, str]:
    """The forms in which an answer of rows or of triples can be had, by their short names."""
    return GRAPHS if answer_is_graph else ANSWERS


def write(answer: Answer, media: str) -> bytes:
    """An answer in a media type. Raises InforceError for a form that needs a package which is not here."""
    if answer.is_graph:
        return written(answer.results, media)
    return _ROWS[media](answer) if media in _ROWS else convert(answer.results, media)


def written(triples: bytes, media: str) -> bytes:
    """N-Triples in an RDF format."""
    return _GRAPHS[media](triples)


def convert(results: bytes, media: str) -> bytes:
    """SPARQL results JSON in another W3C results format."""
    if media == "application/sparql-results+json":
        return results
    parsed = ox.parse_query_results(results, format=ox.QueryResultsFormat.JSON)
    return parsed.serialize(format=_RESULTS[media]) or b""


def table(answer: Answer) -> str:
    """The rows as CSV for spreadsheets: a byte order mark, and no cell that a spreadsheet would run as a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(answer.query.variables)
    for row in answer.rows:
        writer.writerow([cell(row[v]) for v in answer.query.variables])
    return "\ufeff" + out.getvalue()


def _lines(answer: Answer) -> bytes:
    """JSON Lines: a row a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in answer.rows).encode()


def _parquet(answer: Answer) -> bytes:
    made = _arrow(answer)
    from pyarrow import parquet

    out = io.BytesIO()
    parquet.write_table(made, out)
    return out.getvalue()


def _arrow_stream(answer: Answer) -> bytes:
    made = _arrow(answer)
    from pyarrow import ipc

    out = io.BytesIO()
    with ipc.new_stream(out, made.schema) as writer:
        writer.write_table(made)
    return out.getvalue()


def _arrow(answer: Answer) -> Any:
    """The rows as a typed Arrow table; all else that the JSON tells is its metadata `inforce`."""
    if find_spec("pyarrow") is None:
        raise InforceError("Parquet and Arrow need the package pyarrow: pip install 'inforce[parquet]'")
    import pyarrow as pa

    types = {
        "date": pa.date32(),
        "dateTime": pa.timestamp("us", tz="UTC"),
        "integer": pa.int64(),
        "decimal": pa.float64(),
        "boolean": pa.bool_(),
        "list": pa.list_(pa.string()),
    }
    columns = {}
    for name in answer.query.variables:
        kind = kind_of(answer, name)
        read = _READ.get(kind)
        values = [row[name] if read is None or row[name] is None else read(row[name]) for row in answer.rows]
        columns[name] = pa.array(values, types.get(kind, pa.string()))
    told = {name: value for name, value in answer.document().items() if name != "rows"}
    return pa.table(columns).replace_schema_metadata({"inforce": json.dumps(told, ensure_ascii=False)})


_READ: Mapping[str, Callable[[Any], Any]] = {
    "date": date.fromisoformat,
    "dateTime": datetime.fromisoformat,
    "string": str,
}


def kind_of(answer: Answer, name: str) -> str:
    """What a variable holds in an answer: list, date, dateTime, integer, decimal, boolean, iri, string, or unknown."""
    if name in answer.query.lists:
        return "list"
    cells = [binding[name] for binding in answer.found if name in binding]
    if not cells:
        return "unknown"
    if all(cell["type"] == "uri" for cell in cells):
        return "iri"
    types = {cell.get("datatype", "").removeprefix(_XSD) for cell in cells}
    if types <= {"integer", "decimal", "double"}:
        return "integer" if types == {"integer"} else "decimal"
    return types.pop() if len(types) == 1 and types <= {"date", "dateTime", "boolean"} else "string"


_ROWS: Mapping[str, Callable[[Answer], bytes]] = {
    ANSWERS["json"]: lambda answer: json.dumps(answer.document(), ensure_ascii=False).encode(),
    ANSWERS["csv"]: lambda answer: table(answer).encode(),
    ANSWERS["jsonl"]: _lines,
    ANSWERS["parquet"]: _parquet,
    ANSWERS["arrow"]: _arrow_stream,
}


def _rdflib(triples: bytes) -> Graph:
    """N-Triples as a graph of rdflib, which would write values in a spelling of its own if it read them itself."""
    graph = empty_graph()
    for triple in ox.parse(triples, format=ox.RdfFormat.N_TRIPLES):
        graph.add((_node(triple.subject), _node(triple.predicate), _node(triple.object)))
    return graph


def _node(term: Any) -> Node:
    if isinstance(term, ox.NamedNode):
        return URIRef(term.value)
    if isinstance(term, ox.BlankNode):
        return BNode(term.value)
    datatype = URIRef(term.datatype.value)
    plain = datatype in (RDF.langString, XSD.string)
    return Literal(term.value, term.language, None if plain else datatype, normalize=False)


def _oxigraph(triples: bytes, form: ox.RdfFormat) -> bytes:
    return ox.serialize(ox.parse(triples, format=ox.RdfFormat.N_TRIPLES), format=form) or b""


_GRAPHS: Mapping[str, Callable[[bytes], bytes]] = {
    GRAPHS["ttl"]: lambda triples: canonical(_rdflib(triples)).encode(),
    GRAPHS["jsonld"]: lambda triples: json_ld(_rdflib(triples)),
    GRAPHS["nt"]: bytes,
    GRAPHS["rdf"]: lambda triples: _oxigraph(triples, ox.RdfFormat.RDF_XML),
    GRAPHS["trig"]: lambda triples: canonical(_rdflib(triples)).encode(),
}
