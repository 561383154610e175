// Waiting for a stream that has enough for now.
import type { Writable } from "node:stream";

const events = ["drain", "close", "error"];

/** Resolves when it takes more, or never will. Whoever waits leaves nothing behind on it: a stream is waited for often. */
export function untilRoom(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of events) stream.off(event, done);
      resolve();
    };
    for (const event of events) stream.once(event, done);
  });
}
