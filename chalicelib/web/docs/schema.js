// Schemas as lists of members, opened one level at a time.

import { resolve } from "./document.js";
import { h, lazy, markdown } from "./dom.js";

const LIMITS = {
  minLength: "at least %s characters",
  maxLength: "at most %s characters",
  minimum: "at least %s",
  maximum: "at most %s",
  minItems: "at least %s items",
  maxItems: "at most %s items",
  maxProperties: "at most %s members",
  pattern: "matches %s",
  default: "default %s",
};

// The schema behind references and around a null, with the members beside a reference.
export function plain(node) {
  const found = resolve(node);
  const named = { name: node?.$ref?.split("/").at(-1), ...found };
  const arms = (found.anyOf ?? []).filter((arm) => arm.type !== "null");
  if (found.anyOf && arms.length === 1) return { ...plain(arms[0]), ...without(found, "anyOf"), nullable: true };
  if (found.allOf?.length === 1) return { ...plain(found.allOf[0]), ...without(found, "allOf") };
  if (Array.isArray(found.type)) {
    const kinds = found.type.filter((kind) => kind !== "null");
    return { ...named, type: kinds.join(" or "), nullable: kinds.length < found.type.length };
  }
  return node?.$ref ? { ...named, ...without(node, "$ref") } : named;
}

function without(node, name) {
  const { [name]: _, ...others } = node;
  return others;
}

function kindOf(schema) {
  if (schema.type === "array") return `array of ${kindOf(plain(schema.items)) || "anything"}`;
  const union = schema.oneOf ?? schema.anyOf;
  const kind = union && !schema.name ? union.map((arm) => kindOf(plain(arm))).join(" or ") : (schema.name ?? schema.type);
  return [schema.enum ? schema.type : kind, schema.format && `(${schema.format})`].filter(Boolean).join(" ");
}

export function typeLine(node) {
  const schema = plain(node);
  const limits = Object.entries(LIMITS)
    .filter(([name]) => schema[name] !== undefined && schema[name] !== "" && !(name === "minLength" && schema[name] === 1))
    .map(([name, text]) => text.replace("%s", typeof schema[name] === "string" ? schema[name] : JSON.stringify(schema[name])));
  const parts = [kindOf(schema) || "anything", schema.nullable && "or null", ...limits].filter(Boolean);
  return [
    h("span", { className: "type" }, parts.join(", ")),
    schema.deprecated && h("span", { className: "type" }, "deprecated"),
    schema.enum && h("span", { className: "values" }, schema.enum.map((value) => h("code", {}, JSON.stringify(value)))),
  ];
}

// The schema whose members are worth opening: that of an array's items, too.
function inner(node) {
  const schema = plain(node);
  if (schema.type === "array" && schema.items) return inner(schema.items);
  const isOpen = schema.properties || schema.oneOf || schema.anyOf || schema.allOf;
  const isMap = typeof schema.additionalProperties === "object" && inner(schema.additionalProperties);
  return isOpen ? schema : isMap || null;
}

export function schemaView(node) {
  const schema = inner(node);
  if (!schema) return h("p", {}, typeLine(node));
  const union = schema.oneOf ?? schema.anyOf ?? (schema.properties ? null : schema.allOf);
  if (union) {
    return h(
      "div",
      {},
      h("p", {}, schema.allOf ? "All of:" : "One of:"),
      union.map((arm) => {
        const one = plain(arm);
        return lazy(one.name ?? kindOf(one), () => [...about(one), schemaView(arm)], { open: false });
      }),
    );
  }
  const required = new Set(schema.required);
  return h(
    "ul",
    { className: "members" },
    Object.entries(schema.properties).map(([name, member]) => memberView(name, member, required.has(name))),
  );
}

function memberView(name, member, isRequired) {
  const title = [h("code", { className: "name" }, name), isRequired && h("span", { className: "required" }, "required")];
  const lines = [h("p", { className: "member" }, title, typeLine(member)), ...about(plain(member), member)];
  const more = inner(member) && lazy(`Members of ${name}`, () => schemaView(member));
  return h("li", {}, lines, more);
}

function about(schema, member = {}) {
  const text = resolve(member).description ?? schema.description;
  return text ? markdown(text) : [];
}
