// The answer as a file, in the forms that the service gives.
import { button, element } from "./editor-elements.js";
import { say } from "./editor-words.js";

const ROWS = {
  CSV: ["text/csv", "csv"],
  TSV: ["text/tab-separated-values", "tsv"],
  JSON: ["application/sparql-results+json", "srj"],
  XML: ["application/sparql-results+xml", "srx"],
};
const TRIPLES = {
  Turtle: ["text/turtle", "ttl"],
  "JSON-LD": ["application/ld+json", "jsonld"],
  "N-Triples": ["application/n-triples", "nt"],
};

/** Buttons that save the answer to the query that was asked last. */
export function downloads(yasr) {
  const forms = /turtle/.test(yasr.results.getContentType() ?? "") ? TRIPLES : ROWS;
  const box = element("div", { className: "downloads", role: "group", "aria-label": say("Download") }, element("span", {}, say("Download")));
  for (const [name, [media, ending]] of Object.entries(forms)) {
    const made = button(name, async () => {
      made.disabled = true;
      try {
        await save(yasr.asked, media, `answer.${ending}`);
      } finally {
        made.disabled = false;
      }
    });
    box.append(made);
  }
  return box;
}

async function save(query, media, name) {
  const response = await fetch("/sparql", { method: "POST", headers: { Accept: media }, body: new URLSearchParams({ query }) });
  if (!response.ok) {
    const problem = await response.json().catch(() => ({ detail: response.statusText }));
    alert(problem.detail);
    return;
  }
  const file = URL.createObjectURL(await response.blob());
  element("a", { href: file, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(file), 1000);
}
