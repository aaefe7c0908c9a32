// Shows a notification for a push message, and opens the console when there is no network.
// A push message says only which notification arrived, by its id, or which task waits for approval, by its page. The
// console shows it to people who are signed in.
const TEXTS = {
  "zh-CN": { inbox: "您有新通知。", queue: "有任务等待您批准。" },
  en: { inbox: "You have a new notification.", queue: "A task waits for your approval." },
};
const MESSAGE = /^(queue\/)?[\w-]{1,100}$/;
const SHELLS = "fluxden-shell-";
const SHELL = SHELLS + "31eceaaec6c7";
const FILES = ["./", "console/words-en.f2af5b243b9a.js", "console/words-zh.e0fc0cdabc37.js", "console/app.f2576d155add.js", "console/style.212d6862f1e4.css", "console/icon.aa182a5144fe.svg", "console/app.224abd9f917f.webmanifest"];
const PATIENCE = 5000;

/** The language that the console was shown in last; before that, the browser's. */
async function language() {
  const kept = await (await caches.open("fluxden-settings")).match("language");
  const named = kept ? await kept.text() : self.navigator.language;
  return /^zh\b/i.test(named) ? "zh-CN" : "en";
}

self.addEventListener("push", (event) => {
  const text = event.data?.text() ?? "";
  const tag = text.startsWith("queue/") ? "queue" : "inbox";
  // Desks and browsers of an earlier release send and take empty messages.
  const data = !MESSAGE.test(text) ? "newest" : tag === "queue" ? text : `inbox/${text}`;
  event.waitUntil(
    (async () => {
      const lang = await language().catch(() => "en");
      const options = { body: TEXTS[lang][tag], icon: "console/icon.aa182a5144fe.svg", lang, tag, renotify: true, data };
      await self.registration.showNotification("Fluxden", options);
    })(),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const page = event.notification.data ?? "newest";
  event.waitUntil(
    (async () => {
      const [open] = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
      if (!open) return self.clients.openWindow(`./#/${page}`);
      open.postMessage(page);
      return open.focus();
    })(),
  );
});

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const shell = await caches.open(SHELL);
      await shell.addAll(FILES);
      const page = await (await shell.match("./")).text();
      // The desk was updated in between; the browser installs this anew later.
      if (!page.includes("app.f2576d155add.js")) throw new Error("The page is of another version.");
    })(),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter((each) => each.startsWith(SHELLS) && each !== SHELL);
      await Promise.all(old.map((each) => caches.delete(each)));
    })(),
  );
});

// Only the page and its assets. The API, and what it says about a person, never pass here.
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const home = new URL("./", self.location.href);
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== home.origin) return;
  if (request.mode === "navigate" && url.pathname === home.pathname) event.respondWith(page(request));
  else if (url.pathname.startsWith(`$undefinedconsole/`)) event.respondWith(asset(request));
});

/** The page of the desk; the kept one if the desk does not answer. */
async function page(request) {
  const kept = await (await caches.open(SHELL)).match("./");
  if (!kept) return fetch(request);
  const late = new Promise((_, reject) => setTimeout(reject, PATIENCE));
  const answer = await Promise.race([fetch(request), late]).catch(() => null);
  return answer && answer.status < 500 ? answer : kept;
}

async function asset(request) {
  return (await (await caches.open(SHELL)).match(request)) ?? fetch(request);
}
