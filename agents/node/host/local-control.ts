// How somebody at the machine talks to its agent: requests to a socket in the state directory, which only its owner opens.
import { chmodSync, rmSync, statfsSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";

import type { Agent } from "../agent.ts";
import { parseJson } from "../connection/protocol.ts";
import type { Hold } from "../hold.ts";
import type { Clock, Log } from "../ports.ts";
import { kubeletVersion } from "../version.ts";
import type { AgentStatus } from "./agent-status.ts";
import { readHoldRequest } from "./agent-status.ts";

export type LocalControlParts = {
  readonly node: string;
  readonly server: string;
  readonly runtime: string;
  readonly directories: readonly string[];
  readonly agent: Agent;
  readonly hold: Hold;
  readonly clock: Clock;
  readonly log: Log;
};

const longestBodyBytes = 4096;

/** Opens the socket; the answer closes it. An agent without one does its work all the same. */
export function openLocalControl(path: string, parts: LocalControlParts): () => void {
  const startedAtMs = parts.clock.monotonicMs();
  const server = createServer((request, response) => void handle(request, response, parts, startedAtMs));
  server.on("error", (error) => parts.log.warn("nobody can ask this agent at the machine", { problem: String(error) }));
  // The lock says that no other agent uses it: it is left from one that was killed.
  rmSync(path, { force: true });
  server.listen(path, () => chmodSync(path, 0o600));
  server.unref();
  return () => {
    server.closeAllConnections();
    server.close();
    rmSync(path, { force: true });
  };
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  parts: LocalControlParts,
  startedAtMs: number,
): Promise<void> {
  const answer = (status: number, content: unknown) => {
    response.writeHead(status, { "content-type": "application/json", connection: "close" });
    response.end(`${JSON.stringify(content)}\n`);
  };
  try {
    switch (`${request.method} ${request.url}`) {
      case "GET /status":
        return answer(200, statusOf(parts, startedAtMs));
      case "POST /hold": {
        const asked = readHoldRequest(parseJson(await bodyOf(request)));
        if (asked === null) return answer(400, { error: "reason and forMs, or release" });
        if ("release" in asked) parts.hold.release();
        else parts.hold.begin(asked.reason, asked.forMs);
        parts.log.info("hold", asked);
        return answer(200, statusOf(parts, startedAtMs));
      }
      default:
        return answer(404, { error: "the agent knows nothing of that" });
    }
  } catch (error) {
    answer(500, { error: error instanceof Error ? error.message : String(error) });
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > longestBodyBytes) throw new Error("the request is too long");
  }
  return text;
}

function statusOf(parts: LocalControlParts, startedAtMs: number): AgentStatus {
  const { node, server, runtime, agent, hold, clock } = parts;
  const { isSynced, isRegistered, revision } = agent.summary();
  const { state, message, sinceMs } = agent.standing;
  const nowMs = clock.monotonicMs();
  const held = hold.current();
  return {
    node,
    server,
    runtime,
    version: kubeletVersion,
    pid: process.pid,
    runningForMs: Math.round(nowMs - startedAtMs),
    connection: { state, message, forMs: Math.round(nowMs - sinceMs) },
    isSynced,
    isRegistered,
    revision,
    pods: agent.pods(),
    ...(held === undefined ? {} : { hold: held }),
    disks: parts.directories.flatMap(diskOf),
  };
}

function diskOf(directory: string): AgentStatus["disks"] {
  try {
    const { blocks, bavail, bfree, bsize } = statfsSync(directory);
    return [{ directory, totalBytes: blocks * bsize, usedBytes: (blocks - bfree) * bsize, freeBytes: bavail * bsize }];
  } catch {
    return [];
  }
}
