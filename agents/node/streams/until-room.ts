// Waiting for a stream that has enough for now.
import type { Writable } from "node:stream";

const events = ["drain", "close", "error"];

/** Resolves when it takes more, or never will. Whoever waits leaves nothing behind on it: a stream is waited for often. */
export function untilRoom(stream: Writable): Promise<void> {
  // Of one that is over, no event comes any more.
  if (stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      for (const event of events) stream.off(event, done);
      resolve();
    };
    for (const event of events) stream.once(event, done);
  });
}
