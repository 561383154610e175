// Waiting for what happens by itself, no longer than it takes.

const deadlineMs = 5_000;
const lookEveryMs = 5;

/** Looks until `look` returns something other than undefined, null or false; fails when that takes too long. */
export async function until<Found>(
  what: string,
  look: () => Promise<Found | undefined | null | false> | Found | undefined | null | false,
): Promise<Found> {
  const startedAtMs = performance.now();
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found;
    if (performance.now() - startedAtMs > deadlineMs) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}
