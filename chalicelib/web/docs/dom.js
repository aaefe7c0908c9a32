// Elements without a framework, and the part of Markdown that descriptions use. Texts never become HTML.

export function h(name, properties, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element && key !== "list") element[key] = value;
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

export function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`")) return h("code", {}, part.slice(1, -1));
    if (part.startsWith("**")) return h("strong", {}, part.slice(2, -2));
    return part;
  });
}

// Headings, lists and paragraphs, with code and bold text.
export function markdown(text) {
  const made = [];
  let list = null;
  for (const block of text.trim().split(/\n(?=- )|\n{2,}/)) {
    const line = block.replaceAll(/\s*\n\s*/g, " ").trim();
    if (line.startsWith("- ")) {
      if (list === null) made.push((list = h("ul")));
      list.append(h("li", {}, inline(line.slice(2))));
      continue;
    }
    list = null;
    made.push(line.startsWith("## ") ? h("h2", {}, line.slice(3)) : h("p", {}, inline(line)));
  }
  return made;
}

// A `details` whose contents are made when it is first opened.
export function lazy(summary, make, properties = {}) {
  const element = h("details", properties, h("summary", {}, summary));
  const fill = () => {
    if (element.open && element.childElementCount === 1) element.append(...[make()].flat());
  };
  element.addEventListener("toggle", fill);
  return element;
}

export function json(value) {
  return h("pre", { tabIndex: 0 }, h("code", {}, typeof value === "string" ? value : JSON.stringify(value, null, 2)));
}
