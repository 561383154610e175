// One line of a container's log file, in the CRI's form: `TIME STREAM TAGS TEXT`.
// Source: kubelet logs.go (parseCRILog).

export type LogRecord = {
  /** RFC 3339, as the runtime wrote it. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** The line goes on in the stream's next record. */
  readonly isPartial: boolean;
  readonly text: Buffer;
};

const blank = 0x20;

/** Null for a line that is none. `line` has no newline at its end. */
export function parseRecord(line: Buffer): LogRecord | null {
  const afterTime = line.indexOf(blank);
  const afterStream = line.indexOf(blank, afterTime + 1);
  if (afterTime <= 0 || afterStream < 0) return null;
  const afterTags = line.indexOf(blank, afterStream + 1);
  const stream = line.toString("latin1", afterTime + 1, afterStream);
  if (stream !== "stdout" && stream !== "stderr") return null;
  // An empty line may have lost the blank before its text.
  const tags = line.toString("latin1", afterStream + 1, afterTags < 0 ? line.length : afterTags);
  const [tag] = tags.split(":");
  if (tag !== "P" && tag !== "F") return null;
  const text = afterTags < 0 ? Buffer.alloc(0) : line.subarray(afterTags + 1);
  return { time: line.toString("latin1", 0, afterTime), stream, isPartial: tag === "P", text };
}

const shape = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;
const nanoDigits = 9;

/** Nanoseconds since 1970; null for what is no time. */
export function nanosOf(time: string): bigint | null {
  const [, seconds, fraction = "", zone] = shape.exec(time) ?? [];
  const ms = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(ms)) return null;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.slice(0, nanoDigits).padEnd(nanoDigits, "0"));
}

/** With all nine digits, as the kubelet shows times. */
export function shownTime(time: string): string {
  const [, seconds, fraction = "", zone] = shape.exec(time) ?? [];
  if (seconds === undefined || zone === undefined) return time;
  return `${seconds}.${fraction.slice(0, nanoDigits).padEnd(nanoDigits, "0")}${zone}`;
}
