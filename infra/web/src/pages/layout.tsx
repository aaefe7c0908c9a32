import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { unreadMessages } from "../lib/chat";
import { t } from "../lib/i18n";
import { releaseHolds } from "../lib/holds";
import { summary } from "../lib/inbox-summary";
import { useShortcuts } from "../lib/shortcuts";
import { connectionState } from "../lib/live";
import { removeSubscription, detectPush, pushEnabled, setPush } from "../lib/push";
import { totals } from "../lib/queue";
import { go, href, route } from "../lib/router";
import { data } from "../lib/api";
import { me, opens, signOut, usesSession } from "../lib/session";
import type { Entry } from "../lib/palette";
import { theme, nextTheme } from "../lib/theme";
import { Icon, type IconName } from "../ui/icons";
import { Avatar, EmptyState, IconButton } from "../ui/parts";
import { showError, Toasts, undoLast } from "../ui/toasts";
import { Board } from "./board";
import { Chat } from "./chat";
import { Contacts } from "./contacts";
import { Inbox } from "./inbox";
import { Network } from "./network";
import { Admin } from "./admin";
import { Newest } from "./newest";
import { Palette, usePaletteKey } from "./palette";
import { Queue } from "./queue";
import { Account } from "./account";
import { ShortcutsDialog } from "./shortcuts-dialog";

const PAGES = {
  inbox: { show: Inbox, key: "i", area: "inbox" },
  queue: { show: Queue, key: "q", area: "queue" },
  chat: { show: Chat, key: "c", area: "chat" },
  board: { show: Board, key: "b", area: "kanban" },
  contacts: { show: Contacts, key: "p", area: "contacts" },
  network: { show: Network, key: "n", area: "all" },
  operate: { show: Admin, key: "o", area: "all" },
  you: { show: Account, key: "y", area: null },
} as const;

export type PageName = keyof typeof PAGES;

export function Layout() {
  const showingShortcuts = useSignal(false);
  const searching = useSignal(false);
  usePaletteKey(() => (searching.value = true));
  const names = (Object.keys(PAGES) as PageName[]).filter((name) => {
    const { area } = PAGES[name];
    return (area === null || opens(area)) && (name !== "operate" || me.value?.operator);
  });
  const page = route.value.page;
  const currentPage = names.find((name) => name === page);
  useShortcuts({
    ...Object.fromEntries(names.map((name) => [`g ${PAGES[name].key}`, () => go(href(name))])),
    "?": () => (showingShortcuts.value = true),
    z: () => undoLast(),
  });
  useEffect(() => {
    document.querySelector<HTMLElement>("main")?.scrollTo(0, 0);
  }, [page]);
  useEffect(() => void detectPush(), []);
  useEffect(() => {
    // Signing in leads to the inbox, which this key may not open.
    if (page === "inbox" && !currentPage) go(href(names[0]!), { replace: true });
  }, [page]);
  const Page = page === "newest" ? Newest : currentPage ? PAGES[currentPage].show : null;
  return (
    <div class="layout">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.querySelector<HTMLElement>("main")?.focus();
        }}
      >
        {t("skip")}
      </a>
      <nav class="nav" aria-label={t("nav")}>
        <a class="brand" href={href("inbox")} aria-label="Fluxden">
          <span class="mark" aria-hidden="true" />
          <span class="nav-text">Fluxden</span>
        </a>
        <ul>
          {names
            .filter((name) => name !== "you")
            .map((name) => (
              <NavItem key={name} name={name} current={name === currentPage} />
            ))}
        </ul>
        <div class="nav-foot">
          <ConnectionStatus />
          <AccountLink current={currentPage === "you"} />
          <div class="nav-tools">
            <IconButton
              icon={theme.value === "system" ? "system" : theme.value === "dark" ? "moon" : "sun"}
              label={t(`theme.${theme.value}`)}
              onClick={nextTheme}
            />
            {pushEnabled.value !== null && (
              <IconButton
                icon="bell"
                label={t(pushEnabled.value ? "push.on" : "push.off")}
                pressed={pushEnabled.value}
                onClick={() => void setPush(!pushEnabled.value)}
              />
            )}
            <IconButton
              icon="search"
              label={t("palette.title")}
              shortcut="Control+K"
              onClick={() => (searching.value = true)}
            />
            <IconButton
              icon="help"
              label={t("help.title")}
              shortcut="?"
              onClick={() => (showingShortcuts.value = true)}
            />
          </div>
          <button type="button" class="nav-link sign-out" onClick={signOutAndUnsubscribe}>
            <Icon name="out" />
            <span class="nav-text">{t("signOut")}</span>
          </button>
        </div>
      </nav>
      <main id="main" tabIndex={-1}>
        {Page ? <Page /> : <EmptyState icon="search" text={t("pageNotFound")} />}
      </main>
      <Toasts />
      {searching.value && (
        <Palette
          own={[...names.map(pageEntry), ...actions(() => (showingShortcuts.value = true))]}
          onClose={() => (searching.value = false)}
        />
      )}
      {showingShortcuts.value && (
        <ShortcutsDialog
          pages={names.map((name) => ({ name, key: PAGES[name].key }))}
          onClose={() => (showingShortcuts.value = false)}
        />
      )}
    </div>
  );
}

