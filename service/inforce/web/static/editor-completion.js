// Completion in the SPARQL editor, from the names that the service gives.
import { about, loaded, names, state } from "./editor-names.js";
import { element } from "./editor-elements.js";

const MOST = 100; // suggestions at once
let wished = false; // whether suggestions are asked for, not only offered

/** Puts our completers in the place of Yasqe's, which ask other hosts. */
export function completeOurNames(Yasqe) {
  const prefixed = {
    name: "prefixes",
    persistenceId: null, // nothing is kept from an older build
    get: Object.entries(state.prefixes).map(([name, iri]) => `${name}: <${iri}>`),
  };
  Yasqe.forkAutocompleter("prefixes", prefixed);
  const ofClass = Yasqe.Autocompleters.class.isValidCompletionPosition;
  const ofProperty = Yasqe.Autocompleters.property.isValidCompletionPosition;
  const ofThing = (yasqe) => {
    // A bare word may become a keyword, so names for it come only when they are asked for.
    const begun = wished ? /^(<|\p{L})/u : /^(<|\p{L}[\w-]*:)/u;
    return begun.test(yasqe.getCompleteToken().string.trim()) && !ofProperty(yasqe) && !ofClass(yasqe);
  };
  Yasqe.defaults.extraKeys["Ctrl-Space"] = (yasqe) => {
    wished = true;
    yasqe.autocomplete();
    wished = false;
  };
  register(Yasqe, "class", "classes", ofClass);
  register(Yasqe, "property", "properties", ofProperty);
  register(Yasqe, "things", "things", ofThing);
}

function register(Yasqe, name, kind, valid) {
  Yasqe.registerAutocompleter({
    name,
    bulk: false,
    autoShow: true,
    isValidCompletionPosition: valid,
    preProcessToken: wholeWord,
    get: async (yasqe, token) => {
      await loaded;
      return matching(kind, token?.string.trim() ?? "", yasqe.getPrefixesFromQuery());
    },
    postProcessSuggestion: (yasqe, token, iri) => about(iri).text,
    postprocessHints: (yasqe, hints) => hints.map((hint) => ({ ...hint, render: draw })),
  });
}

/** The word before the cursor: where no name of SPARQL begins, Yasqe takes each Chinese sign for a token of its own. */
function wholeWord(yasqe, token) {
  if (token.type !== "error") return token;
  const { line, ch } = yasqe.getDoc().getCursor();
  const [word] = yasqe.getDoc().getLine(line).slice(0, ch).match(/[^\s{}()<>,;./^|*+?]*$/);
  return word.length > token.string.length ? { ...token, string: word, from: { ch: ch - word.length }, to: { ch } } : token;
}

/** The IRIs that begin with what is typed, then those of which a name has a word that begins so. */
function matching(kind, typed, declared) {
  const colon = typed.indexOf(":");
  const space = declared[typed.slice(0, Math.max(colon, 0))];
  const start = typed.startsWith("<") ? typed.slice(1) : colon >= 0 && space !== undefined ? space + typed.slice(colon + 1) : undefined;
  const wanted = typed.toLowerCase();
  const found = { start: [], word: [] };
  for (const name of names(kind)) {
    if (start !== undefined ? name.iri.startsWith(start) : name.short.startsWith(typed)) found.start.push(name.iri);
    else if (colon < 0 && name.words.some((word) => word.startsWith(wanted))) found.word.push(name.iri);
  }
  return [...found.start, ...found.word].slice(0, MOST);
}

/** A suggestion with what it means. */
function draw(line, list, hint) {
  const { label, meaning } = about(hint.text);
  line.append(element("code", {}, hint.text), element("span", { className: "meaning", ...(meaning && { lang: "en" }) }, meaning || label));
}
