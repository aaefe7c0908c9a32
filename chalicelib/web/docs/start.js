// The documentation page: a guide, the operations by subject, and a filter.

import { load, operationsByTag, wholePath } from "./document.js";
import { h, markdown } from "./dom.js";
import { operationView } from "./operation.js";
import { tokenField } from "./request.js";

const VERSION = /\/api\/(v\d)\/docs/.exec(location.pathname)?.[1] ?? "v1";

function header(api) {
  const other = VERSION === "v1" ? "v2" : "v1";
  return h(
    "header",
    {},
    h("div", { className: "title" }, h("h1", {}, api.info.title), h("span", { className: "type" }, `version ${api.info.version}`)),
    h("nav", { "aria-label": "Documents" }, h("a", { href: `../${other}/docs` }, `API ${other}`), h("a", { href: "openapi.json" }, "OpenAPI document")),
    tokenField(),
  );
}

function tagView(tag) {
  const views = tag.operations.map((operation) => ({ operation, view: operationView(operation) }));
  const view = h("section", { className: "tag", id: `tag-${tag.name}` }, h("h2", {}, tag.name), markdown(tag.description ?? ""), views.map((each) => each.view));
  return { tag, view, views };
}

function contentsList(tags) {
  const links = tags.map(({ tag }) => h("li", {}, h("a", { href: `#tag-${tag.name}` }, tag.name)));
  return h("nav", { className: "subjects", "aria-label": "Subjects" }, h("ul", {}, links));
}

// Show the operations that have every word in their path, name or summary.
function filterField(tags) {
  const nothing = h("p", { hidden: true }, "No operation matches. Try fewer words.");
  const apply = (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/);
    for (const { view, views } of tags) {
      for (const { operation, view: each } of views) {
        const text = `${operation.method} ${wholePath(operation)} ${operation.operationId} ${operation.summary}`.toLowerCase();
        each.hidden = !words.every((word) => text.includes(word));
      }
      view.hidden = views.every((each) => each.view.hidden);
    }
    nothing.hidden = tags.some(({ view }) => !view.hidden);
  };
  const field = h("input", { id: "filter", type: "search", autocomplete: "off", placeholder: "publish, /queue, …", oninput: apply });
  return [h("label", { className: "filter", for: "filter" }, h("span", {}, "Find an operation"), field), nothing];
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target instanceof HTMLDetailsElement) target.open = true;
  target.scrollIntoView();
}

function keepAddress(event) {
  const { target } = event;
  if (target instanceof HTMLDetailsElement && target.open && target.id) history.replaceState(null, "", `#${target.id}`);
}

async function start() {
  const api = await load();
  document.title = api.info.title;
  const tags = operationsByTag().map(tagView);
  document.body.append(
    header(api),
    h(
      "div",
      { className: "columns" },
      contentsList(tags),
      h("main", {}, h("section", { className: "guide" }, markdown(api.info.description)), filterField(tags), tags.map(({ view }) => view)),
    ),
  );
  openTarget();
  addEventListener("hashchange", openTarget);
  document.addEventListener("toggle", keepAddress, true);
}

start().catch((error) => {
  document.body.append(h("p", { className: "bad" }, `The document could not be loaded. ${error.message} Reload the page to try again.`));
});
