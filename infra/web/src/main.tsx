import { useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { data, ApiError } from "./lib/api";
import { handleAttentionEvent } from "./lib/attention";
import { startBadge } from "./lib/badge";
import { handleChatEvent, refreshChat } from "./lib/chat";
import { t } from "./lib/i18n";
import { handleInboxEvent, onOpenedUnread, refreshInbox } from "./lib/inbox";
import { refreshSummary } from "./lib/inbox-summary";
import { changeItem } from "./lib/inbox-changes";
import { keptInbox, readKept } from "./lib/kept";
import { connect, subscribe, onResync } from "./lib/live";
import { handleKeptEvent, startKeeping } from "./lib/offline";
import { handleChannelEvent } from "./lib/channels";
import { followClickedNotifications, handlePushEvent } from "./lib/push";
import { countWaiting, handleQueueEvent, refreshQueue } from "./lib/queue";
import { handleDelegationEvent, loadDelegated } from "./lib/delegations";
import { handleCommentEvent } from "./lib/proposals";
import { go, href, isSignInLink } from "./lib/router";
import {
  enter,
  key,
  lastUser,
  type LinkSecret,
  mayHaveSession,
  type Me,
  me,
  readProviderAnswer,
  replacingAccess,
  restart,
  secretFromAddress,
  signOut,
  signOutReason,
  storeKey,
} from "./lib/session";
import { handleKeyEvent } from "./pages/account-keys";
import { Layout } from "./pages/layout";
import { Offline } from "./pages/offline";
import { providerError, SignIn } from "./pages/signin";
import { acceptsLink, SignInLink } from "./pages/sign-in-link";
import { rememberLanguage } from "./lib/worker";
import { ErrorState } from "./ui/parts";
import { showError } from "./ui/toasts";

/** What a person signs in with. Without a secret it is the browser's session, if it has one. */
type Secret = LinkSecret | null;

/** Sign in. Returns the reason if the server refuses it. Other errors are thrown, and a key stays stored. */
async function signIn(secret: Secret): Promise<string> {
  storeKey(secret?.kind === "key" ? secret.text : "");
  try {
    if (secret?.kind === "code") await replacingAccess(() => data("POST", "api/v2/sessions", { code: secret.text }));
    enter(await data<Me>("GET", "api/v2/me"));
  } catch (error) {
    if (!(error instanceof ApiError && [401, 403].includes(error.status))) throw error;
    signOut();
    if (!secret) return signOutReason.value;
    return secret.kind === "key" ? t("signIn.refused") : t("signIn.linkRefused");
  }
  refreshSummary();
  void countWaiting();
  connect();
  return "";
}

onOpenedUnread((id) => changeItem(id, { read: true }, null));
subscribe(handleInboxEvent);
subscribe(handleAttentionEvent);
subscribe(handleQueueEvent);
subscribe(handleCommentEvent);
subscribe(handleDelegationEvent);
subscribe(handleChatEvent);
subscribe(handleKeyEvent);
subscribe(handlePushEvent);
subscribe(handleChannelEvent);
subscribe(handleKeptEvent);
onResync(() => {
  void refreshInbox();
  void refreshQueue();
  void loadDelegated();
  void refreshChat();
});

function App() {
  const signingIn = useSignal(true);
  const error = useSignal<unknown>(null);
  const trySignIn = async (secret: Secret) => {
    signingIn.value = true;
    error.value = null;
    try {
      signOutReason.value = await signIn(secret);
      keptInbox.value = null;
    } catch (reason) {
      error.value = reason;
      const isOffline = reason instanceof ApiError && reason.status === 0;
      if (isOffline && !secret) keptInbox.value ??= await readKept(lastUser()).catch(() => null);
    }
    signingIn.value = false;
  };
  const follow = async (secret: LinkSecret) => {
    if (!me.value) return trySignIn(secret);
    // Nothing of the previous person stays in memory.
    try {
      if (secret.kind === "code") await replacingAccess(() => data("POST", "api/v2/sessions", { code: secret.text }));
      storeKey(secret.kind === "key" ? secret.text : "");
      restart();
    } catch (reason) {
      showError(reason);
    }
  };
  useEffect(() => {
    const start = async () => {
      const secret = secretFromAddress();
      const answer = readProviderAnswer();
      // Remove the key from the address bar and the history first.
      if (isSignInLink()) go(answer?.to ?? href("inbox"), { replace: true });
      if (answer?.error) signOutReason.value = providerError(answer.error);
      if (!me.value && key.value) await trySignIn({ kind: "key", text: key.value });
      else if (!me.value && (answer?.signedIn || mayHaveSession())) await trySignIn(null);
      if (secret && (await acceptsLink(secret))) await follow(secret);
      signingIn.value = false;
    };
    void start();
    addEventListener("hashchange", start);
    return () => removeEventListener("hashchange", start);
  }, []);
  return (
    <>
      <Content signingIn={signingIn.value} error={error.value} onSignIn={(secret) => void trySignIn(secret)} />
      <SignInLink onAccept={(secret) => void follow(secret)} />
    </>
  );
}

interface ContentProps {
  signingIn: boolean;
  error: unknown;
  onSignIn: (secret: Secret) => void;
}

function Content({ signingIn, error, onSignIn }: ContentProps) {
  if (me.value) return <Layout />;
  if (keptInbox.value) return <Offline inbox={keptInbox.value} error={error} onRetry={() => onSignIn(null)} />;
  if (signingIn) return <div class="boot" aria-hidden="true" children={<span class="mark" />} />;
  if (error) {
    return (
      <main class="sign-in">
        <ErrorState error={error} onRetry={() => onSignIn(key.value ? { kind: "key", text: key.value } : null)} />
      </main>
    );
  }
  return <SignIn onKey={(text) => onSignIn({ kind: "key", text })} onSession={() => onSignIn(null)} />;
}

const root = document.getElementById("app")!;
root.replaceChildren();
startBadge();
followClickedNotifications();
startKeeping();
void rememberLanguage().catch(() => {});
render(<App />, root);
