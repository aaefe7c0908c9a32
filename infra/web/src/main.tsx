import { useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { data, ApiError } from "./lib/api";
import { startBadge } from "./lib/badge";
import { handleChatEvent, loadChat } from "./lib/chat";
import { t } from "./lib/i18n";
import { refreshSummary, handleInboxEvent, refreshInbox } from "./lib/inbox";
import { connect, subscribe, onResync } from "./lib/live";
import { handleQueueEvent, loadQueue } from "./lib/queue";
import { go, href, isSignInLink } from "./lib/router";
import { enter, key, keyFromAddress, type Me, me, restart, signOut, signOutReason, storeKey } from "./lib/session";
import { handleKeyEvent } from "./pages/account-keys";
import { Layout } from "./pages/layout";
import { SignIn } from "./pages/signin";
import { acceptsLink, SignInLink } from "./pages/sign-in-link";
import { ErrorState } from "./ui/parts";

/** Sign in with a key. Returns the reason if the server refuses it. Other errors are thrown, and the key stays stored. */
async function signIn(entered: string): Promise<string> {
  storeKey(entered);
  try {
    enter(await data<Me>("GET", "api/v2/me"));
  } catch (error) {
    if (!(error instanceof ApiError && [401, 403].includes(error.status))) throw error;
    signOut();
    return t("signIn.refused");
  }
  refreshSummary();
  connect();
  return "";
}

subscribe(handleInboxEvent);
subscribe(handleQueueEvent);
subscribe(handleChatEvent);
subscribe(handleKeyEvent);
onResync(() => {
  void refreshInbox();
  void loadQueue();
  void loadChat();
});

function App() {
  const signingIn = useSignal(Boolean(key.value || keyFromAddress()));
  const error = useSignal<unknown>(null);
  const trySignIn = async (entered: string) => {
    signingIn.value = true;
    error.value = null;
    try {
      signOutReason.value = await signIn(entered);
    } catch (reason) {
      error.value = reason;
    }
    signingIn.value = false;
  };
  const follow = (linkKey: string) => {
    if (me.value) {
      storeKey(linkKey);
      restart();
    } else {
      void trySignIn(linkKey);
    }
  };
  useEffect(() => {
    const start = async () => {
      const linkKey = keyFromAddress();
      // Remove the key from the address bar and the history first.
      if (isSignInLink()) go(href("inbox"), { replace: true });
      if (key.value && !me.value) await trySignIn(key.value);
      if (linkKey && (await acceptsLink(linkKey))) follow(linkKey);
      else signingIn.value = false;
    };
    void start();
    addEventListener("hashchange", start);
    return () => removeEventListener("hashchange", start);
  }, []);
  return (
    <>
      <Content signingIn={signingIn.value} error={error.value} onKey={(entered) => void trySignIn(entered)} />
      <SignInLink onAccept={follow} />
    </>
  );
}

interface ContentProps {
  signingIn: boolean;
  error: unknown;
  onKey: (key: string) => void;
}

function Content({ signingIn, error, onKey }: ContentProps) {
  if (me.value) return <Layout />;
  if (signingIn) return <div class="boot" aria-hidden="true" children={<span class="mark" />} />;
  if (error) {
    return (
      <main class="sign-in">
        <ErrorState error={error} onRetry={() => onKey(key.value)} />
      </main>
    );
  }
  return <SignIn onKey={onKey} />;
}

const root = document.getElementById("app")!;
root.replaceChildren();
startBadge();
render(<App />, root);
