import { en, type Words } from "./words-en";
import { zh } from "./words-zh";

/** Return Chinese when the browser prefers it to English, otherwise English. */
function preferredLanguage(): "en" | "zh-CN" {
  for (const each of navigator.languages) {
    if (/^zh\b/i.test(each)) return "zh-CN";
    if (/^en\b/i.test(each)) return "en";
  }
  return "en";
}

const interfaceLanguage: "en" | "zh-CN" = preferredLanguage();
/** The locale for dates and numbers: the browser's own variant of the interface language. */
export const language =
  navigator.languages.find((each) => each.slice(0, 2) === interfaceLanguage.slice(0, 2)) ?? interfaceLanguage;
const dictionary: Words = interfaceLanguage === "en" ? en : zh;
const plural = new Intl.PluralRules(language);

document.documentElement.lang = interfaceLanguage;

export type MessageKey = keyof Words;

/** Return the text for a key. Fills in `{name}` placeholders, and selects from `one|other` by `n`. */
export function t(name: MessageKey, filled: Record<string, string | number> = {}): string {
  const forms = dictionary[name].split("|");
  const text = forms.length > 1 && plural.select(Number(filled.n)) !== "one" ? forms[1]! : forms[0]!;
  return text.replace(/{(\w+)}/g, (_, part: string) => String(filled[part] ?? ""));
}

/** Return the text for an API value such as `severity.warn`, or the value itself if there is no text. */
export function valueLabel(kind: string, value: string): string {
  const name = `${kind}.${value}`;
  return name in dictionary ? t(name as MessageKey) : value.replaceAll("_", " ");
}

const listFormat = new Intl.ListFormat(language, { type: "conjunction", style: "narrow" });

/** Return the texts as one list, separated as the language does it. */
export const listText = (texts: string[]): string => listFormat.format(texts);
