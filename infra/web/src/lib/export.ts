import { strToU8, zipSync } from "fflate";
import { ApiError, data, query } from "./api";
import { me } from "./session";

interface Page {
  section: string;
  records: unknown[];
  nextCursor: string | null;
  sections: string[];
}

const PATH = "api/v2/me/data";
// A long export meets the rate limit, and goes on when there is room again.
const WAIT = 5_000;
const MOST_WAITS = 24;

/** Read everything of the signed-in person, page by page. `onProgress` gets the number of records read so far. */
export async function readExport(onProgress: (records: number) => void, isStopped: () => boolean): Promise<Blob | null> {
  const records = new Map<string, unknown[]>();
  let count = 0;
  let cursor: string | null = null;
  do {
    const page: Page = await readPatiently(() => data<Page>("GET", query(PATH, { cursor })));
    for (const each of page.sections) if (!records.has(each)) records.set(each, []);
    records.get(page.section)!.push(...page.records);
    count += page.records.length;
    cursor = page.nextCursor;
    onProgress(count);
    if (isStopped()) return null;
  } while (cursor !== null);
  return toArchive(records);
}

/** Offer a file to the browser, as a link would. */
export function saveFile(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Read a part of an export. At the rate limit wait and read again. */
export async function readPatiently<T>(read: () => Promise<T>): Promise<T> {
  for (let waits = 0; ; waits++) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 429) || waits === MOST_WAITS) throw error;
      await new Promise((resolve) => setTimeout(resolve, WAIT));
    }
  }
}

/** Make the archive that `employees export` makes: a file of JSON lines for each section, and a manifest. */
function toArchive(records: Map<string, unknown[]>): Blob {
  const files: Record<string, Uint8Array> = {};
  const sections = [];
  for (const [section, found] of records) {
    files[`${section}.jsonl`] = strToU8(found.map((each) => `${JSON.stringify(each)}\n`).join(""));
    sections.push({ section, file: `${section}.jsonl`, records: found.length });
  }
  const about = { of: me.value!.email, exportedAt: new Date().toISOString(), format: "fluxden-export-1", sections };
  files["manifest.json"] = strToU8(JSON.stringify(about, null, 2));
  return new Blob([zipSync(files) as Uint8Array<ArrayBuffer>], { type: "application/zip" });
}
