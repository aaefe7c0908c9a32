/** Programs that publish a first event with a tools token. They run as they stand, with the token in the environment. */

export interface FirstEvent {
  /** The desk's address. */
  base: string;
  /** The event type prefix of the integrator, with its dot. */
  prefix: string;
  /** The recipient's address. */
  email: string;
}

export const LANGUAGES = ["curl", "python", "typescript"] as const;
export type SnippetLanguage = (typeof LANGUAGES)[number];

const endpoint = (first: FirstEvent): string => new URL("api/v1/events/bulk", first.base).href;
const quoted = (text: string): string => JSON.stringify(text);

/** The type of the event that snippets and the test button send. */
export const firstEventType = (prefix: string): string => `${prefix}setup.tested`;

/** Return the body of a call that publishes one test event. */
export function firstEventBody({ prefix, email }: FirstEvent, title: string, occurredAt: string): unknown {
  return {
    event: {
      spec_version: "2",
      event_id: crypto.randomUUID(),
      event_type: firstEventType(prefix),
      severity: "info",
      title,
      occurred_at: occurredAt,
    },
    recipients: [{ type: "email", email }],
  };
}

const curl = (first: FirstEvent): string => {
  // In the shell's quotes, an apostrophe of the address ends them.
  const email = quoted(first.email).replaceAll("'", `'"'"'`);
  return `# FLUXDEN_TOKEN has the token.
curl '${endpoint(first)}' \\
  -H "Authorization: Bearer $FLUXDEN_TOKEN" \\
  -H 'Content-Type: application/json' \\
  -d '{
    "event": {
      "spec_version": "2",
      "event_id": "curl-'$(date +%s)'",
      "event_type": ${quoted(firstEventType(first.prefix))},
      "severity": "info",
      "title": "Hello from curl",
      "occurred_at": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'"
    },
    "recipients": [{"type": "email", "email": ${email}}]
  }'`;
};

const python = (first: FirstEvent): string => `# FLUXDEN_TOKEN has the token.
import json, os, urllib.request, uuid
from datetime import datetime, timezone

body = {
    "event": {
        "spec_version": "2",
        "event_id": str(uuid.uuid4()),
        "event_type": ${quoted(firstEventType(first.prefix))},
        "severity": "info",
        "title": "Hello from Python",
        "occurred_at": datetime.now(timezone.utc).isoformat(),
    },
    "recipients": [{"type": "email", "email": ${quoted(first.email)}}],
}
request = urllib.request.Request(
    ${quoted(endpoint(first))},
    data=json.dumps(body).encode(),
    headers={
        "Authorization": f"Bearer {os.environ['FLUXDEN_TOKEN']}",
        "Content-Type": "application/json",
    },
)
print(urllib.request.urlopen(request).read().decode())`;

const typescript = (first: FirstEvent): string => `// FLUXDEN_TOKEN has the token. Run as an ES module.
const response = await fetch(${quoted(endpoint(first))}, {
  method: "POST",
  headers: {
    Authorization: \`Bearer \${process.env.FLUXDEN_TOKEN}\`,
    "Content-Type": "application/json",
  },
  body: JSON.stringify({
    event: {
      spec_version: "2",
      event_id: crypto.randomUUID(),
      event_type: ${quoted(firstEventType(first.prefix))},
      severity: "info",
      title: "Hello from TypeScript",
      occurred_at: new Date().toISOString(),
    },
    recipients: [{ type: "email", email: ${quoted(first.email)} }],
  }),
});
console.log(response.status, await response.text());`;

const WRITERS: Record<SnippetLanguage, (first: FirstEvent) => string> = { curl, python, typescript };

export const snippet = (language: SnippetLanguage, first: FirstEvent): string => WRITERS[language](first);
