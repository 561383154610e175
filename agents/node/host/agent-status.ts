// What an agent and the commands at its machine say to each other.
import type { PodSummary } from "../agent-summary.ts";
import { isFields, parseJson } from "../connection/protocol.ts";
import type { HoldView } from "../hold.ts";

export type AgentStatus = {
  readonly node: string;
  readonly server: string;
  readonly runtime: string;
  readonly version: string;
  readonly pid: number;
  readonly runningForMs: number;
  readonly connection: {
    readonly state: "connecting" | "connected" | "refused" | "waiting" | "unreachable";
    readonly message: string;
    readonly forMs: number;
  };
  /** The control plane has answered since the agent started. */
  readonly isSynced: boolean;
  /** False once the control plane has said that there is no such node. */
  readonly isRegistered: boolean;
  readonly revision: number;
  readonly pods: readonly PodSummary[];
  readonly hold?: HoldView;
  readonly disks: readonly {
    readonly directory: string;
    readonly totalBytes: number;
    readonly usedBytes: number;
    readonly freeBytes: number;
  }[];
};

export type HoldRequest = { readonly reason: string; readonly forMs: number } | { readonly release: true };

const longestReason = 256;

/** Null for what asks for nothing. */
export function readHoldRequest(body: unknown): HoldRequest | null {
  if (!isFields(body)) return null;
  if (body["release"] === true) return { release: true };
  const { reason, forMs } = body;
  if (typeof reason !== "string" || reason === "" || typeof forMs !== "number" || !(forMs > 0)) return null;
  return { reason: reason.slice(0, longestReason), forMs };
}

/** Null for a text that is none. The agent of another release may leave things out; what is shown is looked at here. */
export function readStatus(text: string): AgentStatus | null {
  const status = parseJson(text);
  if (!isFields(status) || !isFields(status["connection"])) return null;
  const isWhole = typeof status["node"] === "string" && Array.isArray(status["pods"]) && Array.isArray(status["disks"]);
  // Written by an agent of this release, or of one that says as much.
  return isWhole ? (status as unknown as AgentStatus) : null;
}
