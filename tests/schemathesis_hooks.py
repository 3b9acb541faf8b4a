"""What schemathesis must be told besides schemathesis.toml: how bodies are written and read, and one rule of calls."""

import json

import schemathesis


@schemathesis.serializer("text/csv", "application/sparql-query")
def text(context: schemathesis.SerializationContext, value: object) -> bytes:
    return str(value).encode()


@schemathesis.deserializer("application/x-ndjson")
def lines(context: schemathesis.DeserializationContext, response: schemathesis.Response) -> list[object]:
    return [json.loads(line) for line in response.content.splitlines()]


@schemathesis.hook
def map_case(context: schemathesis.HookContext, case: schemathesis.Case) -> schemathesis.Case:
    """A day or a moment, not both: OpenAPI 3.1 has no word for that, so the description has `x-not-with`.

    Valid calls lose the later one of two such parameters; calls that are to be refused stay as they are.
    """
    if case.meta is not None and case.meta.generation.mode is schemathesis.GenerationMode.POSITIVE:
        given = dict(case.query or {})
        for parameter in case.operation.definition.raw.get("parameters", ()):
            if any(other in given for other in parameter.get("x-not-with", ())) and parameter["name"] in given:
                del given[parameter["name"]]
                case.query = given
    return case
