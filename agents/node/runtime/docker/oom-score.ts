// How low a container's OOM score may be set on this host.
import { readFileSync } from "node:fs";

const sysResource = 24n;

/**
 * The kernel lets only those lower a score who hold CAP_SYS_RESOURCE, which an engine inside a container or a small
 * virtual machine may lack; a container that asks for less than it can be given does not start at all. The agent's own
 * rights stand for the engine's where it is root as well.
 */
export function lowestOomScore(): number {
  try {
    const held = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
    const canLower = (BigInt(`0x${held}`) >> sysResource) & 1n;
    if (process.getuid?.() !== 0 || canLower === 1n) return -1000;
    return Number(readFileSync("/proc/self/oom_score_adj", "utf8"));
  } catch {
    return -1000;
  }
}
