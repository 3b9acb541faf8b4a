// Replays a Linked Data Event Stream with ldes-client and prints each member's name and its statements, a line of JSON each.
// node replay.js <address> [none|ascending] [materialize]
import { intoConfig, replicateLDES } from "ldes-client";

const [url, order, materialize] = process.argv.slice(2);
const client = replicateLDES(intoConfig({ url, materialize: materialize === "materialize" }), order ?? "none");
let pages = 0;
client.on("fragment", () => pages++);
const term = (t) =>
    t.termType === "NamedNode" ? `<${t.value}>`
    : t.termType === "BlankNode" ? `_:${t.value}`
    : JSON.stringify(t.value) + (t.language ? `@${t.language}` : `^^<${t.datatype.value}>`);
const reader = client.stream({ highWaterMark: 10 }).getReader();
for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const { id, quads, timestamp } = next.value;
    const triples = quads.map((q) => [q.subject, q.predicate, q.object].map(term).join(" "));
    console.log(JSON.stringify({ id: id.value, timestamp, triples }));
}
console.error(JSON.stringify({ pages }));