const pageEntry = (name: PageName): Entry => ({
  kind: "page",
  id: name,
  text: t(`page.${name}`),
  detail: `g ${PAGES[name].key}`,
  run: () => go(href(name)),
});

/** Return what the palette can do on every page. */
function actions(showShortcuts: () => void): Entry[] {
  const action = (id: string, text: string, run: () => unknown): Entry => ({ kind: "action", id, text, run });
  const isPushing = pushEnabled.value;
  return [
    ...(opens("inbox") ? [action("newest", t("palette.newest"), () => go(href("newest")))] : []),
    action("undo", t("palette.undo"), undoLast),
    action("theme", t("palette.theme"), nextTheme),
    ...(isPushing === null ? [] : [action("push", t(isPushing ? "push.on" : "push.off"), () => setPush(!isPushing))]),
    action("help", t("help.title"), showShortcuts),
    action("out", t("signOut"), signOutAndUnsubscribe),
  ];
}

/** Sign out, and remove the push subscription of this browser. */
async function signOutAndUnsubscribe(): Promise<void> {
  await releaseHolds();
  if (pushEnabled.value) await removeSubscription().catch(() => {});
  try {
    if (usesSession()) await data("POST", "api/v2/me/sign-out");
    signOut();
  } catch (error) {
    showError(error);
  }
}

function NavItem({ name, current }: { name: PageName; current: boolean }) {
  const count = useComputed(() =>
    name === "inbox"
      ? summary.value.unread
      : name === "queue"
        ? (totals.value.pending_confirmation ?? 0)
        : name === "chat"
          ? unreadMessages.value
          : 0,
  );
  return (
    <li>
      <a
        class="nav-link"
        href={href(name)}
        aria-current={current ? "page" : undefined}
        aria-keyshortcuts={`g ${PAGES[name].key}`}
        title={`${t(`page.${name}`)} (g ${PAGES[name].key})`}
      >
        <Icon name={name as IconName} />
        <span class="nav-text">{t(`page.${name}`)}</span>
        {count.value > 0 && (
          <span class="badge">
            {count.value > 99 ? "99+" : count.value}
            <span class="hidden"> {t("nav.new")}</span>
          </span>
        )}
      </a>
    </li>
  );
}

/** The signed-in user, with a link to the account page. */
function AccountLink({ current }: { current: boolean }) {
  const { name, email } = me.value!;
  return (
    <a
      class="nav-link account-link"
      href={href("you")}
      aria-current={current ? "page" : undefined}
      aria-keyshortcuts={`g ${PAGES.you.key}`}
      title={`${t("page.you")} (g ${PAGES.you.key})`}
    >
      <Avatar name={name} />
      <span class="hidden">{t("page.you")}: </span>
      <span class="nav-text account-text">
        <b>{name}</b>
        <small>{email}</small>
      </span>
    </a>
  );
}

/** The state of the live connection. */
function ConnectionStatus() {
  return (
    <p class={`live live-${connectionState.value}`} role="status" title={t(`live.${connectionState.value}Hint`)}>
      <span class="live-dot" aria-hidden="true" />
      <span class="nav-text">{t(`live.${connectionState.value}`)}</span>
    </p>
  );
}
