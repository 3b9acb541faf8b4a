// The plane of legal time (across) and public time (down) of a measure, drawn from the table of what was believed.

import { day, drawn, element, fill, iso, ticks, told, words } from "./charts.js";

const TOP = 40, RIGHT = 2;
const PATTERNS = { suspended: "url(#hatch)", annulled: "url(#cross)" };

for (const figure of document.querySelectorAll("figure.clocks")) show(figure);

function show(figure) {
  const said = figure.dataset, panel = figure.querySelector(".told"), place = figure.querySelector(".drawn");
  const turns = [...document.getElementById(said.table).tBodies].map((body) => ({
    public: day(body.dataset.public),
    row: body.querySelector(".turn"),
    beliefs: [...body.querySelectorAll(".belief")],
  }));
  const domain = [day(said.first), day(said.last)], horizon = day(said.horizon);
  const beliefs = turns.flatMap((turn) =>
    turn.beliefs.map((row) => ({
      row, turn, status: row.dataset.status,
      label: `${row.querySelector(".pill").textContent} ${row.dataset.rate}`.trim(),
      // A measure is pending only from when anyone could know of it.
      start: row.dataset.start ? day(row.dataset.start) : turns[0].public,
      end: row.dataset.until ? day(row.dataset.until) : domain[1],
      knownUntil: row.dataset.knownUntil ? d3.min([day(row.dataset.knownUntil), horizon]) : horizon,
    })).filter((belief) => belief.start < belief.end && belief.turn.public < belief.knownUntil));
  const point = { on: day(said.on), known: day(said.known) };

  figure.hidden = false;
  drawn(place, draw);

  function draw(width) {
    const narrow = width < 600, gutter = narrow ? 84 : 196, least = narrow ? 26 : 38;
    const edges = [...turns.map((turn) => turn.public), horizon];
    const share = d3.pairs(edges, (a, b) => b - a), total = d3.sum(share);
    const room = Math.max(0, 300 - least * share.length);
    const depths = d3.cumsum([TOP, ...share.map((part) => least + (room * part) / total)]);
    const x = d3.scaleUtc(domain, [gutter, width - RIGHT]).clamp(true);
    const y = d3.scaleUtc(edges, [...depths]).clamp(true);
    const bottom = depths.at(-1), height = bottom + 8;

    const svg = d3.create("svg").attr("viewBox", [0, 0, width, height]).attr("width", width).attr("height", height)
      .attr("role", "group").attr("aria-label", said.label);
    axis(svg, x, bottom, said);

    const boxes = svg.append("g").attr("class", "beliefs").selectAll("g").data(beliefs).join("g")
      .attr("class", (b) => b.status).attr("data-start", (b) => iso(b.start)).attr("data-public", (b) => iso(b.turn.public));
    for (const fillings of ["bar", "pattern"]) {
      boxes.filter((b) => fillings === "bar" || PATTERNS[b.status]).append("rect").attr("class", fillings)
        .attr("fill", (b) => (fillings === "pattern" ? PATTERNS[b.status] : null))
        .attr("x", (b) => x(b.start)).attr("width", (b) => Math.max(1, x(b.end) - x(b.start)))
        .attr("y", (b) => y(b.turn.public)).attr("height", (b) => y(b.knownUntil) - y(b.turn.public));
    }
    const slant = edges.filter((edge) => domain[0] <= edge && edge <= domain[1]);
    for (const drawing of ["casing", "diagonal"]) {
      svg.append("path").attr("class", drawing).attr("d", d3.line((d) => x(d), (d) => y(d))(slant));
    }
    // In the first of its bands, so that no line of another act runs through it.
    const below = (b) => depths[turns.indexOf(b.turn) + 1];
    svg.append("g").attr("class", "names").selectAll("text")
      .data(beliefs.filter((b) => x(b.end) - x(b.start) > 7 * b.label.length + 8)).join("text")
      .attr("class", (b) => b.status).attr("x", (b) => (x(b.start) + x(b.end)) / 2).attr("y", (b) => (y(b.turn.public) + below(b)) / 2 + 4)
      .attr("text-anchor", "middle").text((b) => b.label);

    const asked = svg.append("g").attr("class", "asked");
    asked.append("title").text(said.asked);
    asked.append("circle").attr("cx", x(point.on)).attr("cy", y(point.known)).attr("r", 6);

    const lines = svg.append("g").attr("class", "turns").selectAll("a").data(turns).join("a")
      .attr("href", (turn) => turn.row.querySelector("a").getAttribute("href"))
      .attr("data-public", (turn) => iso(turn.public));
    lines.append("rect").attr("class", "ground").attr("x", 0).attr("width", gutter)
      .attr("y", (turn) => y(turn.public)).attr("height", (turn, i) => depths[i + 1] - depths[i]);
    lines.append("line").attr("x1", 0).attr("x2", width - RIGHT).attr("y1", (t) => y(t.public)).attr("y2", (t) => y(t.public));
    lines.append("text").attr("class", "when").attr("y", (t) => y(t.public) + 15).text((t) => `${words(iso(t.public))} `);
    if (!narrow) {
      lines.append("text").attr("class", "who").attr("y", (t) => y(t.public) + 30).text((t) => {
        const acts = [...new Set([...t.row.querySelectorAll(".act")].map((act) => act.textContent))];
        const [name] = acts, more = acts.length > 1 ? ` +${acts.length - 1}` : "";
        return (name.length + more.length > 31 ? `${name.slice(0, 29)}…` : name) + more;
      });
    }
    const tellTurn = (event, turn) => {
      light((b) => b.turn === turn);
      panel.replaceChildren(element("div", "", ...turn.row.cells[0].cloneNode(true).childNodes));
    };
    lines.on("pointerenter focus", tellTurn).on("pointerleave blur", () => light(null));

    const cross = svg.append("g").attr("class", "cross").attr("tabindex", 0).attr("role", "button");
    const upright = cross.append("line").attr("y1", TOP - 6).attr("y2", bottom);
    const level = cross.append("line").attr("x1", gutter).attr("x2", width - RIGHT);
    const ring = cross.append("circle").attr("r", 7);
    const at = { ...point };
    name(at);

    svg.on("pointermove", (event) => {
      const [px, py] = d3.pointer(event);
      if (px >= gutter && py >= TOP) tell({ on: floor(x.invert(px)), known: floor(y.invert(py)) });
    }).on("pointerleave", () => light(null)).on("click", (event) => {
      const [px, py] = d3.pointer(event);
      if (px >= gutter && py >= TOP) go();
    });
    cross.on("focus", () => tell(at)).on("blur", () => light(null)).on("keydown", (event) => {
      const moved = step(event.key);
      if (moved) tell(moved);
      else if (event.key === "Enter" || event.key === " ") go();
      else return;
      event.preventDefault();
    });

    place.replaceChildren(svg.node());

    function light(which) {
      svg.classed("lighting", which !== null);
      boxes.classed("lit", which ?? false);
    }
    function believed({ on, known }) {
      return beliefs.find((b) => b.start <= on && on < b.end && b.turn.public <= known && known < b.knownUntil);
    }
    function name({ on, known }) {
      const text = fill(said.point, { on: words(iso(on)), known: words(iso(known)) });
      cross.attr("aria-label", text);
      upright.attr("x1", x(on)).attr("x2", x(on));
      level.attr("y1", y(known)).attr("y2", y(known));
      ring.attr("cx", x(on)).attr("cy", y(known));
      return text;
    }
    function tell(where) {
      Object.assign(at, where);
      const found = believed(at);
      light((b) => b === found);
      panel.replaceChildren(element("p", "point", name(at)), ...(found ? [told(found.row)] : []));
    }
    /** The next stretch of law to either side, or the next act above or below. */
    function step(key) {
      const band = d3.bisectRight(turns.map((t) => +t.public), at.known) - 1;
      const known = turns[Math.max(0, band)].public;
      const days = [...new Set(beliefs.filter((b) => b.turn.public <= known && known < b.knownUntil).map((b) => +b.start))].sort(d3.ascending);
      switch (key) {
        case "ArrowUp": return { on: at.on, known: turns[Math.max(0, band - 1)].public };
        case "ArrowDown": return { on: at.on, known: turns[Math.min(turns.length - 1, band + 1)].public };
        case "ArrowRight": return { on: new Date(days.find((d) => d > at.on) ?? at.on), known };
        case "ArrowLeft": return { on: new Date(days.findLast((d) => d < at.on) ?? at.on), known };
        default: return null;
      }
    }
    function go() {
      location.assign(`?${new URLSearchParams({ on: iso(at.on), knownOn: iso(at.known) })}#clocks`);
    }
  }
}

const floor = (date) => d3.utcDay.floor(date);

function axis(svg, x, bottom, said) {
  const { years, quarters } = ticks(x.domain());
  const lines = svg.append("g").attr("class", "axis");
  lines.selectAll("line").data([...quarters, ...years]).join("line")
    .attr("class", (d) => (d.getUTCMonth() ? "tick" : "tick year"))
    .attr("x1", (d) => x(d)).attr("x2", (d) => x(d)).attr("y1", TOP - 6).attr("y2", bottom);
  lines.selectAll("text").data(years).join("text").attr("x", (d) => x(d)).attr("y", TOP - 12)
    .attr("text-anchor", (d) => (x(d) > x.range()[1] - 24 ? "end" : "middle")).text((d) => d.getUTCFullYear());
  lines.append("text").attr("class", "caption").attr("x", x.range()[1]).attr("y", 10).attr("text-anchor", "end").text(said.across);
  lines.append("text").attr("class", "caption").attr("x", 0).attr("y", TOP - 12).text(said.down);
}
