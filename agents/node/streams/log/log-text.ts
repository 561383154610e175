// From a log's records to what a person sees of it.
// Source: kubelet logs.go (logWriter).
import type { LogRecord } from "./record.ts";
import { nanosOf, shownTime } from "./record.ts";

export type LogTextOptions = {
  readonly timestamps: boolean;
  /** Older records are left out. */
  readonly sinceNanos?: bigint;
  readonly limitBytes?: number;
};

const newline = Buffer.from("\n");

export class LogText {
  readonly #options: LogTextOptions;
  #leftBytes: number;
  #isLineStart = true;

  constructor(options: LogTextOptions) {
    this.#options = options;
    this.#leftBytes = options.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Nothing more is shown. */
  get isFull(): boolean {
    return this.#leftBytes <= 0;
  }

  /** Empty when the record is not shown. */
  show(record: LogRecord): Buffer {
    const { timestamps, sinceNanos } = this.#options;
    if (sinceNanos !== undefined && (nanosOf(record.time) ?? 0n) < sinceNanos) return Buffer.alloc(0);
    const parts = [
      ...(timestamps && this.#isLineStart ? [Buffer.from(`${shownTime(record.time)} `)] : []),
      record.text,
      ...(record.isPartial ? [] : [newline]),
    ];
    this.#isLineStart = !record.isPartial;
    const shown = Buffer.concat(parts);
    const kept = shown.length > this.#leftBytes ? shown.subarray(0, this.#leftBytes) : shown;
    this.#leftBytes -= kept.length;
    return kept;
  }
}
