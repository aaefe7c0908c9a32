// Nudges say nothing: that there is something, and where. What it is, the console tells those who are signed in.
const CHINESE = /^zh\b/i.test(self.navigator.language);
const TEXT = CHINESE ? "收件箱有新内容。" : "There is something new in your inbox.";

self.addEventListener("push", (event) => {
  const shown = { body: TEXT, icon: "console/{icon.svg}", lang: CHINESE ? "zh-CN" : "en", tag: "inbox", renotify: true };
  event.waitUntil(self.registration.showNotification("Fluxden", shown));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(
    (async () => {
      const [open] = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
      if (open) await open.focus();
      else await self.clients.openWindow("./#/inbox");
    })(),
  );
});
