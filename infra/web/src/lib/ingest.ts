/** Ingest addresses: the tokens in the addresses of other systems' webhooks. */

export interface IngestToken {
  tokenId: string;
  adapter: string;
  name: string;
  integrator: string;
  address: string;
  useCount: number;
  createdAt: string;
  lastUsedAt: string | null;
}

/** What a mapping makes of a sample. Members of events are named as senders name them. */
export interface MappingPreview {
  results: {
    step: "publish" | "resolve" | "note";
    event: {
      event_id: string;
      event_type: string;
      severity: string;
      title: string;
      labels?: Record<string, string>;
    };
  }[];
  ignored?: string;
}

export const INGEST_TOKENS = "api/v1/ingest-tokens";
export const MAPPING_PREVIEW = "api/v1/ingest-mappings/preview";

export const ADAPTERS = ["alertmanager", "cloudevents", "github", "pagerduty", "sentry", "ntfy", "json"] as const;
/** Adapters whose systems sign what they send. */
export const SIGNED = ["github", "sentry"];

export const EXAMPLE_MAPPING = `{
  "title": "check.name",
  "event_id": "check.id"
}`;
