// What commands print, and how they end.

/** 0 all is well; 1 it went wrong; 2 the command line makes no sense; 4 not connected; 5 no agent runs here. */
export const commandCodes = { done: 0, failed: 1, usage: 2, waiting: 4, absent: 5 } as const;
export type CommandCode = (typeof commandCodes)[keyof typeof commandCodes];

/** A mistake of the caller's, or something at the machine that keeps the command from its work; said in one line. */
export class CommandError extends Error {
  readonly code: CommandCode;

  constructor(message: string, code: CommandCode = commandCodes.failed) {
    super(message);
    this.code = code;
  }
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

/** `1d2h`, `3m20s`: the two greatest units. */
export function durationText(ms: number): string {
  let left = Math.max(0, Math.round(ms / 1000) * 1000);
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0 && parts.length < 2) parts.push(`${count}${unit}`);
  }
  return parts.length === 0 ? "0s" : parts.join("");
}

/** Null for a text that is no duration: numbers with d, h, m or s, as 90m or 1h30m. */
export function durationMs(text: string): number | null {
  if (!/^(\d+[dhms])+$/.test(text)) return null;
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([dhms])/g)) {
    sum += Number(count) * (units.find(([name]) => name === unit)?.[1] ?? 0);
  }
  return sum;
}

export function bytesText(bytes: number): string {
  const gibibytes = bytes / 2 ** 30;
  return gibibytes >= 1 ? `${gibibytes.toFixed(1)} GiB` : `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
