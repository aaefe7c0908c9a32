// "Try it out": a form for one operation, the request that it sends, and the response.

import { ROOT, exampleBody, resolve, securityOf, wholePath } from "./document.js";
import { h, json } from "./dom.js";
import { plain } from "./schema.js";

// What a response named an id, so that the next form starts with it: names are those of path parameters.
const known = new Map();
let token = sessionStorage.getItem("docs-token") ?? "";

export function tokenField() {
  const keep = (event) => {
    token = event.target.value.trim();
    sessionStorage.setItem("docs-token", token);
  };
  const field = h("input", { id: "token", type: "password", autocomplete: "off", spellcheck: false, value: token, oninput: keep });
  field.placeholder = "flux-in-pers-… , flux-tools-… or dvd_…";
  return h("label", { className: "token", for: "token" }, h("span", {}, "Token"), field);
}

export function requestForm(operation) {
  const parameters = (operation.parameters ?? []).map(resolve);
  const fields = parameters.map((parameter) => parameterField(operation, parameter));
  const body = operation.requestBody && bodyField(operation);
  const output = h("div", { className: "output", "aria-live": "polite" });
  const button = h("button", { className: "send" }, "Send");
  const inputs = { operation, fields, body: body?.input };
  const isExtra = ({ parameter }) => parameter.in === "header" && !parameter.required;
  const extra = fields.filter(isExtra).map((field) => field.view);
  return h(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        void send(inputs, button, output);
      },
    },
    fields.filter((field) => !isExtra(field)).map((field) => field.view),
    body?.view,
    extra.length > 0 && h("details", { className: "extra" }, h("summary", {}, "Optional headers"), extra),
    h("div", { className: "buttons" }, button, body && h("button", { type: "button", className: "plain", onclick: body.reset }, "Reset body")),
    output,
  );
}

function parameterField(operation, parameter) {
  const schema = plain(parameter.schema);
  const id = `${operation.operationId}-${parameter.name}`;
  const values = schema.type === "boolean" ? ["true", "false"] : schema.enum;
  const input = values
    ? h("select", { id }, !parameter.required && h("option", { value: "" }, "–"), values.map((value) => h("option", { value }, String(value))))
    : h("input", { id, autocomplete: "off", spellcheck: false, value: (parameter.in === "path" && remembered(operation, parameter.name)) || "" });
  input.required = parameter.required;
  if (!values) input.placeholder = String(parameter.example ?? schema.default ?? schema.format ?? "");
  const label = [h("code", {}, parameter.name), ` in ${parameter.in}`, parameter.required ? ", required" : ""];
  return { parameter, input, view: h("label", { className: "field", for: id }, h("span", {}, label), input) };
}

function bodyField(operation) {
  const id = `${operation.operationId}-body`;
  const text = () => JSON.stringify(exampleBody(operation), null, 2);
  const input = h("textarea", { id, spellcheck: false, value: text() });
  const fit = () => (input.rows = Math.min(input.value.split("\n").length + 1, 30));
  fit();
  const reset = () => {
    input.value = text();
    fit();
  };
  const note = operation.requestBody.required ? "Body, required" : "Body";
  return { input, reset, view: h("label", { className: "field", for: id }, h("span", {}, note), input) };
}

function remembered(operation, name) {
  return known.get(name === "id" ? `${operation.tags[0]} id` : name);
}

function remember(operation, reply) {
  for (const found of [reply, reply?.data, reply?.item]) {
    if (!found || typeof found !== "object" || Array.isArray(found)) continue;
    for (const [name, value] of Object.entries(found)) {
      if (typeof value === "string" && /^(\w+Id|slug)$/.test(name)) known.set(name, value);
    }
    if (typeof found.id === "string") known.set(`${operation.tags[0]} id`, found.id);
  }
}

function buildRequest({ operation, fields, body }) {
  let path = wholePath(operation);
  const query = new URLSearchParams();
  const headers = {};
  for (const { parameter, input } of fields) {
    const value = input.value.trim();
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value && parameter.in === "query") query.set(parameter.name, value);
    else if (value) headers[parameter.name] = value;
  }
  const takesBearer = securityOf(operation).some((name) => name.toLowerCase() === "bearerauth");
  if (takesBearer && token) headers.Authorization = `Bearer ${token}`;
  if (body?.value.trim()) headers["Content-Type"] = "application/json";
  const url = ROOT + path + (query.size ? `?${query}` : "");
  return { url, method: operation.method.toUpperCase(), headers, body: body?.value.trim() || undefined, needsToken: takesBearer && !token };
}

// The token is named, not shown.
function curl({ url, method, headers, body }) {
  const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const shown = Object.entries(headers).map(([name, value]) =>
    name === "Authorization" ? `-H "Authorization: Bearer $TOKEN"` : `-H ${quote(`${name}: ${value}`)}`,
  );
  return [`curl -X ${method} ${quote(url)}`, ...shown, ...(body ? [`-d ${quote(body)}`] : [])].join(" \\\n  ");
}

async function send(inputs, button, output) {
  const request = buildRequest(inputs);
  const stop = new AbortController();
  const cancel = h("button", { type: "button", className: "plain", onclick: () => stop.abort() }, "Cancel");
  output.replaceChildren(h("p", {}, "Waiting for the response. ", cancel));
  button.disabled = true;
  try {
    const { url, method, headers, body } = request;
    const response = await fetch(url, { method, headers, body, signal: stop.signal, cache: "no-store" });
    await show(inputs.operation, request, response, output);
  } catch (error) {
    const reason = stop.signal.aborted ? "Canceled." : `No response: ${error.message}`;
    output.replaceChildren(h("p", { className: "bad" }, reason), json(curl(request)));
  } finally {
    button.disabled = false;
  }
}

async function show(operation, request, response, output) {
  const shown = h("code", {});
  const names = ["x-request-id", "x-ratelimit-remaining", "retry-after", "deprecation", "sunset", "etag", "idempotent-replayed"];
  const listed = names.filter((name) => response.headers.get(name)).map((name) => `${name}: ${response.headers.get(name)}`);
  output.replaceChildren(
    h("p", { className: response.ok ? "good" : "bad" }, h("strong", { className: "status" }, String(response.status)), ` ${response.statusText}`),
    request.needsToken && response.status === 401 ? h("p", {}, "Enter a token at the top of the page first.") : "",
    listed.length ? h("pre", { className: "headers" }, listed.join("\n")) : "",
    h("pre", { tabIndex: 0 }, shown),
    h("p", { className: "label" }, "The same request with curl"),
    json(curl(request)),
  );
  const text = await readText(response, shown);
  try {
    const reply = JSON.parse(text);
    shown.textContent = JSON.stringify(reply, null, 2);
    remember(operation, reply);
  } catch {
    shown.textContent = text.slice(0, 100_000) || "(no body)";
  }
}

// Show an event stream while it arrives.
async function readText(response, shown) {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return response.text();
  let text = "";
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) shown.textContent = text += part;
  return text;
}
