// The duties that add up, piled on each other over time, drawn from the table of the steps.

import { day, drawn, fill, iso, tick, ticks, told } from "./charts.js";

const TOP = 22, BOTTOM = 22, HEIGHT = 340, LAYERS = 8;

for (const figure of document.querySelectorAll("figure.tariffs")) show(figure);

function show(figure) {
  const said = figure.dataset, panel = figure.querySelector(".told"), place = figure.querySelector(".drawn");
  const domain = [day(said.first), day(said.last)];
  const steps = [...document.querySelectorAll(`#${said.table} tbody tr`)].map((row) => ({
    row,
    from: d3.max([day(row.dataset.from), domain[0]]),
    until: row.dataset.until ? day(row.dataset.until) : domain[1],
    sum: Number(row.dataset.sum),
    rates: new Map([...row.querySelectorAll("[data-layer]")].map(({ dataset }) => [Number(dataset.layer), Number(dataset.rate)])),
  }));
  const layers = d3.range(1 + (d3.max(steps, (step) => d3.max(step.rates.keys())) ?? -1));
  const piles = d3.stack().keys(layers).value((step, layer) => step.rates.get(layer) ?? 0)(steps);
  let chosen = Math.max(0, d3.bisectRight(steps.map((s) => +s.from), day(said.on)) - 1);

  figure.hidden = false;
  drawn(place, draw);

  function draw(width) {
    const x = d3.scaleUtc(domain, [0, width]).clamp(true);
    const y = d3.scaleLinear([0, d3.max(steps, (step) => step.sum) || 10], [HEIGHT - BOTTOM, TOP + 14]).nice();
    const svg = d3.create("svg").attr("viewBox", [0, 0, width, HEIGHT])
      .attr("width", width).attr("height", HEIGHT).attr("tabindex", 0)
      .attr("role", "group").attr("aria-label", said.label);

    const { years, quarters, months } = ticks(domain);
    const axis = svg.append("g").attr("class", "axis").attr("aria-hidden", "true");
    const marks = [...quarters.filter((d) => d.getUTCMonth()), ...years];
    axis.selectAll("line.x").data(marks).join("line").attr("class", (d) => (d.getUTCMonth() ? "tick" : "tick year"))
      .attr("x1", (d) => x(d)).attr("x2", (d) => x(d)).attr("y1", TOP).attr("y2", HEIGHT - BOTTOM);
    axis.selectAll("text.x").data(months ? marks : years).join("text").attr("class", "x").attr("x", (d) => x(d)).attr("y", HEIGHT - 7)
      .attr("text-anchor", (d) => (x(d) < 20 ? "start" : x(d) > width - 20 ? "end" : "middle")).text(tick);

    const area = d3.area((d) => x(d.data.from), (d) => y(d[0]), (d) => y(d[1])).curve(d3.curveStepAfter);
    // The last step goes on to the edge.
    const closed = (pile) => [...pile, Object.assign([...pile.at(-1)], { data: { from: domain[1] } })];
    const pile = svg.append("g").attr("class", "pile").selectAll("path").data(piles).join("path")
      .attr("class", (p) => `layer layer-${p.key % LAYERS}`).attr("d", (p) => area(closed(p)));
    pile.append("title").text((p) => layerName(p.key));

    const grid = svg.append("g").attr("class", "axis").attr("aria-hidden", "true");
    grid.selectAll("line").data(y.ticks(5).slice(1)).join("line").attr("class", "level").attr("x1", 0).attr("x2", width)
      .attr("y1", (v) => y(v)).attr("y2", (v) => y(v));
    grid.selectAll("text").data(y.ticks(5).slice(1)).join("text").attr("class", "cased").attr("x", 2).attr("y", (v) => y(v) - 3).text((v) => `${v} %`);

    const top = d3.line((d) => x(d.from), (d) => y(d.sum)).curve(d3.curveStepAfter);
    svg.append("path").attr("class", "top").attr("d", top([...steps, { from: domain[1], sum: steps.at(-1).sum }]));
    const today = day(said.today);
    const now = svg.append("g").attr("class", "now").attr("aria-hidden", "true");
    now.append("rect").attr("x", x(today)).attr("width", width - x(today)).attr("y", TOP).attr("height", HEIGHT - TOP - BOTTOM);
    now.append("line").attr("x1", x(today)).attr("x2", x(today)).attr("y1", TOP - 6).attr("y2", HEIGHT - BOTTOM);
    now.append("text").attr("x", x(today)).attr("y", 12).attr("text-anchor", x(today) > width - 40 ? "end" : "middle").text(said.now);
    if (said.on !== said.today) {
      svg.append("line").attr("class", "asked").attr("x1", x(day(said.on))).attr("x2", x(day(said.on))).attr("y1", TOP - 6).attr("y2", HEIGHT - BOTTOM);
    }
    svg.append("g").attr("class", "sums").attr("aria-hidden", "true").selectAll("text")
      .data(level(steps).filter((s) => s.sum && x(s.until) - x(s.from) > 34)).join("text").attr("class", "cased")
      .attr("x", (s) => (x(s.from) + x(s.until)) / 2).attr("y", (s) => y(s.sum) - 5).attr("text-anchor", "middle").text((s) => `${s.sum} %`);
    const spot = svg.append("rect").attr("class", "spot").attr("y", TOP).attr("height", HEIGHT - TOP - BOTTOM).attr("visibility", "hidden");

    svg.on("pointermove", (event) => {
      const on = d3.utcDay.floor(x.invert(d3.pointer(event)[0]));
      const found = d3.bisectRight(steps.map((s) => +s.from), on) - 1;
      if (found >= 0) tell(found);
    }).on("pointerleave blur", () => spot.attr("visibility", "hidden")).on("focus", () => tell(chosen)).on("click", (event) => {
      go(d3.utcDay.floor(x.invert(d3.pointer(event)[0])));
    }).on("keydown", (event) => {
      const last = steps.length - 1;
      const to = { ArrowLeft: chosen - 1, ArrowRight: chosen + 1, Home: 0, End: last }[event.key];
      if (to !== undefined) tell(Math.min(last, Math.max(0, to)));
      else if (event.key === "Enter") go(steps[chosen].from);
      else return;
      event.preventDefault();
    });
    place.replaceChildren(svg.node());

    function tell(number) {
      if (chosen === number && spot.attr("visibility") === "visible") return;
      chosen = number;
      const step = steps[number];
      spot.attr("x", x(step.from)).attr("width", Math.max(2, x(step.until) - x(step.from))).attr("visibility", "visible");
      panel.replaceChildren(told(step.row));
    }
  }

  function layerName(layer) {
    return document.querySelectorAll("figure.tariffs .legend li")[layer].textContent.trim();
  }
  function go(on) {
    location.assign(fill(said.href, { on: iso(on) }));
  }
}

/** Stretches of the same sum, whatever else changed in between. */
function level(steps) {
  const found = [];
  for (const { from, until, sum } of steps) {
    if (found.at(-1)?.sum === sum) found.at(-1).until = until;
    else found.push({ from, until, sum });
  }
  return found;
}
