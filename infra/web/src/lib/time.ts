import { signal } from "@preact/signals";
import { language } from "./i18n";

/** The current time, updated every 20 seconds so that relative times stay correct. */
export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 20_000);

const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" });
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(language, { month: "short", day: "numeric" });
const dated = new Intl.DateTimeFormat(language, { year: "numeric", month: "short", day: "numeric" });
const WEEKDAY_TIME: Intl.DateTimeFormatOptions = {
  weekday: "short",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
};
const weekday = new Intl.DateTimeFormat(language, WEEKDAY_TIME);
const weekdayOfYear = new Intl.DateTimeFormat(language, { ...WEEKDAY_TIME, year: "numeric" });
const zoned = new Intl.DateTimeFormat(language, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});
const wholeDay = new Intl.DateTimeFormat(language, { dateStyle: "full" });
const dayAndTime = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Format a time as "now", "5 min. ago" or "in 3 hr.", and as a date beyond a week. */
export function ago(time: string, at = now.value): string {
  const distance = Date.parse(time) - at;
  const size = Math.abs(distance);
  if (size < 45_000) return relative.format(0, "second");
  if (size < HOUR) return relative.format(Math.round(distance / MINUTE), "minute");
  if (size < DAY) return relative.format(Math.round(distance / HOUR), "hour");
  if (size < 7 * DAY) return relative.format(Math.round(distance / DAY), "day");
  return new Date(time).getFullYear() === new Date(at).getFullYear() ? day.format(new Date(time)) : date(time);
}

/** Format the full date and time with the browser's time zone. */
export const fullTime = (time: string): string => full.format(new Date(time));
export const clockTime = (time: string): string => clock.format(new Date(time));
export const date = (time: string): string => dated.format(new Date(time));
/** Format weekday, date and time with the time zone; the year, too, if half a year or more is between. */
export function weekdayTime(time: string, at = now.value): string {
  const isFar = Math.abs(Date.parse(time) - at) > 180 * DAY;
  return (isFar ? weekdayOfYear : weekday).format(new Date(time));
}
/** Format the time to the second, with the browser's time zone. */
export const zonedTime = (time: string): string => zoned.format(new Date(time));
export const fullDate = (time: string): string => wholeDay.format(new Date(time));
export const dateAndTime = (time: string): string => dayAndTime.format(new Date(time));

/** Return a time as a field for date and time has it, in the browser's time zone. What is no time leaves it empty. */
export function toField(time: string | null): string {
  const at = new Date(time ?? "");
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * MINUTE).toISOString().slice(0, 16);
}
