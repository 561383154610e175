// Serves one session: finds what it is about, says why that cannot be, or connects and does it.
// Source of refusals: kubelet pkg/server, kubelet_pods.go.
import type { SessionRefusal } from "../../../src/sync/messages.ts";
import { paths } from "../connection/protocol.ts";
import { labels } from "../pod/labels.ts";
import { serveCommand } from "./command.ts";
import { Line } from "./line.ts";
import { logTarget } from "./log/log-target.ts";
import { serveLog } from "./log/serve-log.ts";
import { servePorts } from "./ports/serve-ports.ts";
import type { OfferedSession, SessionParts } from "./sessions.ts";

const refusalTimeoutMs = 15_000;

export type Serving = { readonly signal: AbortSignal; readonly isOneTooMany: boolean };

/** What is done once the person is connected. */
type Work = (line: Line) => Promise<void>;
type Decided = { readonly ok: true; readonly work: Work } | { readonly ok: false; readonly refusal: SessionRefusal };

export async function serveSession(session: OfferedSession, parts: SessionParts, serving: Serving): Promise<void> {
  const decided = serving.isOneTooMany
    ? refused(500, "this node has as many sessions open as it takes on")
    : await decide(session, parts).catch((error: unknown) => refused(500, String(error)));
  const path = `${paths.sessions}/${session.offer.id}`;
  const credential = await parts.credentials.get();
  if (!credential.ok || serving.signal.aborted) return;
  if (!decided.ok) {
    const body = JSON.stringify(decided.refusal);
    await parts.client.post({ path, bearer: credential.credential, body, timeoutMs: refusalTimeoutMs });
    return;
  }
  const line = await Line.open(parts.client, { path, bearer: credential.credential, signal: serving.signal });
  // Nobody waits any more, or somebody only wanted to know.
  if (line === null) return;
  await decided.work(line).finally(() => line.end());
}

function refused(code: SessionRefusal["code"], message: string): Decided {
  return { ok: false, refusal: { code, message: message.slice(0, 1024) } };
}

async function decide({ offer, pod, status }: OfferedSession, parts: SessionParts): Promise<Decided> {
  const { container, wish } = offer;
  const { runtime, logs } = parts;
  if (pod === undefined) return refused(404, "pod does not exist");
  switch (wish.kind) {
    case "log": {
      const target = await logTarget({ pod, status, container, previous: wish.previous }, runtime);
      if (!target.ok) return refused(400, target.message);
      return { ok: true, work: (line) => serveLog(line, wish, { target: target.value, logs, runtime }) };
    }
    case "exec":
    case "attach": {
      const running = await runningContainer(pod.uid, container, parts);
      if (running === null) return refused(500, `container not found (${JSON.stringify(container)})`);
      return { ok: true, work: (line) => serveCommand(line, wish, { streams: runtime.streams, containerId: running }) };
    }
    case "portforward": {
      const sandboxes = await runtime.listPodSandboxes({ podUid: pod.uid });
      const sandbox = sandboxes.find(({ state }) => state === "ready");
      if (sandbox === undefined) return refused(404, "pod does not exist");
      return { ok: true, work: (line) => servePorts(line, wish, { streams: runtime.streams, sandboxId: sandbox.id }) };
    }
    default:
      wish satisfies never;
      return refused(400, "this node's agent is too old for such a session");
  }
}

async function runningContainer(podUid: string, name: string, { runtime }: SessionParts): Promise<string | null> {
  const containers = await runtime.listContainers({ podUid });
  const found = containers.find(
    (one) => one.state === "running" && (one.labels[labels.containerName] ?? one.metadata.name) === name,
  );
  return found?.id ?? null;
}
