// Which act changes which, drawn from the list of it: acts in columns of time, arrows to what they change.

import { day, drawn, element, words } from "./charts.js";

const LINE = 15, PAD = 9, TALL = 38, MARGIN = 10, HEAD = 26;
// How many acts a column holds; up to how many acts bear their titles, and arrows their words.
const MOST = 8, TITLED = 24, LABELLED = 45;

for (const figure of document.querySelectorAll("figure.acts")) show(figure);

function show(figure) {
  const rows = [...document.getElementById(figure.dataset.table).tBodies[0].rows];
  const acts = new Map(), edges = [];
  for (const row of rows) {
    const [changing, changed] = row.querySelectorAll(".act");
    for (const act of [changing, changed]) {
      const { act: name, public: known, side, title, lang } = act.dataset;
      if (!acts.has(name)) acts.set(name, { name, public: known, side, title, lang, href: act.getAttribute("href"), rows: [] });
    }
    const edge = { row, type: row.dataset.type, word: row.querySelector(".what").textContent.trim(),
      later: acts.get(changing.dataset.act), earlier: acts.get(changed.dataset.act) };
    edge.later.rows.push(row);
    edge.earlier.rows.push(row);
    edges.push(edge);
  }
  const place = figure.querySelector(".drawn"), panel = figure.querySelector(".told"), centre = figure.dataset.centre;
  figure.hidden = false;
  document.getElementById(figure.dataset.table).closest("details").open = false;
  place.tabIndex = 0;
  place.setAttribute("role", "region");
  place.setAttribute("aria-label", figure.dataset.label);

  const { nodes, paths, headings, width, height } = laid([...acts.values()], edges);
  const svg = d3.create("svg").attr("viewBox", [0, 0, width, height]).attr("role", "group").attr("aria-label", figure.dataset.label);
  svg.append("defs").selectAll("marker").data([...new Set(edges.map((edge) => edge.type))]).join("marker")
    .attr("id", (type) => `${figure.dataset.table}-${type}`).attr("viewBox", "0 0 8 8").attr("refX", 7).attr("refY", 4)
    .attr("markerWidth", 7).attr("markerHeight", 7).attr("markerUnits", "userSpaceOnUse").attr("orient", "auto-start-reverse")
    .append("path").attr("class", (type) => `head ${type}`).attr("d", "M0 0L8 4L0 8Z");

  const columns = svg.append("g").attr("class", "columns").attr("aria-hidden", "true").selectAll("g").data(headings).join("g");
  columns.append("line").attr("x1", (c) => c.x).attr("x2", (c) => c.x).attr("y1", 20).attr("y2", height);
  columns.append("text").attr("x", (c) => c.x).attr("y", 13).attr("text-anchor", "middle").text((c) => c.text);

  const lines = svg.append("g").attr("class", "lines").attr("aria-hidden", "true").selectAll("g").data(paths).join("g").attr("class", "link");
  lines.append("path").attr("class", (p) => `edge ${p.edge.type}`).attr("d", (p) => d3.line(({ x }) => x, ({ y }) => y).curve(d3.curveBumpX)(p.points))
    .attr("marker-start", (p) => `url(#${figure.dataset.table}-${p.edge.type})`);
  lines.filter((p) => p.label).append("text").attr("x", (p) => p.label.x).attr("y", (p) => p.label.y + 3)
    .attr("text-anchor", "middle").text((p) => p.edge.word);

  const boxes = svg.append("g").attr("class", "nodes").selectAll("a").data(nodes).join("a")
    .attr("href", (n) => n.act.href).attr("class", (n) => `node ${n.act.side}${n.act.name === centre ? " centre" : ""}`)
    .attr("data-act", (n) => n.act.name).attr("transform", (n) => `translate(${n.x - n.width / 2},${n.y - n.height / 2})`);
  boxes.append("rect").attr("width", (n) => n.width).attr("height", (n) => n.height).attr("rx", 4);
  // What is written in a box is its name to those who do not see it; the blanks keep the words apart.
  boxes.append("text").attr("class", "name").attr("x", PAD).attr("y", LINE).text((n) => `${n.text} `);
  boxes.append("text").attr("class", "date").attr("x", PAD).attr("y", 2 * LINE).text((n) => `${words(n.act.public)} `);
  boxes.selectAll("text.title").data((n) => n.lines).join("text").attr("class", "title").attr("x", PAD)
    .attr("y", (_, i) => 3 * LINE + 14 * i).text((line) => `${line} `);
  boxes.selectAll("text.title").attr("lang", function () { return d3.select(this.parentNode).datum().act.lang; });

  boxes.on("pointerenter focus", (event, n) => {
    lines.classed("lit", (p) => p.edge.later === n.act || p.edge.earlier === n.act);
    const near = new Set(edges.flatMap((e) => (e.later === n.act || e.earlier === n.act ? [e.later, e.earlier] : [])));
    boxes.classed("lit", (other) => near.has(other.act));
    svg.classed("lighting", true);
    const table = element("table", "edges");
    table.append(rows[0].closest("table").tHead.cloneNode(true), element("tbody", "", ...n.act.rows.map((row) => row.cloneNode(true))));
    panel.replaceChildren(element("p", "point", `${n.act.name}: ${n.act.title}`), element("div", "wide", table));
  }).on("pointerleave blur", () => svg.classed("lighting", false));

  let scale = 1;
  place.replaceChildren(svg.node());
  const zoom = (to) => {
    const middle = (place.scrollLeft + place.clientWidth / 2) / scale;
    scale = Math.min(2, Math.max(0.2, to));
    svg.attr("width", width * scale).attr("height", height * scale);
    place.scrollLeft = middle * scale - place.clientWidth / 2;
  };
  const whole = () => zoom(Math.min(1, place.clientWidth / width, 640 / height));
  drawn(place, () => {
    zoom(Math.min(1, Math.max(0.9, place.clientWidth / width)));
    const middle = nodes.find((n) => n.act.name === centre) ?? { x: width, y: 0 };
    place.scrollLeft = middle.x * scale - place.clientWidth / 2;
    place.scrollTop = middle.y * scale - place.clientHeight / 2;
  });
  const move = {
    in: () => zoom(scale * 1.25), out: () => zoom(scale / 1.25), whole,
    left: () => place.scrollBy({ left: -200 }), right: () => place.scrollBy({ left: 200 }),
    up: () => place.scrollBy({ top: -120 }), down: () => place.scrollBy({ top: 120 }),
  };
  for (const button of figure.querySelectorAll("[data-do]")) button.addEventListener("click", () => move[button.dataset.do]());
  place.addEventListener("keydown", (event) => {
    const act = { "+": move.in, "=": move.in, "-": move.out, 0: whole }[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    act();
    event.preventDefault();
  });
}

/** Where acts, arrows and the dates above lie.

Columns hold successive acts, none of which changes another of its column; so time runs from left to right. Acts that
hang together are laid out on their own, and the groups are then pushed up as far as there is room in their columns.
*/
function laid(acts, edges) {
  const full = acts.length <= TITLED, labelled = edges.length <= LABELLED;
  const columns = inColumns(acts, edges);
  const column = new Map(columns.flatMap((held, number) => held.map((act) => [act.name, number])));
  const nodes = new Map(acts.map((act) => [act.name, box(act, full)]));
  const widths = columns.map((held) => d3.max(held, (act) => nodes.get(act.name).width));
  const gap = labelled ? 70 + 6 * d3.max(edges, (edge) => edge.word.length) : 44;
  const lefts = d3.cumsum([MARGIN, ...widths.map((width) => width + gap)]);
  const middles = columns.map((_, number) => lefts[number] + widths[number] / 2);

  const floors = columns.map(() => HEAD);
  const paths = [];
  for (const group of groups(acts, edges)) {
    const own = [...new Set(group.acts.map((act) => column.get(act.name)))].sort(d3.ascending);
    const graph = new dagre.graphlib.Graph({ multigraph: true });
    graph.setGraph({ rankdir: "LR", nodesep: 12, edgesep: 10, ranksep: 40, ranker: (inner) => {
      for (const name of inner.nodes()) inner.node(name).rank = column.has(name) ? 2 * own.indexOf(column.get(name)) + 2 : 0;
    } });
    for (const act of group.acts) graph.setNode(act.name, { width: nodes.get(act.name).width, height: nodes.get(act.name).height });
    group.edges.forEach((edge, number) => graph.setEdge(edge.earlier.name, edge.later.name,
      { edge, width: 1, height: labelled ? 14 : 2, labelpos: "c" }, String(number)));
    dagre.layout(graph);

    const across = d3.range(own[0], own.at(-1) + 1);
    const top = d3.max(across, (number) => floors[number]);
    for (const number of across) floors[number] = top + graph.graph().height + 16;
    const known = new Map(group.acts.map((act) => [graph.node(act.name).x, middles[column.get(act.name)]]));
    const local = [...known.keys()].sort(d3.ascending);
    const x = local.length > 1 ? d3.scaleLinear(local, local.map((from) => known.get(from))) : () => [...known.values()][0];
    for (const act of group.acts) Object.assign(nodes.get(act.name), { x: middles[column.get(act.name)], y: top + graph.node(act.name).y });
    for (const named of graph.edges()) {
      const { edge, points, x: lx, y: ly } = graph.edge(named);
      const [from, to] = [nodes.get(named.v), nodes.get(named.w)];
      const between = points.slice(1, -1).map((point) => ({ x: x(point.x), y: top + point.y }));
      paths.push({ edge, label: labelled ? { x: x(lx), y: top + ly } : null,
        points: [{ x: from.x + from.width / 2, y: from.y }, ...between.filter((point) => point.x > from.x + from.width / 2 + 4 && point.x < to.x - to.width / 2 - 4), { x: to.x - to.width / 2, y: to.y }] });
    }
  }
  const headings = columns.map(([first], number) => ({ x: middles[number], text: words(first.public) }));
  return { nodes: [...nodes.values()], paths, headings, width: lefts.at(-1) - gap + MARGIN, height: d3.max(floors) };
}

/** Acts in the order of time, divided into columns. */
function inColumns(acts, edges) {
  acts.sort((a, b) => d3.ascending(a.public, b.public));
  const near = new Map(acts.map((act) => [act, new Set()]));
  for (const edge of edges) {
    near.get(edge.later).add(edge.earlier);
    near.get(edge.earlier).add(edge.later);
  }
  const columns = [];
  for (const act of acts) {
    const here = columns.at(-1);
    const apart = here && (day(act.public) - day(here[0].public)) / 864e5 > 92;
    if (!here || apart || here.length >= MOST || here.some((other) => near.get(act).has(other))) columns.push([act]);
    else here.push(act);
  }
  return columns;
}

/** The acts that hang together with their arrows, the largest groups first. */
function groups(acts, edges) {
  const root = new Map(acts.map((act) => [act, act]));
  const find = (act) => (root.get(act) === act ? act : find(root.get(act)));
  for (const edge of edges) root.set(find(edge.later), find(edge.earlier));
  const found = d3.groups(acts, find).map(([top, held]) => ({ acts: held, edges: edges.filter((edge) => find(edge.later) === top) }));
  return found.sort((a, b) => b.acts.length - a.acts.length);
}

/** The box of an act: its short name and day, and where there is room its title. */
function box(act, full) {
  const text = act.name.length > 30 ? `${act.name.slice(0, 29)}…` : act.name;
  const lines = full ? wrapped(act.title, 28, 3) : [];
  return { act, text, lines, width: Math.max(full ? 200 : 96, 7.3 * text.length + 2 * PAD), height: TALL + 14 * lines.length };
}

/** A text in at most so many lines of about so many letters; a Chinese letter counts as two. */
function wrapped(text, letters, most) {
  const size = (part) => d3.sum(part, (letter) => (letter > "⺀" ? 2 : 1));
  const lines = [""];
  for (const word of text.match(/[⺀-￯]|[^\s⺀-￯]+\s*/g) ?? []) {
    if (size(lines.at(-1) + word.trimEnd()) > letters && lines.at(-1)) lines.push("");
    lines[lines.length - 1] += word;
  }
  return lines.length <= most ? lines : [...lines.slice(0, most - 1), `${lines[most - 1].trimEnd()} …`];
}
