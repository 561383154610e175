// Points in time between the two forms they have: milliseconds inside, RFC 3339 outside.

/** Whole seconds, as metav1.Time writes it. */
export function goTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Microseconds, as metav1.MicroTime writes it. */
export function goMicroTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}

/** Milliseconds since 1970; null for absent and unreadable texts. */
export function parseTimeMs(time: string | null | undefined): number | null {
  const ms = typeof time === "string" ? Date.parse(time) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}
