import { createHash } from "node:crypto";
import { appendFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { LogWriter } from "../../agents/node/runtime/process/log-writer.ts";
import { LogText } from "../../agents/node/streams/log/log-text.ts";
import { readLog } from "../../agents/node/streams/log/read-log.ts";
import type { LogRecord } from "../../agents/node/streams/log/record.ts";
import { nanosOf, parseRecord, shownTime } from "../../agents/node/streams/log/record.ts";
import { ownDirectory } from "../containers/own-directory.ts";

/** On a machine with more to do than this. */
const patience = { timeout: 15_000 };

let dir = "";
let path = "";

beforeEach(() => {
  dir = ownDirectory("log");
  path = join(dir, "0.log");
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

type Asked = { readonly tailLines?: number; readonly limitBytes?: number; readonly timestamps?: boolean };

async function read({ tailLines, limitBytes, timestamps = false }: Asked = {}): Promise<string> {
  const text = new LogText({ timestamps, ...(limitBytes === undefined ? {} : { limitBytes }) });
  const parts: Buffer[] = [];
  const options = { path, follow: false, isRunning: async () => false, signal: new AbortController().signal };
  for await (const records of readLog({ ...options, ...(tailLines === undefined ? {} : { tailLines }) })) {
    parts.push(...records.map((record) => text.show(record)));
  }
  return Buffer.concat(parts).toString("utf8");
}

const time = "2026-11-21T06:17:31.638815876Z";

it.each([
  ["a whole line", `${time} stdout F text of it`, { stream: "stdout", isPartial: false, text: "text of it" }],
  ["a part of a line", `${time} stderr P text`, { stream: "stderr", isPartial: true, text: "text" }],
  ["an empty line", `${time} stdout F `, { stream: "stdout", isPartial: false, text: "" }],
  ["an empty line without its blank", `${time} stdout F`, { stream: "stdout", isPartial: false, text: "" }],
  ["several tags", `${time} stdout F:x text`, { stream: "stdout", isPartial: false, text: "text" }],
])("a record is read: %s", (_what, line, expected) => {
  const record = parseRecord(Buffer.from(line));
  expect({ ...record, text: record?.text.toString() }).toEqual({ time, ...expected });
});

it.each(["", "nothing", `${time} stdin F x`, `${time} stdout X x`, '{"log":"x","stream":"stdout"}'])(
  "a line that is no record is left out: %s",
  (line) => expect(parseRecord(Buffer.from(line))).toBeNull(),
);

it("times keep their zone, and have nine digits", () => {
  expect(shownTime("2026-01-02T03:04:05.6+01:00")).toBe("2026-01-02T03:04:05.600000000+01:00");
  expect(nanosOf("2026-01-02T03:04:05.000000007+01:00")).toBe(BigInt(Date.UTC(2026, 0, 2, 2, 4, 5)) * 1_000_000n + 7n);
});

/** What is compared may be long. */
function hash(text: string): string {
  return `${text.length} ${createHash("sha256").update(text).digest("hex")}`;
}

/** Text as a container may write it, in pieces; some of its lines are longer than a record. */
const line = fc.oneof(
  { weight: 20, arbitrary: fc.string({ maxLength: 30 }).map((text) => text.replaceAll("\n", "")) },
  { weight: 1, arbitrary: fc.integer({ min: 16_000, max: 40_000 }).map((length) => "x".repeat(length)) },
);

it("what a container wrote is read as it was written, however often its log was rotated; so is the end of it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 60 }),
      fc.integer({ min: 200, max: 5_000 }),
      fc.nat({ max: 70 }),
      fc.nat({ max: 500 }),
      async (lines, maxSizeBytes, tailLines, limitBytes) => {
        rmSync(dir, { recursive: true, force: true });
        const writer = new LogWriter(path, { limits: { maxSizeBytes, maxFiles: 10_000 }, nowMs: () => 1_000 });
        for (const text of lines) await writer.write("stdout", Buffer.from(`${text}\n`));
        await writer.end();
        const whole = lines.map((text) => `${text}\n`).join("");
        expect(hash(await read())).toBe(hash(whole));
        const last = tailLines === 0 ? [] : lines.slice(-tailLines);
        expect(hash(await read({ tailLines }))).toBe(hash(last.map((text) => `${text}\n`).join("")));
        const limited = Buffer.from(await read({ limitBytes: limitBytes + 1 }));
        expect(limited.length).toBeLessThanOrEqual(Math.max(limitBytes + 1, Buffer.from(whole).length));
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);

it("a time stands before each line once, not before its parts", async () => {
  writeFileSync(path, `${time} stdout P one \n${time} stdout F line\n${time} stdout F two\n`);
  expect(await read({ timestamps: true })).toBe(`${time} one line\n${time} two\n`);
});

it("the last line counts with all its parts", async () => {
  writeFileSync(path, `${time} stdout F first\n${time} stdout P sec\n${time} stdout F ond\n`);
  expect(await read({ tailLines: 1 })).toBe("second\n");
});

it("the last lines are as many as were asked for, though the log grows meanwhile", async () => {
  const lines = ["a", "b", "c"].map((letter) => letter.repeat(50_000));
  writeFileSync(path, lines.map((line) => `${time} stdout F ${line}\n`).join(""));
  const got: string[] = [];
  const options = { path, tailLines: 2, follow: false, isRunning: async () => true };
  for await (const records of readLog({ ...options, signal: new AbortController().signal })) {
    if (got.length === 0) appendFileSync(path, `${time} stdout F more\n`);
    got.push(...records.map(({ text }) => text.toString()));
  }
  expect(got.map((text) => text.slice(0, 4))).toEqual(["bbbb", "cccc"]);
});

it("a log that is followed goes on across rotations, and ends when its container has ended", async () => {
  const record = (number: number) => `${time} stdout F ${number}\n`;
  let isRunning = true;
  writeFileSync(path, record(0));
  const got: string[] = [];
  const signal = new AbortController().signal;
  const following = (async () => {
    const log = readLog({ path, tailLines: 1, follow: true, isRunning: async () => isRunning, signal });
    for await (const records of log) got.push(...records.map(({ text }: LogRecord) => text.toString()));
  })();
  // Its end is where it is when it is first looked at.
  await vi.waitFor(() => expect(got).toEqual(["0"]), patience);
  for (let number = 1; number <= 60; number += 1) {
    if (number % 7 === 0) {
      renameSync(path, join(dir, `0.log.20260101-${String(number).padStart(6, "0")}`));
      writeFileSync(path, "");
    }
    // In two pieces, as a reader may find it.
    appendFileSync(path, record(number).slice(0, 20));
    await new Promise((resolve) => setTimeout(resolve, 3));
    appendFileSync(path, record(number).slice(20));
  }
  isRunning = false;
  await following;
  expect(got).toEqual(Array.from({ length: 61 }, (_, number) => String(number)));
});

it("a log that is not there yet is waited for while its container runs, and is empty otherwise", async () => {
  expect(await read()).toBe("");
  expect(await read({ tailLines: 3 })).toBe("");
  const got: string[] = [];
  const ending = new AbortController();
  const following = (async () => {
    const log = readLog({ path, follow: true, isRunning: async () => true, signal: ending.signal });
    for await (const records of log) got.push(...records.map(({ text }) => text.toString()));
  })();
  await new Promise((resolve) => setTimeout(resolve, 20));
  writeFileSync(path, `${time} stdout F late\n`);
  while (got.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  ending.abort();
  await following;
  expect(got).toEqual(["late"]);
});
