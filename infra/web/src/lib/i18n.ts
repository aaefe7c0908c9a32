import type { Words } from "./words-en";

/** The file of each language's words, as the build names it. */
declare const WORDS: { en: string; zh: string };

/** The languages of the console, each by its own name. */
export const LANGUAGES = { en: "English", "zh-CN": "中文" } as const;
type Language = keyof typeof LANGUAGES;

const STORAGE_KEY = "fluxden.language";

/** The language chosen in this browser, or null for the one that the browser prefers. */
export function chosenLanguage(): Language | null {
  const stored = localStorage.getItem(STORAGE_KEY);
  return (Object.keys(LANGUAGES) as Language[]).find((each) => each === stored) ?? null;
}

/** Choose a language for this browser. The page is loaded anew, since every text and format depends on it. */
export function chooseLanguage(chosen: string): void {
  if (chosen) localStorage.setItem(STORAGE_KEY, chosen);
  else localStorage.removeItem(STORAGE_KEY);
  location.reload();
}

/** Return the chosen language; else Chinese when the browser prefers it to English, otherwise English. */
function preferredLanguage(): Language {
  const chosen = chosenLanguage();
  if (chosen) return chosen;
  for (const each of navigator.languages) {
    if (/^zh\b/i.test(each)) return "zh-CN";
    if (/^en\b/i.test(each)) return "en";
  }
  return "en";
}

export const interfaceLanguage: Language = preferredLanguage();
/** The locale for dates and numbers: the browser's own variant of the interface language. */
export const language =
  navigator.languages.find((each) => each.slice(0, 2) === interfaceLanguage.slice(0, 2)) ?? interfaceLanguage;
const dictionary: Words = await (interfaceLanguage === "en"
  ? import(WORDS.en).then(({ en }) => en)
  : import(WORDS.zh).then(({ zh }) => zh));
const plural = new Intl.PluralRules(language);

document.documentElement.lang = interfaceLanguage;

export type MessageKey = keyof Words;

const numbers = new Intl.NumberFormat(language);

/** Return the text for a key. Fills in `{name}` placeholders, and selects from `one|other` by `n`. */
export function t(name: MessageKey, filled: Record<string, string | number> = {}): string {
  const forms = dictionary[name].split("|");
  const text = forms.length > 1 && plural.select(Number(filled.n)) !== "one" ? forms[1]! : forms[0]!;
  return text.replace(/{(\w+)}/g, (_, part: string) => {
    const value = filled[part] ?? "";
    return typeof value === "number" ? numbers.format(value) : isolate(value);
  });
}

const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** Keep a text that is written from right to left from reordering the sentence around it. */
function isolate(text: string): string {
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}

/** Return the text for an API value such as `severity.warn`, or the value itself if there is no text. */
export function valueLabel(kind: string, value: string): string {
  const name = `${kind}.${value}`;
  return name in dictionary ? t(name as MessageKey) : value.replaceAll("_", " ");
}

const listFormat = new Intl.ListFormat(language, { type: "conjunction", style: "narrow" });

/** Return the texts as one list, separated as the language does it. */
export const listText = (texts: string[]): string => listFormat.format(texts);
