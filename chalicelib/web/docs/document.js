// The OpenAPI document: its operations, where they are served, and examples at the present time.

const METHODS = ["get", "post", "put", "patch", "delete"];
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const TIME_IN_ID = /\d{8}T\d{6}Z/g;

let api;

export async function load() {
  const response = await fetch("openapi.json");
  if (!response.ok) throw new Error(`openapi.json was answered with ${response.status}.`);
  api = await response.json();
  return api;
}

export function resolve(node) {
  let found = node ?? {};
  while (found.$ref) found = found.$ref.slice(2).split("/").reduce((inner, step) => inner[step], api);
  return found;
}

// The operations of each tag, in the order of the document's tags.
export function operationsByTag() {
  const all = [];
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS) {
      if (item[method]) all.push({ ...item[method], method, path, server: (item.servers ?? api.servers)[0].url });
    }
  }
  return api.tags.map((tag) => ({ ...tag, operations: all.filter((each) => each.tags.includes(tag.name)) }));
}

export function wholePath(operation) {
  return operation.server.replace(/\/$/, "") + operation.path;
}

// Where this desk is served: the page's own address up to the path of the API.
export const ROOT = location.origin + location.pathname.replace(/\/api\/v\d\/docs\/?$/, "");

export function securityOf(operation) {
  return (operation.security ?? api.security).flatMap(Object.keys);
}

// Move the times of an example, also those inside ids, by what has passed since it was written.
export function atPresent(value) {
  const passed = Date.now() - Date.parse(api["x-example-time"]);
  const move = (each) => {
    if (Array.isArray(each)) return each.map(move);
    if (each && typeof each === "object") {
      return Object.fromEntries(Object.entries(each).map(([name, inner]) => [name, move(inner)]));
    }
    if (typeof each !== "string") return each;
    if (TIME.test(each)) return new Date(Date.parse(each) + passed).toISOString();
    return each.replaceAll(TIME_IN_ID, (text) => {
      const [, ...parts] = /(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(text).map(Number);
      const moved = Date.UTC(parts[0], parts[1] - 1, ...parts.slice(2)) + passed;
      return new Date(moved).toISOString().replaceAll(/[-:]|\.\d+/g, "");
    });
  };
  return move(value);
}

// A body for this operation: its example, or the required members of its schema.
export function exampleBody(operation) {
  const content = operation.requestBody?.content["application/json"];
  if (!content) return undefined;
  const found = content.example ?? resolve(content.schema).example;
  return found === undefined ? sample(content.schema) : atPresent(found);
}

function sample(node) {
  const schema = resolve(node);
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  const union = schema.allOf ?? schema.oneOf ?? schema.anyOf;
  if (union) return sample(union[0]);
  const kind = [schema.type].flat()[0];
  if (kind === "object") {
    const members = (schema.required ?? []).map((name) => [name, sample(schema.properties?.[name])]);
    return Object.fromEntries(members);
  }
  if (kind === "array") return schema.minItems ? [sample(schema.items)] : [];
  if (kind === "boolean") return true;
  if (kind === "integer" || kind === "number") return schema.minimum ?? 1;
  if (schema.format === "date-time") return new Date(Date.now() + 3_600_000).toISOString();
  return { email: "alice@example.com", uuid: "00000000-0000-4000-8000-000000000000" }[schema.format] ?? "text";
}
