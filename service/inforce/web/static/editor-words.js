// The words of the editor in the language of the page. They stand in the scripts in English; the page brings the others.
import { state } from "./editor-names.js";

/** A text in the language of the page, with its blanks, %(name)s, filled. No call stands in another, or Babel does not find it. */
export function say(english, values = {}) {
  return (state.words[english] ?? english).replace(/%\((\w+)\)s/g, (_, name) => values[name]);
}

// What Yasgui says, and lets no one else say.
const YASGUI = new Map([
  ["Table", say("Table")],
  ["Timeline", say("Timeline")],
  ["Response", say("Response")],
  ["Shows Table view", say("Show the table")],
  ["Shows Timeline view", say("Show the timeline")],
  ["Shows Response view", say("Show the response")],
  ["Run query", say("Run query")],
  ["Share query", say("Share query")],
  ["Close tab", say("Close tab")],
  ["New Tab", say("New tab")],
  ["Rename Tab", say("Rename tab")],
  ["Copy Tab", say("Copy tab")],
  ["Close Tab", say("Close tab")],
  ["Close other tabs", say("Close other tabs")],
  ["Undo close Tab", say("Bring back the closed tab")],
  ["Show all", say("Show all")],
  ["Download result", say("Download result")],
  ["True", say("True")],
  ["False", say("False")],
  ["Press CTRL - <spacebar> to autocomplete", say("Ctrl and Space complete a name")],
]);
const ATTRIBUTES = ["title", "aria-label"];
// Queries, answers and the names of tabs are the reader's, and stay as they are.
const OTHERS = ".CodeMirror-scroll, table, figure, select, .tabsList a > span, #examples";

/** Says in our words what Yasgui writes, now and whenever it writes again. */
export function translate() {
  const watch = new MutationObserver((changes) => {
    for (const { type, target, attributeName, addedNodes } of changes) {
      if (target.closest(OTHERS)) continue;
      if (type === "attributes") attribute(target, attributeName);
      else addedNodes.forEach(whole);
    }
  });
  for (const place of document.querySelectorAll("#editor, .yasgui.context-menu")) {
    whole(place);
    watch.observe(place, { subtree: true, childList: true, attributes: true, attributeFilter: ATTRIBUTES });
  }
}

function whole(node) {
  if (node.nodeType === Node.TEXT_NODE && YASGUI.has(node.data)) node.data = YASGUI.get(node.data);
  if (node.nodeType !== Node.ELEMENT_NODE || node.matches(OTHERS)) return;
  for (const name of ATTRIBUTES) attribute(node, name);
  node.childNodes.forEach(whole);
}

/** Sets an attribute only where that changes it: to set it is a change to watch. */
function attribute(node, name) {
  const said = YASGUI.get(node.getAttribute(name));
  if (said && said !== node.getAttribute(name)) node.setAttribute(name, said);
}
