// Tells systemd that the agent is alive, if systemd wants to know. Source: sd_notify(3), systemd-notify(1).
import { spawn } from "node:child_process";

import type { Clock } from "../ports.ts";

/** Thrice within the time after which the agent is taken for dead; the answer ends it. */
export function startWatchdog({ setTimer }: Pick<Clock, "setTimer">): () => void {
  const microseconds = Number(process.env["WATCHDOG_USEC"]);
  if (!(microseconds > 0)) return () => {};
  let cancel = () => {};
  const beat = () => {
    // Node has no datagram sockets of the kind that systemd listens to.
    const child = spawn("systemd-notify", ["WATCHDOG=1"], { stdio: "ignore" });
    child.on("error", () => {});
    cancel = setTimer(microseconds / 3000, beat);
  };
  beat();
  return () => cancel();
}
