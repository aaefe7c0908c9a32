import DOMPurify from "dompurify";
import { marked } from "marked";
import markedCjkFriendly from "marked-cjk-friendly";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../lib/i18n";

// The text comes from other systems, so only listed tags and attributes are allowed. Images are replaced by their text:
// loading one would tell its server who reads it, and when.
const ALLOWED = {
  ALLOWED_TAGS:
    "a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i input kbd li ol p pre s span strong sub sup table tbody td th thead tr ul".split(
      " ",
    ),
  ALLOWED_ATTR: ["align", "checked", "disabled", "href", "start", "title", "type"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  // The values of these attributes are not URLs.
  ADD_URI_SAFE_ATTR: ["align", "checked", "disabled", "start", "type"],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true as const,
};

// Tags without attributes only format text. All others are shown as text.
const PLAIN_TAG = /^\s*<\/?[a-z][a-z\d]*\s*\/?>\s*$/i;
const COMMENT = /^\s*<!--.*-->\s*$/s;

// Next to Chinese, Japanese and Korean punctuation CommonMark takes no asterisk for the end of an emphasis.
marked.use(markedCjkFriendly());
marked.use({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => (PLAIN_TAG.test(text) ? text : COMMENT.test(text) ? "" : escapeHtml(text)),
    image: ({ text, href }) => escapeHtml(text || href),
  },
});

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
}

/** Render Markdown as safe nodes: no scripts, no styles, nothing loaded. Its first heading has this level. */
function render(markdown: string, level: number): DocumentFragment {
  const fragment = DOMPurify.sanitize(marked.parse(markdown, { async: false }), ALLOWED);
  for (const link of fragment.querySelectorAll("a")) {
    if (!link.hasAttribute("href")) {
      link.replaceWith(...link.childNodes);
      continue;
    }
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  for (const input of fragment.querySelectorAll("input")) {
    if (input.type !== "checkbox") {
      input.remove();
      continue;
    }
    input.disabled = true;
    input.setAttribute("aria-label", t(input.checked ? "checked" : "unchecked"));
  }
  let above = level - 1;
  for (const heading of fragment.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    // Headings of the text rank below the heading above it on the page, and leave out no level.
    above = Math.min(6, above + 1, level - 1 + Number(heading.tagName[1]));
    heading.setAttribute("role", "heading");
    heading.setAttribute("aria-level", String(above));
  }
  // Each paragraph has the direction of its own text, whatever the language of the page.
  for (const block of fragment.querySelectorAll("p, h1, h2, h3, h4, h5, h6, ul, ol, th, td")) {
    block.setAttribute("dir", "auto");
  }
  for (const wide of fragment.querySelectorAll("pre, table")) wide.setAttribute("tabindex", "0");
  return fragment;
}

/** `level` is that of its first heading. */
export function Markdown({ text, lang, level = 3 }: { text: string; lang?: string; level?: number }) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => element.current?.replaceChildren(render(text, level)), [text]);
  return <div class="markdown" ref={element} lang={lang} />;
}

/** Return the start of the text as one plain line. */
export function plainStart(markdown: string, length = 200): string {
  const plain = (render(markdown, 1).textContent ?? "").replace(/\s+/g, " ").trim();
  const letters = [...plain];
  return letters.length > length ? `${letters.slice(0, length).join("").trimEnd()}…` : plain;
}
