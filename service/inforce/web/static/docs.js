// Shows /openapi.json with Swagger UI, which lies beside this file (static/vendor/swagger-ui); nothing comes from elsewhere.
// It has dark colours too, but does not ask the reader's system for them.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dress();
dark.addEventListener("change", dress);

const place = document.getElementById("swagger-ui");

// Its parts within a page that has a title and a main landmark of its own. There is one server, this one; a link within
// the button that opens an operation would be one target too many.
const within = ({ React: { createElement } }) => ({
  wrapComponents: { DeepLink: () => ({ text }) => createElement("span", null, text) },
  components: {
    Within: ({ getComponent, specSelectors }) => {
      const part = (name, container = true) => createElement(getComponent(name, container));
      const read = specSelectors.loadingStatus() === "success" ? [
        createElement(getComponent("Markdown", true), { source: specSelectors.info().get("description") }),
        createElement("h2", null, place.dataset.heading),
        part("operations"),
        part("Models"),
      ] : [];
      return createElement("div", { className: "swagger-ui" }, part("SvgAssets", false), part("errors"), ...read);
    },
  },
});

// Fields are named in the first column of their row, which is not enough for a screen reader; and what scrolls is to be
// reached by keyboard.
const name = () => {
  for (const field of place.querySelectorAll("[data-param-name] :is(input, select, textarea)")) {
    field.ariaLabel = field.closest("[data-param-name]").dataset.paramName;
  }
  for (const list of place.querySelectorAll(".servers select")) list.ariaLabel = "server";
  for (const text of place.querySelectorAll("pre")) text.tabIndex = 0;
};
new MutationObserver(name).observe(place, { childList: true, subtree: true });

window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "/openapi.json",
    domNode: place,
    deepLinking: true,
    validatorUrl: null,
    defaultModelsExpandDepth: 0,
    tryItOutEnabled: true,
    plugins: [within],
    layout: "Within",
  });
});
