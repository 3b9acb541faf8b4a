// The names that the SPARQL page knows: prefixes, classes, properties and the things of the record, once they are loaded.

const BASE = "https://w3id.org/inforce/";

/** What the page itself tells: the day, the prefixes, and its answer to the query in its address. */
export const state = JSON.parse(document.getElementById("state").textContent);
const { prefixes } = state;
const kinds = { classes: [], properties: [], things: [] };
const known = new Map();

/** When the names are there; all but completion works without. */
export const loaded = load().catch((error) => console.warn("No names to complete:", error));

async function load() {
  const found = await (await fetch("/sparql/completions")).json();
  for (const kind of Object.keys(kinds)) {
    for (const [iri, label, meaning] of found[kind]) {
      const name = { iri, short: short(iri), text: written(iri), label, meaning };
      name.words = `${name.short.replace(":", " ")} ${label}`.toLowerCase().split(/[\s()/-]+/);
      kinds[kind].push(name);
      known.set(iri, name);
      known.set(name.text, name);
    }
  }
}

/** The names of a kind. */
export const names = (kind) => kinds[kind];

/** What is known of an IRI, or of how it is written in a query. */
export const about = (iri) => known.get(iri);

/** An IRI with its prefix where one is known. */
export function short(iri) {
  let best = ["", ""];
  for (const [prefix, space] of Object.entries(prefixes)) {
    if (iri.startsWith(space) && space.length > best[1].length) best = [prefix, space];
  }
  return best[1] ? `${best[0]}:${iri.slice(best[1].length)}` : iri;
}

/** How an IRI is written in a query: with its prefix where SPARQL allows that, else whole. */
export function written(iri) {
  const name = short(iri);
  return /^[A-Za-z]\w*:(\w([\w.-]*[\w-])?)?$/.test(name) ? name : `<${iri}>`;
}

/** Where an IRI leads: things of the record to this host. */
export function href(iri) {
  if (iri.startsWith(BASE)) return "/" + iri.slice(BASE.length);
  return /^https?:/.test(iri) ? iri : undefined;
}
