// A push message says only which notification arrived, by its id. The console shows it to people who are signed in.
const CHINESE = /^zh\b/i.test(self.navigator.language);
const TEXT = CHINESE ? "您有新通知。" : "You have a new notification.";
const ID = /^[\w-]{1,100}$/;

self.addEventListener("push", (event) => {
  const id = event.data?.text() ?? "";
  const options = { body: TEXT, icon: "console/icon.aa182a5144fe.svg", lang: CHINESE ? "zh-CN" : "en", tag: "inbox", renotify: true };
  // Desks and browsers of an earlier release send and take empty messages.
  options.data = ID.test(id) ? `inbox/${id}` : "newest";
  event.waitUntil(self.registration.showNotification("Fluxden", options));
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
