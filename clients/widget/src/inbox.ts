/** `<fluxden-inbox>`: a person's inbox in a page of their company. */

import { Desk, ForbiddenError, NotFoundError, result, UnauthorizedError, type V1Components } from "../../typescript/src/index.js";
import { STYLE } from "./style.js";
import { type Words, wordsOf } from "./words.js";

type Item = V1Components["schemas"]["InboxItem"];
type Detail = V1Components["schemas"]["InboxDelivery"];

const PAGE = 20;
// How often the list is read while the page is visible. Each time costs two of the key's 120 units a minute.
const [SECONDS, LEAST_SECONDS] = [20, 5];
const style = new CSSStyleSheet();
style.replaceSync(STYLE);

/**
 * Shows the newest notifications of one person, and reads them again while the page is visible.
 *
 * `src` is a path of the page's own server, which knows who is signed in and adds their key to what it passes on to the
 * desk. The page has no key. `lang` is the language, of the element or of what contains it, and `refresh` the seconds
 * between two readings.
 */
export class FluxdenInbox extends HTMLElement {
  static readonly observedAttributes = ["src", "lang", "refresh"];

  readonly #root = this.attachShadow({ mode: "open" });
  #ends: AbortController | null = null;
  #desk: Desk | null = null;
  #words: Words = wordsOf("en");
  #items: Item[] = [];
  #cursor: string | null = null;
  #opened: string | null = null;
  #details = new Map<string, Detail>();
  #reading: Promise<void> | null = null;
  #readAgain = false;
  #isSignedOut = false;

  connectedCallback(): void {
    this.#root.adoptedStyleSheets = [style];
    this.#begin();
  }

  disconnectedCallback(): void {
    this.#ends?.abort();
    this.#ends = null;
  }

