// The SPARQL page: Yasgui with our prefixes, names and examples, our table and timeline, and problems told at their place.
// Without it the plain form of the page does the same.
import { completeOurNames } from "./editor-completion.js";
import { Table } from "./editor-table.js";
import { Timeline } from "./editor-timeline.js";
import { state } from "./editor-names.js";
import { button, element } from "./editor-elements.js";
import { say, translate } from "./editor-words.js";

const { Yasqe, Yasr } = Yasgui;
const JSON_RESULTS = "application/sparql-results+json";
const TURTLE = "text/turtle";
const LONGEST_ADDRESS = 8000; // characters; what proxies commonly take
const endpoint = location.origin + "/sparql";
const first = document.getElementById("query").value;
const examples = document.getElementById("examples");
const dressed = new WeakSet();

Yasr.registerPlugin("table", Table);
Yasr.registerPlugin("timeline", Timeline);
Yasr.defaults.pluginOrder = ["table", "timeline", "response"];
Yasr.defaults.errorRenderers = [tell];
// A response that is kept would outlive the data it came from.
Yasr.defaults.maxPersistentResponseSize = 0;
Yasqe.defaults.editorHeight = "24rem";
completeOurNames(Yasqe);
plainTips();
takeEmptyAnswers();
countRows();
Yasgui.Tab.prototype.getShareableLink = function () {
  return stateOf(this);
};

const yasgui = new Yasgui(document.getElementById("editor"), {
  autofocus: false,
  tabName: say("Query"),
  copyEndpointOnNewTab: false,
  populateFromUrl: false, // it would take an endpoint from there, too
  requestConfig: { endpoint, method: "GET", acceptHeaderGraph: TURTLE, acceptHeaderSelect: JSON_RESULTS },
  yasqe: { value: first },
  yasr: { prefixes: state.prefixes },
});
yasgui.on("queryBefore", (_, tab) => {
  tab.setRequestConfig({ endpoint, method: address(tab.getQuery()).length < LONGEST_ADDRESS ? "GET" : "POST" });
});
yasgui.on("query", (_, tab) => {
  tab.getYasr().asked = tab.getQuery();
  remember(tab);
});
yasgui.on("queryResponse", (_, tab) => setTimeout(() => answered(tab)));
yasgui.on("tabSelect", (_, id) => dress(yasgui.getTab(id)));
yasgui.on("tabAdd", (_, id) => setTimeout(() => dress(yasgui.getTab(id))));
yasgui.on("tabClose", () => setTimeout(() => yasgui.getTab() ?? yasgui.addTab(true)));

if (state.query !== undefined) {
  const view = location.hash.slice(1);
  open(state.query, say("Query"), answerOfPage());
  if (view in Yasr.plugins) yasgui.getTab().getYasr().selectPlugin(view);
}
document.getElementById("plain").hidden = true;
document.getElementById("editor").hidden = false;
dress(yasgui.getTab());
yasgui.getTab().getYasqe().refresh();
offerExamples();
offerTabs();
translate();

/** The page's own answer, as Yasr keeps answers; none where the answer is only too much for a page. */
function answerOfPage() {
  const { problem, results } = state;
  if (results) return { data: results, contentType: JSON_RESULTS, status: 200 };
  if (problem && problem.limit !== "page") return { error: { status: problem.status, text: JSON.stringify(problem) } };
}

/** Shows a query in the tab that has it already, or in a new one; runs it unless its answer is there. */
function open(query, name, answer) {
  const known = Object.values(yasgui._tabs).find((tab) => tab.getPersistedJson().yasqe.value === query);
  if (known) yasgui.selectTabId(known.getId());
  const tab = known ?? yasgui.addTab(true, { name, yasqe: { value: query } });
  tab.getYasr().asked = query;
  // The page has triples as rows, the editor wants them as they are.
  const graph = /CONSTRUCT|DESCRIBE/.test(tab.getYasqe().getQueryType()) && !answer?.error;
  if (!answer || graph) return tab.query().catch(() => {}); // what went wrong is told where the rows would stand
  tab.getYasr().setResponse(answer);
  if (answer.error) mark(tab, state.problem);
}

