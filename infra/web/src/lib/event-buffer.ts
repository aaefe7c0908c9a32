import type { LiveEvent } from "./live";

/**
 * Hold back what is told of a list while the list is being read.
 *
 * What a reply shows and what a frame tells overtake each other; told after, nothing is lost, and what the reply had
 * already changes nothing.
 */
export class EventBuffer {
  private reading = 0;
  private waiting: LiveEvent[] = [];

  constructor(private readonly hear: (frame: LiveEvent) => void) {}

  take(frame: LiveEvent): void {
    if (this.reading) this.waiting.push(frame);
    else this.hear(frame);
  }

  async during(read: () => Promise<void>): Promise<void> {
    this.reading += 1;
    try {
      await read();
    } finally {
      this.reading -= 1;
      if (!this.reading) for (const frame of this.waiting.splice(0)) this.hear(frame);
    }
  }
}
