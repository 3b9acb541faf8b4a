// What the charts share: days, words with blanks, what is told of a row, and drawing again when the width changes.
// All words come from the page, in its language.

const lang = document.documentElement.lang;
const stated = new Intl.DateTimeFormat(lang === "en" ? "en-US" : lang, {
  day: "numeric", month: "short", year: "numeric", timeZone: "UTC",
});

export const day = (iso) => new Date(`${iso}T00:00:00Z`);
export const iso = (date) => date.toISOString().slice(0, 10);

/** A day as the pages write it. */
export function words(text) {
  if (lang !== "en") return stated.format(day(text));
  const part = Object.fromEntries(stated.formatToParts(day(text)).map(({ type, value }) => [type, value]));
  return `${part.day} ${part.month} ${part.year}`;
}

/** A text with its blanks filled: "on {on}". */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** An element with classes and children. */
export function element(name, classes = "", ...children) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  made.append(...children);
  return made;
}

/** The cells of a row of a table under the captions of their columns; empty ones are left out. */
export function told(row) {
  const captions = [...row.closest("table").tHead.rows[0].cells];
  const list = element("dl");
  [...row.cells].forEach((cell, column) => {
    if (!cell.textContent.trim()) return;
    const said = element("dd", "", ...cell.cloneNode(true).childNodes);
    list.append(element("div", "", element("dt", "", captions[column].textContent), said));
  });
  return list;
}

/** Draws now and whenever the width of a place changes. */
export function drawn(place, draw) {
  let last = 0;
  new ResizeObserver(() => {
    const width = Math.floor(place.clientWidth);
    if (width > 0 && width !== last) draw((last = width));
  }).observe(place);
}

/** The first days of years, and those of quarters where fewer than six years are shown. */
export function ticks([first, last]) {
  const years = (last - first) / (365.25 * 864e5);
  const quarters = years < 6 ? d3.utcMonth.every(3).range(first, last) : [];
  return { years: d3.utcYear.range(d3.utcYear.ceil(first), last), quarters, months: years < 2.5 };
}

const month = new Intl.DateTimeFormat(lang, { month: "short", timeZone: "UTC" });
const within = new Intl.DateTimeFormat(lang, { day: "numeric", month: "short", timeZone: "UTC" });
/** A day of an axis in words: the year, a month within it, or a day within that. */
export function tick(date) {
  if (date.getUTCDate() > 1) return lang === "en" ? `${date.getUTCDate()} ${month.format(date)}` : within.format(date);
  return date.getUTCMonth() ? month.format(date) : String(date.getUTCFullYear());
}
