// What the agent may do on this host, and what the host can do for pods.
import { readFileSync } from "node:fs";

import type { HostAbilities } from "../pod/refusal.ts";

export function hostAbilities(): HostAbilities {
  return { isRoot: process.getuid?.() === 0, hasAppArmor: isAppArmorEnabled() };
}

function isAppArmorEnabled(): boolean {
  try {
    return readFileSync("/sys/module/apparmor/parameters/enabled", "utf8").startsWith("Y");
  } catch {
    return false;
  }
}
