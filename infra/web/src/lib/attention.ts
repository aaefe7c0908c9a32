import { signal } from "@preact/signals";
import { dismissToast, showAlert } from "../ui/toasts";
import { t } from "./i18n";
import { openId } from "./inbox";
import type { Item } from "./inbox-items";
import type { LiveEvent } from "./live";
import { href } from "./router";

const BANNER_KEY = "fluxden.attention";
const SOUND_KEY = "fluxden.sound";

/** Whether a critical notification is shown on every page when it arrives, and whether it is heard; in this browser. */
export const showsCritical = signal(localStorage.getItem(BANNER_KEY) !== "off");
export const playsSound = signal(localStorage.getItem(SOUND_KEY) === "on");

export function setShowsCritical(on: boolean): void {
  showsCritical.value = on;
  localStorage.setItem(BANNER_KEY, on ? "on" : "off");
}

/** Turn the sound on or off. Turning it on plays it once, so that the person knows it. */
export function setPlaysSound(on: boolean): void {
  playsSound.value = on;
  localStorage.setItem(SOUND_KEY, on ? "on" : "off");
  if (on) playSound();
}

/** The unread critical notifications that have asked for attention, by id, with their titles. */
const waiting = new Map<string, string>();
let alertId: number | null = null;

/** Ask for attention when a critical notification arrives or fires again; stop when it is read anywhere. */
export function handleAttentionEvent(event: LiveEvent): void {
  if (event.type === "delivery") ask(event as unknown as Item);
  else if (event.type === "delivery_changed") forget([event as unknown as Item]);
  else if (event.type === "deliveries_changed") forget(event.changes as Item[]);
  else if (event.type === "delivery_resolved") forgetIds([String(event.deliveryId)]);
}

function ask(item: Item): void {
  if (item.severity !== "critical" || item.readAt || item.deliveryId === openId.value) return;
  if (showsCritical.value) {
    waiting.set(item.deliveryId, item.title);
    update();
  }
  if (playsSound.value) playSound();
}

function forget(changes: readonly Item[]): void {
  forgetIds(changes.filter((each) => each.readAt || each.archivedAt || each.snoozedUntil).map((each) => each.deliveryId));
}

function forgetIds(ids: readonly string[]): void {
  if (ids.filter((each) => waiting.delete(each)).length) update();
}

/** Show one alert for all that wait, however many arrive. */
function update(): void {
  if (alertId !== null) dismissToast(alertId);
  alertId = null;
  const [first, ...others] = waiting;
  if (!first) return;
  const [id, title] = first;
  alertId = others.length
    ? showAlert(t("attention.many", { n: waiting.size }), href("inbox", null, new URLSearchParams({ severity: "critical" })), stopAsking)
    : showAlert(t("attention.one", { title }), href("inbox", id), stopAsking);
}

function stopAsking(): void {
  waiting.clear();
  alertId = null;
}

const TONES = [
  { frequency: 880, at: 0 },
  { frequency: 660, at: 0.18 },
];
const TONE_SECONDS = 0.15;
const LOUDNESS = 0.15;

/** Play two short tones. A browser plays nothing before the person has used the page. */
function playSound(): void {
  const context = new AudioContext();
  const volume = context.createGain();
  volume.gain.value = LOUDNESS;
  volume.connect(context.destination);
  for (const { frequency, at } of TONES) {
    const tone = context.createOscillator();
    tone.frequency.value = frequency;
    tone.connect(volume);
    tone.start(context.currentTime + at);
    tone.stop(context.currentTime + at + TONE_SECONDS);
  }
  setTimeout(() => void context.close(), 1000);
}
