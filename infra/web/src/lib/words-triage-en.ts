/** Texts for triage: decisions that are held back, selections, filters, views and the palette. */
export const triageEn = {
  "queue.approving": "Approving: {title}",
  "queue.rejecting": "Rejecting: {title}",
  "queue.selectFirst": "Select a task first.",
  "queue.justArrived": "This task has just appeared. Read it, then press the key again.",
  "queue.irreversible": "This can't be undone",
  "queue.irreversibleNote": "The agent says that what it does then can't be taken back.",
} as const;
