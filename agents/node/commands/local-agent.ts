// How the commands reach the agent of this machine.
import { request } from "node:http";
import { join } from "node:path";

import type { AgentStatus } from "../host/agent-status.ts";
import { readStatus } from "../host/agent-status.ts";
import { lockHolder } from "../host/lock.ts";

export type LocalAnswer =
  | { readonly ok: true; readonly status: AgentStatus }
  /** `isRunning` false: no agent listens there. */
  | { readonly ok: false; readonly isRunning: boolean; readonly message: string };

const timeoutMs = 10_000;

/**
 * That an agent is about which nobody can ask anything yet, as while its runtime is away; null: there is none. For when
 * none listens.
 */
export function startingAgent(stateDirectory: string): string | null {
  const pid = lockHolder(join(stateDirectory, "lock"));
  if (pid === null) return null;
  return `the agent (process ${pid}) has not got to its pods yet: it starts, or waits for its runtime, as its log tells`;
}

export function askAgent(stateDirectory: string, path: string, body?: unknown): Promise<LocalAnswer> {
  return new Promise((resolve) => {
    const asked = request({
      socketPath: controlSocket(stateDirectory),
      path,
      method: body === undefined ? "GET" : "POST",
      timeout: timeoutMs,
    });
    asked.on("timeout", () => asked.destroy(new Error("the agent does not answer")));
    asked.on("error", (error) => {
      const code = "code" in error ? error.code : "";
      const isRunning = code !== "ENOENT" && code !== "ECONNREFUSED";
      resolve({ ok: false, isRunning, message: error.message });
    });
    asked.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => {
        const status = response.statusCode === 200 ? readStatus(text) : null;
        resolve(status === null ? { ok: false, isRunning: true, message: text.trim() } : { ok: true, status });
      });
    });
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function controlSocket(stateDirectory: string): string {
  return join(stateDirectory, "agent.sock");
}
