// A push message carries no content. The console shows the notification itself to people who are signed in.
const CHINESE = /^zh\b/i.test(self.navigator.language);
const TEXT = CHINESE ? "您有新通知。" : "You have a new notification.";

self.addEventListener("push", (event) => {
  const options = { body: TEXT, icon: "console/{icon.svg}", lang: CHINESE ? "zh-CN" : "en", tag: "inbox", renotify: true };
  event.waitUntil(self.registration.showNotification("Fluxden", options));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(
    (async () => {
      const [open] = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
      if (!open) return self.clients.openWindow("./#/newest");
      open.postMessage("newest");
      return open.focus();
    })(),
  );
});
