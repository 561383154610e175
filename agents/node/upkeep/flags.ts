// How the command line says when something has to go.

/** Says in one line what is wrong with the command line. */
export class UpkeepFlagError extends Error {}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** As Go writes them. Throws an UpkeepFlagError, as all here do. */
export function durationMs(flag: string, text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const isWhole = parts.length > 0 && parts.map(([part]) => part).join("") === text;
  if (!isWhole && text !== "0") {
    throw new UpkeepFlagError(`${flag}: ${JSON.stringify(text)} is no duration; "1m30s" is one`);
  }
  return parts.reduce((sum, [, number, unit = ""]) => sum + Number(number) * (unitMs[unit] ?? 0), 0);
}

export function percent(flag: string, text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 100) return Number(text);
  throw new UpkeepFlagError(`${flag}: ${JSON.stringify(text)} is no whole number from 0 to 100`);
}
