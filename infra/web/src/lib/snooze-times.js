// @ts-check
// Plain JavaScript, so that a browser test can load it as it is and try every hour of some years in several time zones.

const HOUR = 3_600_000;
const MORNING = 9;
const MONDAY = 1;

/**
 * Return the times to snooze until, each later than the one before: in about three hours if that is still today,
 * tomorrow morning, and Monday morning if that is not tomorrow.
 *
 * @param {Date} from
 * @returns {Array<{ name: "later" | "tomorrow" | "week"; until: Date }>}
 */
export function snoozeChoices(from) {
  const later = new Date(from.getTime() + 3 * HOUR);
  later.setMinutes(0, 0, 0);
  const daysToMonday = (MONDAY + 7 - from.getDay()) % 7 || 7;
  /** @type {Array<{ name: "later" | "tomorrow" | "week"; until: Date }>} */
  const choices = [{ name: "tomorrow", until: morningAfter(from, 1) }];
  if (later.getDate() === from.getDate()) choices.unshift({ name: "later", until: later });
  if (daysToMonday > 1) choices.push({ name: "week", until: morningAfter(from, daysToMonday) });
  return choices;
}

/**
 * @param {Date} from
 * @param {number} days
 */
function morningAfter(from, days) {
  // The constructor carries days over the end of a month and across changes of the clock.
  return new Date(from.getFullYear(), from.getMonth(), from.getDate() + days, MORNING);
}
