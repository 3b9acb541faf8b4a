// The home page, alive: a day that moves without a reload, and a chart that can be drawn closer.
// The server draws; here the same page is fetched for another question and its live parts are put in place.
"use strict";

(() => {
  const find = (id) => document.getElementById(id);
  const form = find("question");
  const slider = find("slider");
  const groups = find("groups");
  if (!slider || !groups) return; // a question that was not understood: the plain form does

  const DAY = 86400000;
  const SHOWN = ["inForce", "suspended", "pending"];
  const language = document.documentElement.lang || "en";
  const day = (iso) => Date.parse(iso) / DAY;
  const iso = (number) => new Date(number * DAY).toISOString().slice(0, 10);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  function words(number) {
    const date = new Date(number * DAY);
    if (!language.startsWith("en")) {
      return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" }).format(date);
    }
    const month = new Intl.DateTimeFormat("en", { month: "short", timeZone: "UTC" }).format(date);
    return `${date.getUTCDate()} ${month} ${date.getUTCFullYear()}`;
  }

  // The question as an address: what the server would take for granted is left out.

  function address() {
    const fields = new FormData(form);
    const known = fields.get("known");
    if (known !== "date") fields.delete("knownOn");
    if (known !== "then") fields.delete("known");
    const statuses = fields.getAll("status");
    if (statuses.length === SHOWN.length && SHOWN.every((s) => statuses.includes(s))) fields.delete("status");
    const kept = [...fields].filter(([, value]) => value !== "");
    return `${form.getAttribute("action")}?${new URLSearchParams(kept)}`;
  }

  function hidden(name, value) {
    let field = form.querySelector(`input[type="hidden"][name="${name}"]`);
    if (!value) {
      field?.remove();
      return;
    }
    if (!field) {
      field = Object.assign(document.createElement("input"), { type: "hidden", name });
      form.append(field);
    }
    field.value = value;
  }

  // Fetching: while the slider moves the last answer under way may still come, anything else stops it.

  let wanted = null; // what to show next
  let running = null;
  let pushed = -Infinity;

  function ask({ push = true, moving = false } = {}) {
    const url = address();
    const again = moving && performance.now() - pushed < 1000;
    if (moving) pushed = performance.now();
    if (url !== location.pathname + location.search) {
      history[push && !again ? "pushState" : "replaceState"](null, "", url);
    }
    load(url, { moving });
  }

  async function load(url, { moving = false, restoring = false } = {}) {
    wanted = { url, restoring };
    if (running) {
      if (!moving) running.abort();
      return;
    }
    while (wanted) {
      const asked = wanted;
      wanted = null;
      running = new AbortController();
      const slow = setTimeout(() => groups.classList.add("busy"), 300);
      try {
        const answer = await fetch(asked.url, { signal: running.signal, headers: { Accept: "text/html" } });
        const text = await answer.text();
        if (answer.status >= 500) throw new Error(`${answer.status}`);
        show(new DOMParser().parseFromString(text, "text/html"), asked.restoring);
      } catch (error) {
        if (error.name !== "AbortError") {
          location.assign(asked.url);
          return;
        }
      } finally {
        clearTimeout(slow);
        groups.classList.remove("busy");
        running = null;
      }
    }
  }

  function show(page, restoring) {
    const held = holder(document.activeElement);
    if (restoring) {
      form.replaceChildren(...page.getElementById("question").cloneNode(true).childNodes);
      aim = null;
    }
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(part.id);
      part.hidden = !fresh;
      if (fresh) {
        part.replaceChildren(...fresh.childNodes);
        Object.assign(part.dataset, fresh.dataset);
      }
    }
    find("board").hidden = groups.hidden;
    document.title = page.title;
    for (const group of groups.querySelectorAll("details")) {
      if (unfolded.has(group.dataset.group)) group.open = unfolded.get(group.dataset.group);
    }
    if (!groups.hidden) settle();
    hint(null);
    held?.();
    announce();
  }

  // A way to give the focus back to what had it, or to what has taken its place.
  function holder(element) {
    const part = element?.closest("[data-live]");
    if (!part) return null;
    const names = [];
    if (element.id) names.push(`#${CSS.escape(element.id)}`);
    if (element.rel) names.push(`[rel="${element.rel}"]`);
    const href = element.getAttribute("href");
    if (href) names.push(`[href="${CSS.escape(href)}"]`);
    const group = element.closest("details")?.dataset.group;
    if (group && element.localName === "summary") names.push(`[data-group="${group}"] > summary`);
    return () => {
      const found = names.map((name) => part.querySelector(name)).find(Boolean) || find("headline");
      if (found.id === "headline") found.tabIndex = -1;
      found.focus({ preventScroll: true });
    };
  }

  let announcing = 0;
  function announce() {
    clearTimeout(announcing);
    announcing = setTimeout(() => {
      find("said").textContent = find("headline").textContent.replace(/\s+/g, " ").trim();
    }, 500);
  }

  // What a reader has folded or unfolded stays so.
  const unfolded = new Map();
  groups.addEventListener("click", (event) => {
    const group = event.target.closest("summary")?.parentElement;
    if (group) unfolded.set(group.dataset.group, !group.open);
  });

  // The chart: one axis of the whole record, of which a window is in view.

  const track = slider.parentElement;
  let view = null; // first and last day in view, as numbers
  let aim = null; // those that will be, once the chart has come to rest
  const whole = () => [day(groups.dataset.first), day(groups.dataset.last)];
  const served = () => [day(groups.dataset.viewFirst), day(groups.dataset.viewLast)];
  const chosen = () => day(form.elements.on.value || groups.dataset.day);
  const percent = (number) => {
    const [first, last] = whole();
    return `${(100 * (number - first)) / (last - first)}%`;
  };

  function point(number) {
    for (const mark of document.querySelectorAll("#chosen line")) {
      mark.setAttribute("x1", percent(number));
      mark.setAttribute("x2", percent(number));
    }
    const caption = document.querySelector("#scale text.chosen");
    if (caption) {
      const share = (number - view[0]) / (view[1] - view[0]);
      caption.setAttribute("x", percent(number));
      caption.setAttribute("text-anchor", share < 0.09 ? "start" : share > 0.91 ? "end" : "middle");
      caption.textContent = words(number);
    }
    slider.value = number;
    slider.setAttribute("aria-valuetext", words(number));
  }

  function draw() {
    const [first, last] = whole();
    const width = (100 * (last - first)) / (view[1] - view[0]);
    const x = (-100 * (view[0] - first)) / (view[1] - view[0]);
    for (const plane of document.querySelectorAll("#board .plane")) {
      plane.setAttribute("x", `${x}%`);
      plane.setAttribute("width", `${width}%`);
    }
    slider.min = Math.round(view[0]);
    slider.max = Math.round(view[1]);
    ticks();
    labels(width / 100);
    point(chosen());
  }

  function ticks() {
    const scale = d3.scaleUtc(view.map((n) => n * DAY), [0, track.clientWidth]);
    const marks = scale.ticks(Math.max(3, track.clientWidth / 80));
    const inner = new Intl.DateTimeFormat(language, { month: "short", timeZone: "UTC" });
    const finer = new Intl.DateTimeFormat(language, { month: "short", day: "numeric", timeZone: "UTC" });
    const label = (date) => {
      if (date.getUTCDate() !== 1) return finer.format(date);
      return date.getUTCMonth() ? inner.format(date) : String(date.getUTCFullYear());
    };
    const at = (date) => percent(date / DAY);
    const year = (date) => date.getUTCMonth() === 0 && date.getUTCDate() === 1;
    const lines = (selection, top, bottom) =>
      selection.selectAll("line").data(marks).join("line")
        .attr("class", (d) => (year(d) ? "tick year" : "tick"))
        .attr("x1", at).attr("x2", at).attr("y1", top).attr("y2", bottom);
    const above = d3.select("#scale .ticks");
    lines(above, 17, 34);
    above.selectAll("text").data(marks).join("text")
      .attr("class", (d) => (year(d) ? "year" : "month")).attr("x", at).attr("dx", 4).attr("y", 28).text(label);
    lines(d3.select("#grid .ticks"), 0, "100%");
  }

  // Words stand in the middle of what is in view of their bar, if there is room for them.
  function labels(times) {
    const letter = 7;
    const shown = track.clientWidth;
    const [first, last] = whole();
    const left = (100 * (view[0] - first)) / (last - first);
    const right = (100 * (view[1] - first)) / (last - first);
    for (const text of groups.querySelectorAll(".life text")) {
      const bar = text.previousElementSibling;
      const start = Math.max(parseFloat(bar.getAttribute("x")), left);
      const end = Math.min(parseFloat(bar.getAttribute("x")) + parseFloat(bar.getAttribute("width")), right);
      const room = ((end - start) * times * shown) / 100;
      const fits = room > text.textContent.length * letter + 6;
      text.setAttribute("class", fits ? "fits" : "tighter");
      if (fits) text.setAttribute("x", `${(start + end) / 2}%`);
    }
  }

  const zoom = d3.zoom()
    .filter((event) => {
      if (event.type === "wheel") return event.ctrlKey || event.metaKey;
      if (event.type.startsWith("touch")) return event.touches.length > 1;
      return !event.button && Boolean(event.target.closest(".life"));
    })
    .clickDistance(4)
    .on("zoom", ({ transform, sourceEvent }) => {
      const { left, width } = place();
      const [first, last] = whole();
      const base = d3.scaleLinear([first, last], [left, left + width]);
      view = transform.rescaleX(base).domain();
      draw();
      if (sourceEvent) {
        aim = view;
        hint(null);
      }
    })
    .on("end", ({ sourceEvent }) => {
      if (sourceEvent) keep();
    });

  // Where the timelines lie within the groups.
  function place() {
    const left = track.getBoundingClientRect().left - groups.getBoundingClientRect().left;
    return { left, width: track.clientWidth };
  }

  function transformed([from, to]) {
    const { left, width } = place();
    const [first, last] = whole();
    const k = (last - first) / (to - from);
    const x = left - k * (left + (width * (from - first)) / (last - first));
    return d3.zoomIdentity.translate(x, 0).scale(k);
  }

  function look(range, smoothly = false) {
    const [first, last] = whole();
    const { left, width } = place();
    zoom.scaleExtent([1, (last - first) / 60]).extent([[left, 0], [left + width, 1]]);
    zoom.translateExtent([[left, -Infinity], [left + width, Infinity]]);
    const target = d3.select(groups);
    const moved = smoothly && !calm.matches ? target.transition().duration(350) : target.interrupt();
    moved.call(zoom.transform, transformed(range));
  }

  // The window becomes part of the address, so that it is shared too.
  const shown = () => `${iso(Math.round(aim[0]))}/${iso(Math.round(aim[1]) - 1)}`;
  function keep() {
    hidden("view", shown());
    history.replaceState(null, "", address());
  }

  function near(factor) {
    const [first, last] = whole();
    const middle = Math.min(Math.max(chosen(), aim[0]), aim[1]);
    const span = Math.min(Math.max((aim[1] - aim[0]) * factor, 60), last - first);
    const share = (middle - aim[0]) / (aim[1] - aim[0]);
    const from = Math.round(Math.min(Math.max(middle - span * share, first), last - span));
    aim = [from, Math.round(from + span)];
    keep();
    look(aim, true);
  }

  // After new parts came: the window stays unless the day lies outside it.
  function settle() {
    if (!aim || chosen() < aim[0] || chosen() > aim[1]) aim = served();
    look(aim);
    stop(groups.querySelector(".life a"));
  }

  // Moving the day

  function move(number, { push = true, moving = false } = {}) {
    const years = iso(chosen()).slice(0, 4) - groups.dataset.today.slice(0, 4);
    const far = Math.abs(years) > 1; // the window follows a day that is far from today: hold it while the day moves
    form.elements.on.value = iso(number);
    hidden("at", null);
    if (number < aim[0] || number > aim[1]) hidden("view", null);
    else if (moving && far) hidden("view", shown());
    point(number);
    ask({ push, moving });
  }

  slider.addEventListener("input", () => move(Number(slider.value), { moving: true }));
  slider.addEventListener("keydown", (event) => {
    const months = { PageUp: 1, PageDown: -1 }[event.key];
    if (!months) return;
    event.preventDefault();
    const date = new Date(Number(slider.value) * DAY);
    const target = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months + 1, 0));
    target.setUTCDate(Math.min(date.getUTCDate(), target.getUTCDate()));
    const number = Math.min(Math.max(target / DAY, Number(slider.min)), Number(slider.max));
    move(number, { moving: true });
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  form.addEventListener("change", ({ target }) => {
    if (!target.checkValidity()) return;
    if (target.id === "on") {
      if (!target.value) return;
      move(day(target.value));
    } else ask();
  });
  form.addEventListener("input", ({ target }) => {
    if (target.id === "knownOn") form.elements.known.value = target.value ? "date" : "today";
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-day], a[data-view]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    if (link.dataset.day) move(day(link.dataset.day));
    else if (link.dataset.view === "all") {
      aim = whole();
      keep();
      look(aim, true);
    } else {
      hidden("view", null);
      aim = null;
      ask({ push: false });
    }
  });
  find("closer").addEventListener("click", () => near(0.5));
  find("wider").addEventListener("click", () => near(2));
  addEventListener("popstate", () => load(location.pathname + location.search, { restoring: true }));
  addEventListener("resize", () => groups.hidden || look(aim));

  // Hints: what a bar means, for the pointer and for the keyboard.

  const note = document.createElement("div");
  note.className = "hint";
  note.hidden = true;
  document.body.append(note);

  function hint(bar) {
    note.hidden = !bar;
    if (!bar) return;
    const title = bar.querySelector("title");
    if (title) {
      bar.setAttribute("aria-label", title.textContent);
      title.remove(); // else the browser shows it too
    }
    const clause = document.createElement("small");
    clause.textContent = decodeURIComponent(bar.getAttribute("href").split("/").pop());
    note.replaceChildren(bar.getAttribute("aria-label"), clause);
    const around = bar.querySelector("rect").getBoundingClientRect();
    const frame = track.getBoundingClientRect();
    const middle = (Math.max(around.left, frame.left) + Math.min(around.right, frame.right)) / 2;
    const half = note.offsetWidth / 2 + 8;
    note.style.left = `${Math.min(Math.max(middle, half), document.documentElement.clientWidth - half)}px`;
    note.style.top = `${around.bottom + 6}px`;
  }

  groups.addEventListener("pointerover", ({ target }) => hint(target.closest(".life a")));
  groups.addEventListener("pointerleave", () => hint(null));
  groups.addEventListener("focusin", ({ target }) => hint(target.closest(".life a")));
  groups.addEventListener("focusout", () => hint(null));
  addEventListener("scroll", () => hint(null), { passive: true });

  // One bar of the chart is a tab stop; arrows go on from there.
  function stop(bar) {
    for (const other of groups.querySelectorAll('.life a[tabindex="0"]')) other.setAttribute("tabindex", "-1");
    bar?.setAttribute("tabindex", "0");
  }
  groups.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hint(null);
    const bar = event.target.closest(".life a");
    if (!bar) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const along = event.key === "ArrowRight" || event.key === "ArrowLeft";
    const rows = [...groups.querySelectorAll("details[open] .life")];
    const bars = along
      ? [...bar.closest(".life").querySelectorAll("a")]
      : rows.map((row) => row.querySelector("a"));
    const here = along ? bars.indexOf(bar) : rows.indexOf(bar.closest(".life"));
    const next = bars[here + step];
    if (!next) return;
    stop(next);
    next.focus();
  });

  if (matchMedia("(max-width: 48rem)").matches) {
    find("filters").open = [...find("filters").querySelectorAll("input, select")].some((field) => field.value);
  }
  for (const name of ["closer", "wider"]) find(name).hidden = false;
  slider.hidden = false;
  d3.select(groups).call(zoom).on("dblclick.zoom", null);
  settle();
})();
