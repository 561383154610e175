// The clock, the dice and the log of a real process.
import type { Clock, Log, Random } from "../ports.ts";

// The longest delay that Node's timers know; longer ones would fire at once.
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (delayMs, run) => {
    const timer = setTimeout(run, Math.min(delayMs, longestTimerMs));
    return () => clearTimeout(timer);
  },
};

export const systemRandom: Random = { next: () => Math.random() };

/** One line of JSON per message. */
export function lineLog(write: (line: string) => void, nowMs: () => number): Log {
  const line = (level: string, msg: string, fields: Readonly<Record<string, unknown>> = {}) =>
    write(`${JSON.stringify({ time: new Date(nowMs()).toISOString(), level, msg, ...fields })}\n`);
  return {
    info: (message, fields) => line("info", message, fields),
    warn: (message, fields) => line("warn", message, fields),
  };
}
