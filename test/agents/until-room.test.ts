import { PassThrough } from "node:stream";
import { expect, test } from "vitest";

import { untilRoom } from "../../agents/node/streams/until-room.ts";

const listeners = (stream: PassThrough) => ["drain", "close", "error"].map((event) => stream.listenerCount(event));

test("a stream that is waited for often has no more listeners than before", async () => {
  const stream = new PassThrough({ highWaterMark: 1 });
  const before = listeners(stream);
  for (let round = 0; round < 20; round += 1) {
    stream.write("a word");
    const room = untilRoom(stream);
    stream.read();
    await room;
  }
  expect(listeners(stream)).toEqual(before);
});

test.each([
  ["is closed", (stream: PassThrough) => stream.destroy()],
  ["breaks", (stream: PassThrough) => stream.destroy(new Error("cut"))],
])("who waits for a stream that %s goes on", async (_what, end) => {
  const stream = new PassThrough({ highWaterMark: 1 });
  stream.write("a word");
  const room = untilRoom(stream);
  end(stream);
  await room;
});

test.each([
  ["was closed", undefined],
  ["broke", new Error("cut")],
])("nobody waits for a stream that %s before", async (_what, error) => {
  const stream = new PassThrough({ highWaterMark: 1 });
  stream.on("error", () => {});
  stream.destroy(error);
  await new Promise((resolve) => stream.once("close", resolve));
  expect(stream.write("a word")).toBe(false);
  await untilRoom(stream);
});