  attributeChangedCallback(_: string, before: string | null, after: string | null): void {
    if (this.#ends && before !== after) this.#begin();
  }

  #begin(): void {
    this.#ends?.abort();
    const ends = (this.#ends = new AbortController());
    const language = this.closest("[lang]")?.getAttribute("lang") ?? navigator.language;
    this.#words = wordsOf(language);
    this.#isSignedOut = false;
    this.#items = [];
    this.#details.clear();
    this.#desk = new Desk(new URL(this.getAttribute("src") ?? "/fluxden", location.href).href, null);
    this.#frame();
    this.#say(this.#words.loading);
    void this.#read();
    this.#follow(ends.signal);
  }

  #frame(): void {
    const { inbox, offline, more } = this.#words;
    const count = make("span", { class: "count", role: "status" });
    const header = make("header", {}, make("h2", {}, inbox), count, make("span", { class: "offline", hidden: "" }, offline));
    const button = make("button", { class: "plain", type: "button" }, more);
    button.addEventListener("click", () => void this.#readMore());
    const list = make("ul", { "aria-label": inbox });
    this.#root.replaceChildren(header, make("div", { class: "said-box" }), list, make("footer", { hidden: "" }, button));
  }

  /** Read the first page and the number of unread notifications; once more if something changes meanwhile. */
  #read(): Promise<void> {
    if (this.#reading) {
      this.#readAgain = true;
      return this.#reading;
    }
    this.#reading = this.#readOnce().finally(() => {
      this.#reading = null;
      if (this.#readAgain) {
        this.#readAgain = false;
        void this.#read();
      }
    });
    return this.#reading;
  }

  async #readOnce(): Promise<void> {
    const [desk, signal] = [this.#desk, this.#ends?.signal];
    if (!desk || !signal) return;
    try {
      const query = { limit: Math.max(PAGE, Math.min(100, this.#items.length)) };
      const [page, summary] = await Promise.all([
        result(desk.api.GET("/api/v1/inbox", { params: { query }, signal })),
        result(desk.api.GET("/api/v1/inbox/summary", { signal })),
      ]);
      [this.#items, this.#cursor] = [page.items, page.nextCursor];
      this.#find(".count").textContent = summary.unread > 0 ? this.#words.unread(summary.unread) : "";
      this.#find(".offline").hidden = true;
      this.#show();
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  async #readMore(): Promise<void> {
    const [desk, signal] = [this.#desk, this.#ends?.signal];
    if (!desk || !signal || this.#cursor === null) return;
    try {
      const query = { limit: PAGE, cursor: this.#cursor };
      const page = await result(desk.api.GET("/api/v1/inbox", { params: { query }, signal }));
      const known = new Set(this.#items.map((each) => each.deliveryId));
      this.#items.push(...page.items.filter((each) => !known.has(each.deliveryId)));
      this.#cursor = page.nextCursor;
      this.#show();
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  /** Read again every so many seconds while the page is visible, and when it becomes visible. */
  #follow(signal: AbortSignal): void {
    const readIfVisible = (): void => {
      if (document.visibilityState === "visible" && !this.#isSignedOut) void this.#read();
    };
    document.addEventListener("visibilitychange", readIfVisible, { signal });
    const seconds = Math.max(LEAST_SECONDS, Number(this.getAttribute("refresh")) || SECONDS);
    const timer = setInterval(readIfVisible, seconds * 1000);
    signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  }

  #show(): void {
    const list = this.#find("ul");
    const focused = this.#root.activeElement?.closest("li")?.dataset.id;
    list.replaceChildren(...this.#items.map((each) => this.#row(each)));
    if (focused) list.querySelector<HTMLElement>(`li[data-id="${CSS.escape(focused)}"] .row`)?.focus();
    this.#say(this.#items.length === 0 ? this.#words.empty : "");
    this.#find("footer").hidden = this.#cursor === null;
  }

  #row(item: Item): HTMLElement {
    const isOpen = item.deliveryId === this.#opened;
    const at = make("time", { datetime: item.createdAt }, this.#time(item.createdAt));
    const row = make(
      "button",
      { class: "row", type: "button", "aria-expanded": String(isOpen) },
      make("span", { class: "mark" }),
      make("span", { class: "title", dir: "auto" }, item.title),
      at,
      make("span", { class: "severity" }, this.#words[item.severity]),
    );
    row.addEventListener("click", () => void this.#toggle(item));
    const classes = `${item.severity} ${item.readAt === null ? "unread" : ""}`;
    const made = make("li", { class: classes, "data-id": item.deliveryId }, row);
    if (isOpen) made.append(this.#detail(item));
    return made;
  }

  #detail(item: Item): HTMLElement {
    const detail = this.#details.get(item.deliveryId);
    const texts = [item.summary, detail?.markdownBody].filter((each): each is string => Boolean(each));
    const box = make("div", { class: "detail" }, ...texts.map((each) => make("p", { dir: "auto" }, each)));
    if (detail?.externalUrl?.startsWith("https://")) {
      const attributes = { href: detail.externalUrl, target: "_blank", rel: "noopener noreferrer" };
      box.append(make("a", attributes, this.#words.open));
    }
    const archive = make("button", { class: "plain", type: "button" }, this.#words.archive);
    archive.addEventListener("click", () => void this.#change(item, { archived: true }));
    box.append(archive);
    return box;
  }

  async #toggle(item: Item): Promise<void> {
    this.#opened = this.#opened === item.deliveryId ? null : item.deliveryId;
    this.#show();
    if (this.#opened === null) return;
    const [desk, signal] = [this.#desk, this.#ends?.signal];
    if (!desk || !signal) return;
    try {
      const params = { path: { deliveryId: item.deliveryId } };
      this.#details.set(item.deliveryId, await result(desk.api.GET("/api/v1/inbox/{deliveryId}", { params, signal })));
      this.#show();
      if (item.readAt === null) await this.#change(item, { read: true });
    } catch (error) {
      if (!signal.aborted && !(error instanceof NotFoundError)) this.#fail(error);
    }
  }

  async #change(item: Item, body: V1Components["schemas"]["StateIn"]): Promise<void> {
    const [desk, signal] = [this.#desk, this.#ends?.signal];
    if (!desk || !signal) return;
    try {
      const params = { path: { deliveryId: item.deliveryId } };
      await result(desk.api.PATCH("/api/v1/inbox/{deliveryId}", { params, body, signal }));
      await this.#read();
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#isSignedOut = error instanceof UnauthorizedError || error instanceof ForbiddenError;
    if (this.#isSignedOut) this.#say(this.#words.signedOut);
    else if (this.#items.length > 0) this.#find(".offline").hidden = false;
    else this.#say(this.#words.failed, { canRetry: true });
  }

  /** Say something in place of the list, or above it while it has rows. */
  #say(text: string, { canRetry = false } = {}): void {
    const said = make("p", { class: "said", role: "status" }, text);
    if (canRetry) {
      const retry = make("button", { class: "plain", type: "button" }, this.#words.retry);
      retry.addEventListener("click", () => void this.#read());
      said.append(" ", retry);
    }
    this.#find(".said-box").replaceChildren(...(text ? [said] : []));
  }

  #time(text: string): string {
    const at = new Date(text);
    const isToday = at.toDateString() === new Date().toDateString();
    const shape: Intl.DateTimeFormatOptions = isToday ? { timeStyle: "short" } : { dateStyle: "medium" };
    return new Intl.DateTimeFormat(this.#words === wordsOf("zh") ? "zh" : navigator.language, shape).format(at);
  }

  #find(selector: string): HTMLElement {
    const found = this.#root.querySelector<HTMLElement>(selector);
    if (!found) throw new Error(`${selector} is missing`);
    return found;
  }
}

/** Return an element. Texts are texts, never markup. */
function make(name: string, attributes: Record<string, string>, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(name);
  for (const [each, value] of Object.entries(attributes)) made.setAttribute(each, value);
  made.append(...children);
  return made;
}

if (!customElements.get("fluxden-inbox")) customElements.define("fluxden-inbox", FluxdenInbox);
