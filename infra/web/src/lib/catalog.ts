import { data, query } from "./api";

export interface Item {
  id: string;
  slug: string;
  name: string;
  type: string;
  description: string | null;
  category: string | null;
  categoryDisplay: string;
  url: string | null;
  is_pinned: boolean;
  approval_required: boolean;
  archived_at: string | null;
}

export const ITEMS = "api/v2/operate/catalog/items";

/** Return the items of the catalog, archived ones too. */
export const readItems = async () =>
  (await data<{ items: Item[] }>("GET", query(ITEMS, { active_only: "false", limit: 200 }))).items;
