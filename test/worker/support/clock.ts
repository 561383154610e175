// The clock of the control plane, moved by hand. Timers run on.
import { vi } from "vitest";

/** Stops the clock where it is. */
export function stopClock(): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
}

export function passSeconds(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}