/** What Yasgui leaves unsaid about a tab that is shown, and the examples beside its editor. */
function dress(tab) {
  if (!tab?.getYasqe()) return;
  const panel = document.getElementById(tab.getId());
  panel.querySelector(".editorwrapper").append(examples);
  if (dressed.has(tab)) return;
  dressed.add(tab);
  for (const control of panel.querySelectorAll(".controlbar, .tabMenu")) control.remove(); // there is one endpoint
  panel.querySelector(".yasqe").prepend(panel.querySelector(".yasqe_buttons")); // above the text, not over it
  tab.getYasqe().getInputField().setAttribute("aria-label", say("Query. Ctrl and Enter run it, Escape leaves the editor"));
  Object.assign(panel.querySelector(".CodeMirror-scroll"), { tabIndex: 0, lang: "en" }); // keywords are English
  Object.assign(panel.querySelector(".yasqe_queryButton").dataset, { run: say("Run"), stop: say("Stop") });
  panel.querySelector(".yasqe_share").addEventListener("click", () => {
    panel.querySelector(".yasqe_sharePopup input")?.setAttribute("aria-label", say("Address of this query"));
  });
  tab.getYasr().on("drawn", () => setTimeout(dressAnswer, 0, panel));
  tab.getYasr().on("change", () => remember(tab));
  dressAnswer(panel);
}

function dressAnswer(panel) {
  for (const view of panel.querySelectorAll(".yasr_btnGroup button")) view.disabled = view.classList.contains("disabled");
  panel.querySelector(".yasr_results textarea")?.setAttribute("aria-label", say("The response as it came"));
  for (const text of panel.querySelectorAll(".yasr_results .CodeMirror-scroll")) Object.assign(text, { tabIndex: 0, lang: "en" });
}

/** A button for a new tab beside the list of tabs: Yasgui's own stands in the list and is no tab. */
function offerTabs() {
  const list = document.querySelector(".yasgui .tabsList");
  list.querySelector(".addTab").parentElement.hidden = true;
  list.after(button("+", () => yasgui.addTab(true), { className: "new-tab", "aria-label": say("New tab"), title: say("New tab") }));
}

/** Lets a click on an example open it in the editor. */
function offerExamples() {
  const links = [...examples.querySelectorAll("a[data-name]")];
  for (const link of links) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open(new URL(link.href).searchParams.get("query"), link.dataset.name);
    });
  }
  const find = element("input", { type: "search", placeholder: say("Find an example"), "aria-label": say("Find an example") });
  find.addEventListener("input", () => {
    const wanted = find.value.toLowerCase();
    for (const link of links) {
      const text = `${link.dataset.name} ${link.textContent}`.toLowerCase();
      link.closest("li").hidden = !text.includes(wanted);
    }
  });
  examples.querySelector("h2").after(find);
}

/** The address of this page with a query. */
function address(query) {
  return `${endpoint}?${new URLSearchParams({ query })}`;
}

/** The address of a tab's query, with the view that is chosen for its answer. */
function stateOf(tab) {
  const view = tab.getYasr().getSelectedPluginName();
  return address(tab.getQuery()) + (view === "table" ? "" : `#${view}`);
}

/** Puts what a tab shows into the address of the page, where it is not too long for one. */
function remember(tab) {
  if (tab.getYasr().asked !== tab.getQuery()) return;
  const wanted = stateOf(tab);
  history.replaceState(null, "", wanted.length < LONGEST_ADDRESS ? wanted : endpoint);
}

/** The problem document in an error of Yasr, if it is one. */
function problemOf(error) {
  try {
    const found = JSON.parse(error?.text ?? "");
    return typeof found.detail === "string" ? found : undefined;
  } catch {
    return undefined;
  }
}

/** An error in words, for the place where the rows would stand. */
async function tell(error) {
  const problem = problemOf(error);
  if (!problem) {
    const stopped = /abort/i.test(error.text ?? "");
    const reason = error.text || say("no reason given");
    const words = stopped ? say("The query was stopped.") : say("The service does not answer: %(reason)s.", { reason });
    return element("p", { role: "alert" }, words);
  }
  const box = element("div", { role: "alert" }, element("h3", {}, say(problem.title)), element("p", { lang: "en" }, problem.detail));
  const links = element("p");
  if (problem.line) {
    links.append(button(say("Go to line %(line)s, column %(column)s", problem), () => go(yasgui.getTab(), problem)));
  }
  if (problem.type) {
    links.append(" ", element("a", { href: "/problems#" + problem.type.split("#")[1] }, say("What this kind of problem means")));
  }
  box.append(links);
  return box;
}

