// The rows of an answer on a time line: a bar from one date to another, or a mark on a day, coloured by status.
import { tick } from "./charts.js";
import { about, href, state } from "./editor-names.js";
import { element } from "./editor-elements.js";
import { text } from "./editor-table.js";
import { say } from "./editor-words.js";

const DATED = /#(date|dateTime|dateTimeStamp)$/;
// Words in the name of a first date, and in their place in the name of the last.
const FIRST = /^(from|start|begin|since)|(From|Start|Begin|Since)/;
const LAST = ["until", "to", "end"];
const STATUSES = { inForce: say("in force"), suspended: say("suspended"), pending: say("pending"), ended: say("ended"), annulled: say("annulled") };
const [ALWAYS, OPEN] = ["0001-01-01", "9999-12-31"]; // how the record writes an open beginning and an open end
const MOST = 400; // lines that are drawn
const LINE = 26; // height of a line, in pixels
const DAY = 86400000;

export class Timeline {
  label = "Timeline";
  priority = 5;

  constructor(yasr) {
    this.yasr = yasr;
  }

  getIcon() {
    return null;
  }

  canHandleResults() {
    return this.columns().views.length > 0;
  }

  async initialize() {
    if (!globalThis.d3) await import("/static/vendor/d3/d3.min.js");
  }

  draw() {
    const { views, ...others } = this.columns();
    this.chosen = views.find((view) => view.name === this.chosen?.name) ?? views[0];
    const figure = element("figure", { className: "answer-timeline" });
    this.yasr.resultsEl.append(figure);
    this.destroy();
    if (views.length > 1) this.offer(views);
    this.paint = () => paint(figure, this.yasr.results.getBindings(), { ...this.chosen, ...others });
    this.watch = new ResizeObserver(() => this.paint());
    this.watch.observe(figure);
  }

  /** Lets the reader choose which dates are drawn. */
  offer(views) {
    const select = element("select", {}, ...views.map((view) => element("option", {}, view.name)));
    select.value = this.chosen.name;
    select.addEventListener("change", () => {
      this.chosen = views.find((view) => view.name === select.value);
      this.paint();
    });
    this.yasr.pluginControls.replaceChildren(element("label", {}, say("Dates"), " ", select));
  }

  /** Which columns hold dates, alone or in pairs, and which tell the name, the status and the rate of a row. */
  columns() {
    const rows = this.yasr.results?.getBindings() ?? [];
    const variables = rows.length ? this.yasr.results.getVariables() : [];
    const every = (test) => (name) => rows.some((row) => row[name]) && rows.every((row) => !row[name] || test(row[name]));
    const dates = variables.filter(every((term) => DATED.test(term.datatype)));
    const views = [];
    const paired = new Set();
    for (const from of dates) {
      const until = partners(from).find((name) => dates.includes(name) && !paired.has(name));
      if (!until) continue;
      views.push({ name: `${from} – ${until}`, from, until });
      paired.add(from).add(until);
    }
    views.push(...dates.filter((name) => !paired.has(name)).map((on) => ({ name: on, from: on, until: undefined })));
    const statuses = variables.filter(every((term) => statusOf(term) !== undefined));
    return {
      views,
      label: variables.find((name) => /label|title|name/i.test(name)) ?? variables.find((name) => !dates.includes(name)),
      thing: variables.find(every((term) => term.type === "uri")),
      status: ["status", "after"].find((name) => statuses.includes(name)) ?? statuses[0],
      rate: variables.find((name) => name === "rate"),
    };
  }

  destroy() {
    this.watch?.disconnect();
    this.yasr.pluginControls.replaceChildren();
  }
}

/** The names that the last date to a first one may have: windowUntil to windowFrom. */
function partners(name) {
  const capital = (word) => word[0].toUpperCase() + word.slice(1);
  if (!FIRST.test(name)) return [];
  return LAST.map((last) => name.replace(FIRST, (_, lower) => (lower ? last : capital(last))));
}

