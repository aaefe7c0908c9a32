import type { LiveEvent } from "./live";

/**
 * Hold back live events while a list is being loaded.
 *
 * A response and a live event can overtake each other. Events handled after the response lose nothing, and an event
 * that the response already contains changes nothing.
 */
export class EventBuffer {
  private loads = 0;
  private held: LiveEvent[] = [];

  constructor(private readonly handle: (event: LiveEvent) => void) {}

  push(event: LiveEvent): void {
    if (this.loads) this.held.push(event);
    else this.handle(event);
  }

  async holdDuring(load: () => Promise<void>): Promise<void> {
    this.loads += 1;
    try {
      await load();
    } finally {
      this.loads -= 1;
      if (!this.loads) for (const event of this.held.splice(0)) this.handle(event);
    }
  }
}