/** Marks what went wrong, and brings the answer into view where the window is too low for it. */
function answered(tab) {
  const { results, headerEl } = tab.getYasr();
  mark(tab, problemOf(results?.getError()));
  if (headerEl.getBoundingClientRect().top > innerHeight - 120) headerEl.scrollIntoView();
}

/** Marks the place of a problem in the editor until the query changes. */
function mark(tab, problem) {
  const yasqe = tab.getYasqe();
  tab.forget?.();
  if (!problem?.line) return;
  const { line, from, to } = place(yasqe, problem);
  const marked = yasqe.getDoc().markText({ line, ch: from }, { line, ch: to }, { className: "problem-place" });
  const note = element("div", { className: "problem-note", lang: "en" }, problem.detail.replace(/^error at \d+:\d+: /, ""));
  const widget = yasqe.addLineWidget(line, note, { coverGutter: false });
  yasqe.addLineClass(line, "background", "problem-line");
  yasqe.scrollIntoView({ line, ch: from }, 60);
  tab.forget = () => {
    marked.clear();
    widget.clear();
    yasqe.removeLineClass(line, "background", "problem-line");
    yasqe.off("change", tab.forget);
    tab.forget = undefined;
  };
  yasqe.on("change", tab.forget);
}

function go(tab, problem) {
  const yasqe = tab.getYasqe();
  const { line, from } = place(yasqe, problem);
  yasqe.getDoc().setCursor({ line, ch: from });
  yasqe.focus();
}

/** Where a problem is in the editor: the word at its column, or the last before it where none is there. */
function place(yasqe, problem) {
  const doc = yasqe.getDoc();
  const line = Math.min(problem.line - 1, doc.lastLine());
  const text = doc.getLine(line);
  // The service counts characters, the editor UTF-16 units.
  const column = [...text].slice(0, problem.column - 1).join("").length;
  const word = /[^\s{}()<>,;]+|\S/g;
  const words = [...text.matchAll(word)].filter((found) => found.index <= column);
  const { index = 0, 0: marked = " " } = words.pop() ?? {};
  return { line, from: index, to: index + marked.length };
}

/** Yasqe's tips on what it expects are HTML with inline styles, which the policy of the page forbids; these are plain text. */
function plainTips() {
  const check = Yasqe.prototype.checkSyntax;
  Yasqe.prototype.checkSyntax = function () {
    check.call(this);
    for (const icon of this.getWrapperElement().querySelectorAll(".parseErrorIcon")) {
      icon.onmouseover = icon.onmouseout = null;
      icon.title = expected(this, icon);
    }
  };
}

function expected(yasqe, icon) {
  const doc = yasqe.getDoc();
  for (let line = 0; line < doc.lineCount(); line++) {
    if (yasqe.lineInfo(line).gutterMarkers?.gutterErrorBar !== icon) continue;
    const { state } = yasqe.getTokenAt({ line, ch: doc.getLine(line).length }, true);
    const words = state.errorMsg || say("Expected: %(words)s", { words: (state.possibleCurrent ?? []).join(", ") });
    return say("This line is not understood.") + " " + words;
  }
  return "";
}

/** Yasr tells in English how many rows there are, and how long they took; this tells it in the language of the page. */
function countRows() {
  const tell = Yasr.prototype.updateResponseInfo;
  Yasr.prototype.updateResponseInfo = function () {
    tell.call(this);
    const number = this.results?.getBindings()?.length;
    const took = this.results?.getResponseTime();
    const rows = number === 1 ? say("1 row") : say("%(number)s rows", { number });
    const told = [number !== undefined && rows, took && say("%(number)s s", { number: took / 1000 })];
    this.dataElement.textContent = told.filter(Boolean).join(", ");
  };
}

/** Yasr takes an answer without a byte, a graph without triples, for something else than an answer. */
function takeEmptyAnswers() {
  const take = Yasr.prototype.setResponse;
  Yasr.prototype.setResponse = function (response, duration) {
    if (response?.content === "") response.content = "\n";
    take.call(this, response, duration);
  };
}
