import { effect } from "@preact/signals";
import { valueLabel } from "./i18n";
import { summary } from "./inbox-summary";
import { route } from "./router";
import { me } from "./session";

const SIZE = 64;

/** Show the unread count in the tab title and on the icon of the installed console, and a dot on the icon of the tab. */
export function startBadge(): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]')!;
  const plainIcon = link.href;
  const image = new Image(SIZE, SIZE);
  image.src = plainIcon;
  // Drawn once: the count changes often.
  let dotted = "";
  effect(() => {
    const unread = me.value ? summary.value.unread : 0;
    const page = me.value ? `${valueLabel("page", route.value.page)} · ` : "";
    document.title = `${unread ? `(${unread}) ` : ""}${page}Fluxden`;
    // Of an installed console. Browsers without it show nothing.
    if (navigator.setAppBadge) void (unread ? navigator.setAppBadge(unread) : navigator.clearAppBadge()).catch(() => {});
    if (unread) dotted ||= withDot(image);
    const icon = (unread && dotted) || plainIcon;
    if (link.href !== icon) link.href = icon;
  });
}

function withDot(image: HTMLImageElement): string {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const context = canvas.getContext("2d");
  if (!context || !image.complete || !image.naturalWidth) return "";
  context.drawImage(image, 0, 0, SIZE, SIZE);
  context.beginPath();
  context.arc(SIZE - 16, 16, 15, 0, 2 * Math.PI);
  context.fillStyle = "#e5484d";
  context.fill();
  context.lineWidth = 4;
  context.strokeStyle = "#fff";
  context.stroke();
  return canvas.toDataURL("image/png");
}
