// What waits to be sent to watchers: of one, and of all of an isolate together, which share its memory.
import { watchBacklogBytes, watchBacklogsBytes } from "../model/limits.ts";

/** All watches of an isolate. */
export class WatchBacklogs {
  /** How many there are. */
  watches = 0;
  bytes = 0;
}

export class WatchBacklog {
  readonly #all: WatchBacklogs;
  #bytes = 0;

  constructor(all: WatchBacklogs) {
    this.#all = all;
    all.watches += 1;
  }

  /** The watch is over; what still waits goes out or is thrown away by itself. */
  leave(): void {
    this.#all.watches -= 1;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    this.#all.bytes += bytes;
  }

  /**
   * Whether the client reads too slowly to be waited for. When all of them together are too far behind, those are that are
   * slower than most: each can only end itself, for it is a request of its own.
   */
  isTooLong(): boolean {
    const { bytes, watches } = this.#all;
    return this.#bytes > watchBacklogBytes || (bytes > watchBacklogsBytes && this.#bytes * watches >= bytes);
  }
}
