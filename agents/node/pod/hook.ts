// What is run right after a container starts and before it is stopped.
// Source: kubelet lifecycle handlers.
import type { Container } from "../../../src/model/container.ts";
import type { LifecycleHandler } from "../../../src/model/probe.ts";
import type { Clock, HttpGet, Network } from "../ports.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { PodSurroundings } from "./environment.ts";
import { portNumber } from "./port.ts";

/** A handler with everything looked up, so that it can be run when the pod's template is gone. */
export type Hook =
  | { readonly exec: readonly string[] }
  | { readonly httpGet: Omit<HttpGet, "timeoutMs" | "containerId"> }
  | { readonly sleepSeconds: number }
  /** It fails, always. */
  | { readonly problem: string };

/** Null where there is nothing to run. */
export function hookOf(handler: LifecycleHandler | undefined, container: Container, pod: PodSurroundings): Hook | null {
  if (handler?.exec !== undefined) return { exec: handler.exec.command ?? [] };
  if (handler?.sleep !== undefined) return { sleepSeconds: handler.sleep.seconds };
  // The API takes it, and a kubelet fails it too.
  if (handler?.tcpSocket !== undefined) return { problem: "tcpSocket: a connection is no hook that can be run" };
  if (handler?.httpGet === undefined) return null;
  const { scheme, host, port, path, httpHeaders } = handler.httpGet;
  return {
    httpGet: {
      scheme: scheme === "HTTPS" ? "HTTPS" : "HTTP",
      host: host ?? pod.podIp,
      port: portNumber(port, container) ?? 80,
      path,
      headers: httpHeaders ?? [],
    },
  };
}

/** What is written on the container, to be read when it is stopped; null where there is nothing to run. */
export function preStopText(container: Container, pod: PodSurroundings): string | null {
  const hook = hookOf(container.lifecycle?.preStop, container, pod);
  return hook === null ? null : JSON.stringify(hook);
}

/** Null when the text is none of ours. */
export function readHook(text: string): Hook | null {
  try {
    const hook: unknown = JSON.parse(text);
    if (typeof hook !== "object" || hook === null) return null;
    // Written by `preStopText` on a container of our own.
    return ["exec", "httpGet", "sleepSeconds", "problem"].some((kind) => kind in hook) ? (hook as Hook) : null;
  } catch {
    return null;
  }
}

export type HookPorts = { readonly runtime: Runtime; readonly network: Network; readonly clock: Clock };

/** Runs the hook; null when it went well, else what went wrong. It takes no longer than `timeoutSeconds`. */
export async function runHook(
  hook: Hook,
  target: { readonly containerId: string; readonly timeoutSeconds: number },
  { runtime, network, clock }: HookPorts,
): Promise<string | null> {
  const { containerId, timeoutSeconds } = target;
  if ("problem" in hook) return hook.problem;
  if ("sleepSeconds" in hook) {
    const delayMs = Math.min(hook.sleepSeconds, timeoutSeconds) * 1000;
    await new Promise<void>((resolve) => clock.setTimer(delayMs, resolve));
    return null;
  }
  if ("exec" in hook) {
    const result = await runtime.execSync(containerId, hook.exec, timeoutSeconds);
    if (!result.ok) return result.message;
    const { exitCode, stdout, stderr } = result.value;
    if (exitCode === 0) return null;
    const problem = `command '${hook.exec.join(" ")}' exited with ${exitCode}: ${stderr}`;
    return `${problem}, message: ${JSON.stringify(`${stdout}${stderr}`)}`;
  }
  const answer = await network.httpGet({ ...hook.httpGet, timeoutMs: timeoutSeconds * 1000, containerId });
  return answer.ok ? null : answer.message;
}

/** What its event says: what a hook prints may be secret, and more people read events than statuses. */
export function hookFailure(which: "PostStart" | "PreStop", hook: Hook): string {
  return `${which}Hook failed${"problem" in hook ? `: ${hook.problem}` : ""}`;
}

type Whose = { readonly container: string; readonly pod: string };

/** Why the container waits whose hook had this problem. */
export function hookProblemText(hook: Hook, { container, pod }: Whose, problem: string): string {
  if ("problem" in hook) return `Cannot run handler: ${problem}`;
  const whose = `for Container ${JSON.stringify(container)} in Pod ${JSON.stringify(pod)} failed - error: ${problem}`;
  if ("exec" in hook) return `Exec lifecycle hook ([${hook.exec.join(" ")}]) ${whose}`;
  if ("httpGet" in hook) return `HTTP lifecycle hook (${hook.httpGet.path}) ${whose}`;
  return `Sleep lifecycle hook (${hook.sleepSeconds}) ${whose}`;
}
