// One operation: what it does, what it takes, what it answers, and a form to try it.

import { atPresent, resolve, wholePath } from "./document.js";
import { h, inline, json, lazy, markdown } from "./dom.js";
import { requestForm } from "./request.js";
import { schemaView, typeLine } from "./schema.js";

export function operationView(operation) {
  const title = [
    h("span", { className: `method ${operation.method}` }, operation.method.toUpperCase()),
    h("code", { className: "path" }, wholePath(operation)),
    h("span", { className: "summary" }, operation.summary),
  ];
  return lazy(title, () => contents(operation), { id: operation.operationId, className: "operation" });
}

function contents(operation) {
  const body = operation.requestBody?.content["application/json"];
  const parameters = (operation.parameters ?? []).map(resolve);
  return h(
    "div",
    { className: "contents" },
    markdown(operation.description ?? ""),
    section("Try it out", requestForm(operation)),
    parameters.length > 0 && section("Parameters", h("ul", { className: "members" }, parameters.map(parameterView))),
    body && section("Body", schemaView(body.schema)),
    section("Responses", Object.entries(operation.responses).map(([status, node]) => responseView(status, resolve(node)))),
  );
}

function section(title, ...children) {
  return h("section", {}, h("h3", {}, title), children);
}

function parameterView(parameter) {
  const title = [h("code", { className: "name" }, parameter.name), h("span", { className: "type" }, parameter.in)];
  const required = parameter.required && h("span", { className: "required" }, "required");
  return h("li", {}, h("p", { className: "member" }, title, required, typeLine(parameter.schema)), markdown(parameter.description ?? ""));
}

function responseView(status, response) {
  const title = [h("strong", { className: status < "400" ? "status good" : "status bad" }, status), " ", inline(response.description)];
  const [type, content] = Object.entries(response.content ?? {})[0] ?? [];
  if (!content) return h("p", { className: "response" }, title);
  const examples = content.examples ?? (content.example === undefined ? {} : { Example: { value: content.example } });
  return lazy(
    title,
    () => [
      h("p", { className: "type" }, type),
      ...Object.entries(examples).map(([name, example]) => [h("p", { className: "label" }, name), json(atPresent(example.value))]).flat(),
      content.schema ? schemaView(content.schema) : "",
    ],
    { className: "response" },
  );
}
