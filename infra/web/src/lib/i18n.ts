import { en, type Words } from "./words-en";
import { zh } from "./words-zh";

/** The interface speaks Chinese to browsers that prefer it to English, and English to all others. */
function preferred(): "en" | "zh-CN" {
  for (const each of navigator.languages) {
    if (/^zh\b/i.test(each)) return "zh-CN";
    if (/^en\b/i.test(each)) return "en";
  }
  return "en";
}

const words: "en" | "zh-CN" = preferred();
/** What dates and numbers are written by: the browser's own variety of the interface's language. */
export const language = navigator.languages.find((each) => each.slice(0, 2) === words.slice(0, 2)) ?? words;
const spoken: Words = words === "en" ? en : zh;
const plural = new Intl.PluralRules(language);

document.documentElement.lang = words;

export type MessageKey = keyof Words;

/** The text by this name; `{n}` and other names in braces are filled in, and `one|other` is chosen by `n`. */
export function t(name: MessageKey, filled: Record<string, string | number> = {}): string {
  const forms = spoken[name].split("|");
  const text = forms.length > 1 && plural.select(Number(filled.n)) !== "one" ? forms[1]! : forms[0]!;
  return text.replace(/{(\w+)}/g, (_, part: string) => String(filled[part] ?? ""));
}

/** The text for a value of the API, or the value itself where there is none. */
export function valueLabel(kind: string, value: string): string {
  const name = `${kind}.${value}`;
  return name in spoken ? t(name as MessageKey) : value.replaceAll("_", " ");
}
