// Elements of the SPARQL page, made without HTML text.

/** An element with attributes (a className too) and content. */
export function element(name, attributes = {}, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "className") made.className = value;
    else made.setAttribute(key, value);
  }
  made.append(...content);
  return made;
}

/** A button that does something. */
export function button(text, action, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", action);
  return made;
}
