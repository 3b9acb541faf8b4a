// The rows of an answer as a table: IRIs short and linked to this host, columns that sort, a filter, downloads.
import { about, href, short } from "./editor-names.js";
import { button, element } from "./editor-elements.js";
import { downloads } from "./editor-downloads.js";
import { say } from "./editor-words.js";

const STEP = 100; // rows that are drawn at once
const NUMERIC = /#(integer|decimal|double|float|int|long|short|nonNegativeInteger|positiveInteger)$/;

export class Table {
  label = "Table";
  priority = 10;

  constructor(yasr) {
    this.yasr = yasr;
  }

  canHandleResults() {
    return Boolean(this.yasr.results?.getVariables()?.length);
  }

  getIcon() {
    return null;
  }

  draw() {
    this.variables = this.yasr.results.getVariables();
    this.rows = this.yasr.results.getBindings() ?? [];
    this.sorted = { variable: undefined, falling: false };
    this.wanted = "";
    this.shown = STEP;

    const find = element("input", { type: "search", placeholder: say("Filter rows"), "aria-label": say("Filter rows") });
    find.addEventListener("input", () => {
      this.wanted = find.value.toLowerCase();
      this.shown = STEP;
      this.fill();
    });
    this.yasr.pluginControls.replaceChildren(find, downloads(this.yasr));
    this.heads = this.variables.map((variable) =>
      element("th", { scope: "col" }, button(variable, () => this.sort(variable), { title: say("Sort by this column") })),
    );
    this.body = element("tbody");
    this.more = element("p", { className: "more" });
    const table = element("table", { lang: "en" }, element("thead", {}, element("tr", {}, ...this.heads)), this.body);
    const box = element("div", { className: "wide", tabindex: "0", role: "region", "aria-label": say("Rows") }, table);
    this.yasr.resultsEl.append(box, this.more);
    this.fill();
  }

  sort(variable) {
    this.sorted = { variable, falling: this.sorted.variable === variable && !this.sorted.falling };
    this.heads.forEach((head, i) => {
      if (this.variables[i] === variable) head.setAttribute("aria-sort", this.sorted.falling ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    this.fill();
  }

  fill() {
    const chosen = this.chosen();
    this.body.replaceChildren(
      ...chosen.slice(0, this.shown).map((row) => element("tr", {}, ...this.variables.map((name) => cell(row[name])))),
    );
    this.more.replaceChildren();
    if (!chosen.length) this.more.append(this.rows.length ? say("No row has this text.") : say("No rows: the query is understood, but nothing fits it."));
    if (chosen.length > this.shown) {
      const next = () => {
        this.shown += this.shown < 1000 ? 900 : 5000;
        this.fill();
      };
      this.more.append(say("%(shown)s of %(all)s rows are drawn.", { shown: this.shown, all: chosen.length }), " ", button(say("Draw more"), next));
    }
  }

  /** The rows that the filter leaves, in the order that is asked for. */
  chosen() {
    const kept = this.wanted
      ? this.rows.filter((row) => this.variables.some((name) => text(row[name]).toLowerCase().includes(this.wanted)))
      : [...this.rows];
    const { variable, falling } = this.sorted;
    if (variable) kept.sort((a, b) => compare(a[variable], b[variable]) * (falling ? -1 : 1));
    return kept;
  }

  destroy() {
    this.yasr.pluginControls.replaceChildren();
  }
}

/** What a cell shows: an IRI short, a literal as it is. */
export function text(term) {
  if (!term) return "";
  return term.type === "uri" ? short(term.value) : term.value;
}

function compare(a, b) {
  if (!a || !b) return Number(Boolean(a)) - Number(Boolean(b));
  if (NUMERIC.test(a.datatype) && NUMERIC.test(b.datatype)) return Number(a.value) - Number(b.value);
  return text(a).localeCompare(text(b));
}

const SEVERAL = /^https?:\S+( https?:\S+)*$/; // the catalogue gives several IRIs in one text

function cell(term) {
  if (!term) return element("td");
  if (term.type === "uri") return element("td", {}, link(term.value));
  if (SEVERAL.test(term.value)) return element("td", {}, ...term.value.split(" ").flatMap((iri) => [link(iri), " "]));
  const made = element("td", {}, term.value);
  if (NUMERIC.test(term.datatype)) made.className = "number";
  else if (term.datatype) made.className = "whole";
  else if (term.value.length > 30) made.className = "words";
  if (term.datatype) made.title = short(term.datatype);
  if (term["xml:lang"]) {
    made.lang = term["xml:lang"];
    made.append(" ", element("span", { className: "language" }, term["xml:lang"]));
  }
  return made;
}

function link(iri) {
  const to = href(iri);
  const title = [about(iri)?.label, iri].filter(Boolean).join("\n");
  return to ? element("a", { href: to, title }, short(iri)) : short(iri);
}