function statusOf(term) {
  const name = term.value.split(/[/#]/).pop();
  return name in STATUSES ? name : undefined;
}

/** The day of a term as a moment; null where the record says that there is no bound, or the row says nothing. */
function moment(term) {
  if (!term || term.value.startsWith(ALWAYS) || term.value.startsWith(OPEN)) return null;
  const found = new Date(term.value.length === 10 ? term.value + "T00:00:00Z" : term.value);
  return Number.isNaN(found.getTime()) ? null : found;
}

/** What is drawn: the bars of the rows, those of one name together, each on a line where it covers no other. */
function grouped(rows, { from, until, label, thing, status, rate }) {
  const groups = new Map();
  for (const row of rows) {
    const [start, end] = [moment(row[from]), until ? moment(row[until]) : moment(row[from])];
    if (!until && !start) continue;
    const name = text(row[label]) || text(row[thing]);
    const group = groups.get(name) ?? groups.set(name, { name, lang: row[label]?.["xml:lang"] ?? "en", iri: row[thing]?.value, bars: [] }).get(name);
    const words = [row[rate] && `${row[rate].value} %`, row[status] && STATUSES[statusOf(row[status])]];
    const facts = Object.entries(row).map(([column, term]) => `${column}: ${about(term.value)?.label ?? text(term)}`);
    group.bars.push({
      start,
      end,
      status: row[status] && statusOf(row[status]),
      words: words.filter(Boolean).join(", "),
      title: facts.join("\n"),
    });
  }
  for (const group of groups.values()) {
    group.bars.sort((a, b) => (a.start ?? -Infinity) - (b.start ?? -Infinity));
    const free = []; // when each line of the group is free again
    for (const bar of group.bars) {
      const line = free.findIndex((end) => end <= (bar.start ?? -Infinity));
      bar.line = line < 0 ? free.length : line;
      free[bar.line] = bar.end ?? Infinity;
    }
    group.lines = free.length;
  }
  return [...groups.values()];
}

/** Draws anew, as wide as there is room. */
function paint(figure, rows, columns) {
  const all = grouped(rows, columns);
  const groups = [];
  for (let lines = 0, i = 0; i < all.length && lines < MOST; i++) {
    groups.push(all[i]);
    lines += all[i].lines;
  }
  const head = element("div", { className: "line axis" }, element("span"), element("div", { className: "scale" }));
  const list = element("div", { role: "list" });
  figure.replaceChildren(legend(groups), head, list, caption(rows, all, groups));
  const width = head.lastChild.clientWidth;
  if (!width) return;
  const x = d3.scaleUtc(extent(groups), [0, width]);
  const ticks = x.ticks(Math.max(2, Math.floor(width / 90)));
  const today = new Date(state.today);
  const marked = today > x.domain()[0] && today < x.domain()[1] ? [today] : [];
  const axis = canvas(head.lastChild, width, 34);
  axis.append("g").attr("transform", "translate(0,33)").call(d3.axisTop(x).tickValues(ticks).tickSizeOuter(0).tickFormat(tick));
  axis.selectAll(".today").data(marked).join("text").attr("class", "marked").attr("x", x).attr("y", 10).attr("text-anchor", "middle").text(say("today"));
  for (const group of groups) {
    const to = group.iri && href(group.iri);
    const name = to ? element("a", { href: to, lang: group.lang }, group.name) : element("span", { lang: group.lang }, group.name);
    const place = element("div", { className: "scale" });
    list.append(element("div", { className: "line", role: "listitem" }, name, place));
    const height = group.lines * LINE;
    const drawing = canvas(place, width, height).attr("role", "img").attr("aria-label", spoken(group));
    drawing.selectAll(".tick").data(ticks).join("line").attr("class", "tick").attr("x1", x).attr("x2", x).attr("y2", height);
    for (const bar of group.bars) drawBar(drawing, bar, x, columns.until, width);
    drawing.selectAll(".marked").data(marked).join("line").attr("class", "marked").attr("x1", x).attr("x2", x).attr("y2", height);
  }
}

function canvas(place, width, height) {
  return d3.select(place).append("svg").attr("class", "timeline").attr("width", width).attr("height", height);
}

function drawBar(drawing, bar, x, wide, width) {
  const g = drawing.append("g").attr("class", bar.status ?? "inForce").attr("transform", `translate(0,${bar.line * LINE})`);
  g.append("title").attr("lang", "en").text(bar.title);
  if (!wide) {
    const mark = d3.symbol(d3.symbolDiamond, 110)();
    g.append("path").attr("class", "bar").attr("d", mark).attr("transform", `translate(${x(bar.start)},${LINE / 2})`);
    return;
  }
  // A bar without a bound runs off the edge.
  const left = bar.start ? x(bar.start) : -4;
  const right = Math.max(left + 2, bar.end ? x(bar.end) : width + 4);
  const shape = (name) => name.attr("x", left).attr("y", 3).attr("width", right - left).attr("height", LINE - 6);
  shape(g.append("rect").attr("class", "bar"));
  const pattern = { suspended: "hatch", annulled: "cross" }[bar.status];
  if (pattern) shape(g.append("rect").attr("fill", `url(#${pattern})`));
  const [seen, last] = [Math.max(left, 0), Math.min(right, width)];
  if (last - seen > room(bar.words) + 12) {
    g.append("text").attr("x", seen + 6).attr("y", LINE / 2 + 4).text(bar.words);
  }
}

/** How wide a text on a bar may be, in pixels: Chinese characters are as wide as they are high. */
function room(text) {
  return [...text].reduce((sum, letter) => sum + (letter < "⺀" ? 6.5 : 11), 0);
}

/** The first and the last day of the drawing, with room at both sides. */
function extent(groups) {
  const moments = groups.flatMap((group) => group.bars.flatMap((bar) => [bar.start, bar.end])).filter(Boolean);
  const today = new Date(state.today);
  const [first, last] = d3.extent(moments.length ? moments : [today]);
  const room = Math.max(30 * DAY, (last - first) * 0.06);
  return [new Date(first - room), new Date(+last + room)];
}

function legend(groups) {
  const present = new Set(groups.flatMap((group) => group.bars.map((bar) => bar.status)));
  const pills = Object.entries(STATUSES).filter(([status]) => present.has(status));
  return element("p", { className: "legend" }, ...pills.map(([status, words]) => element("span", { className: `pill ${status}` }, words)));
}

function caption(rows, all, groups) {
  const left = all.length - groups.length;
  const told = [
    say("%(rows)s rows under %(names)s names.", { rows: rows.length, names: all.length }),
    ...(left ? [say("%(left)s more are not drawn.", { left })] : []),
    say("A bar that runs off the edge has no bound there. The table holds the same in words."),
  ];
  return element("figcaption", { className: "quiet" }, told.join(" "));
}

/** The bars of a line in words. */
function spoken(group) {
  const day = (moment) => moment?.toISOString().slice(0, 10);
  const [always, open] = [say("always"), say("open")];
  const days = ({ start, end }) => say("%(from)s to %(until)s", { from: day(start) ?? always, until: day(end) ?? open });
  return group.bars.map((bar) => `${bar.words} ${days(bar)}`.trim()).join("; ");
}
