import * as fc from "fast-check";
import { expect, it } from "vitest";

import { headerDictionary } from "../../agents/node/streams/spdy/dictionary.ts";
import type { Frame } from "../../agents/node/streams/spdy/frames.ts";
import {
  dataFrame,
  FrameReader,
  pingFrame,
  rstStream,
  synReply,
  synStream,
} from "../../agents/node/streams/spdy/frames.ts";
import { HeaderReader, HeaderWriter } from "../../agents/node/streams/spdy/headers.ts";

/** Source: RFC 1950. */
function adler32(content: Buffer): number {
  let [low, high] = [1, 0];
  for (const byte of content) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  return high * 65_536 + low;
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((content) => Buffer.from(content));
const id = fc.integer({ min: 1, max: 0x7fff_ffff });

/** A frame as it is written, and as it is to be read. */
const written: fc.Arbitrary<readonly [Buffer, Frame]> = fc.oneof(
  fc.tuple(id, bytes, fc.boolean()).map(([stream, content, isLast]) => {
    return [dataFrame(stream, content, { isLast }), { type: "data", id: stream, isLast, content }] as const;
  }),
  fc.tuple(id, bytes).map(([stream, block]) => {
    return [synStream(stream, block), { type: "syn-stream", id: stream, isLast: false, block }] as const;
  }),
  id.map((stream) => [rstStream(stream), { type: "rst-stream", id: stream }] as const),
  id.map((number) => [pingFrame(number), { type: "ping", id: number }] as const),
  id.map((stream) => [synReply(stream, Buffer.alloc(3)), { type: "other" }] as const),
);

it("the dictionary is the one of the draft", () => {
  expect(adler32(headerDictionary).toString(16)).toBe("e3c6a7c2");
});

it("frames are read as they were written, wherever the stream of them is cut", () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(written, { maxLength: 20 }), cuts, (frames, sizes) => {
      const stream = Buffer.concat(frames.map(([frame]) => frame));
      const reader = new FrameReader();
      const read: Frame[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        read.push(...reader.read(stream.subarray(at, at + size)));
        at += size;
      }
      expect(read).toEqual(frames.map(([, frame]) => frame));
    }),
  );
});

it("a stream of anything else is refused, or asks for more; it never grows without end", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
      const reader = new FrameReader();
      try {
        for (const chunk of chunks) reader.read(Buffer.from(chunk));
      } catch (error) {
        expect(String(error)).toMatch(/SPDY|too long/);
      }
    }),
  );
});

it("headers come out as they went in, block after block", async () => {
  const name = fc.stringMatching(/^[a-z][a-z-]{0,20}$/).filter((text) => !(text in Object.prototype));
  const headers = fc.dictionary(name, fc.string({ maxLength: 40 }), { maxKeys: 8 });
  await fc.assert(
    fc.asyncProperty(fc.array(headers, { maxLength: 8 }), async (blocks) => {
      const [writer, reader] = [new HeaderWriter(), new HeaderReader()];
      for (const block of blocks) expect(await reader.read(await writer.write(block))).toEqual({ ...block });
      writer.close();
      reader.close();
    }),
  );
});

it("a block that is none is refused", async () => {
  const reader = new HeaderReader();
  await expect(reader.read(Buffer.from("these are no headers"))).rejects.toThrow();
  reader.close();
});

it("a block that would unpack to very much is refused", async () => {
  const [writer, reader] = [new HeaderWriter(), new HeaderReader()];
  const bomb = await writer.write({ a: "0".repeat(500_000) }).catch(() => null);
  if (bomb !== null) await expect(reader.read(bomb)).rejects.toThrow(/too long/);
  writer.close();
  reader.close();
});
