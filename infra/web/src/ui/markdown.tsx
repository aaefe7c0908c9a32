import DOMPurify from "dompurify";
import { marked } from "marked";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../lib/i18n";

// Text from other systems. What may stand in it is listed, rather than what may not; images would tell their server
// who reads and when, so their text loadState for them.
const ALLOWED = {
  ALLOWED_TAGS:
    "a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i input kbd li ol p pre s span strong sub sup table tbody td th thead tr ul".split(
      " ",
    ),
  ALLOWED_ATTR: ["align", "checked", "disabled", "href", "start", "title", "type"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  // Theirs is no address.
  ADD_URI_SAFE_ATTR: ["align", "checked", "disabled", "start", "type"],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true as const,
};

// Tags without attributes only mark text; all others are shown as the text they are.
const PLAIN_TAG = /^\s*<\/?[a-z][a-z\d]*\s*\/?>\s*$/i;
const COMMENT = /^\s*<!--.*-->\s*$/s;

marked.use({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => (PLAIN_TAG.test(text) ? text : COMMENT.test(text) ? "" : escaped(text)),
    image: ({ text, href }) => escaped(text || href),
  },
});

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
}

/** Markdown as nodes that are safe to show: no scripts, no styles, nothing loaded from anywhere. */
function rendered(markdown: string): DocumentFragment {
  const made = DOMPurify.sanitize(marked.parse(markdown, { async: false }), ALLOWED);
  for (const link of made.querySelectorAll("a")) {
    if (!link.hasAttribute("href")) {
      link.replaceWith(...link.childNodes);
      continue;
    }
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  for (const input of made.querySelectorAll("input")) {
    if (input.type !== "checkbox") {
      input.remove();
      continue;
    }
    input.disabled = true;
    input.setAttribute("aria-label", t(input.checked ? "checked" : "unchecked"));
  }
  for (const heading of made.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    // Below the page's own headings.
    heading.setAttribute("role", "heading");
    heading.setAttribute("aria-level", String(Math.min(6, Number(heading.tagName[1]) + 3)));
  }
  for (const wide of made.querySelectorAll("pre, table")) wide.setAttribute("tabindex", "0");
  return made;
}

export function Markdown({ text, lang }: { text: string; lang?: string }) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => element.current?.replaceChildren(rendered(text)), [text]);
  return <div class="markdown" ref={element} lang={lang} />;
}

/** The beginning of the text as one plain line. */
export function beginning(markdown: string, length = 200): string {
  const plain = (rendered(markdown).textContent ?? "").replace(/\s+/g, " ").trim();
  const letters = [...plain];
  return letters.length > length ? `${letters.slice(0, length).join("").trimEnd()}…` : plain;
}
