// What a running isolate tells of itself, in the form that Prometheus reads.
import type { Meter } from "../store/meter.ts";

const help = {
  batches: "Batches sent to D1.",
  rowsRead: "Rows that D1 has read.",
  rowsWritten: "Rows that D1 has written, those of indexes included.",
} as const satisfies Readonly<Record<keyof Meter, string>>;

const names = {
  batches: "lares_d1_batches_total",
  rowsRead: "lares_d1_rows_read_total",
  rowsWritten: "lares_d1_rows_written_total",
} as const satisfies Readonly<Record<keyof Meter, string>>;

export function metricsText(meter: Meter): string {
  const lines = (["batches", "rowsRead", "rowsWritten"] as const).flatMap((field) => [
    `# HELP ${names[field]} ${help[field]}`,
    `# TYPE ${names[field]} counter`,
    `${names[field]} ${meter[field]}`,
  ]);
  return `${lines.join("\n")}\n`;
}
