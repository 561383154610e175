// How a probe is asked, and what a row of answers means.
// Source: kubelet prober/worker.go, prober/prober.go, pkg/probe.
import type { Container } from "../../../src/model/container.ts";
import type { Probe } from "../../../src/model/probe.ts";
import type { Network } from "../ports.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { portNumber } from "./port.ts";

export type ProbeKind = "liveness" | "readiness" | "startup";

/** `error`: the question could not be put, which says nothing about the container. */
export type ProbeAnswer = { readonly result: "success" | "failure" | "error"; readonly output: string };

/** A row of equal answers. */
export type ProbeRun = { readonly last: "success" | "failure" | null; readonly length: number };

export const noRun: ProbeRun = { last: null, length: 0 };

export function probeOf(container: Container, kind: ProbeKind): Probe | undefined {
  switch (kind) {
    case "liveness":
      return container.livenessProbe;
    case "readiness":
      return container.readinessProbe;
    case "startup":
      return container.startupProbe;
    default:
      return kind satisfies never;
  }
}

/** The row with one more answer, and the verdict if it is long enough for one; null: what held before holds. */
export function countAnswer(
  { successThreshold, failureThreshold }: Pick<Probe, "successThreshold" | "failureThreshold">,
  run: ProbeRun,
  result: "success" | "failure",
): { readonly run: ProbeRun; readonly verdict: boolean | null } {
  const length = run.last === result ? run.length + 1 : 1;
  const needed = result === "success" ? successThreshold : failureThreshold;
  return { run: { last: result, length }, verdict: length < needed ? null : result === "success" };
}

export type ProbeTarget = {
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
};

export type ProbePorts = { readonly runtime: Runtime; readonly network: Network };

/** Puts the probe's question once. */
export async function ask(probe: Probe, target: ProbeTarget, ports: ProbePorts): Promise<ProbeAnswer> {
  const timeoutMs = probe.timeoutSeconds * 1000;
  const { container, containerId, podIp } = target;
  if (probe.exec !== undefined) return askByCommand(probe.exec.command ?? [], probe.timeoutSeconds, target, ports);
  if (probe.httpGet !== undefined) return askByHttp(probe.httpGet, timeoutMs, target, ports);
  if (probe.tcpSocket !== undefined) {
    const port = portNumber(probe.tcpSocket.port, container);
    if (port === null) return { result: "error", output: `port ${probe.tcpSocket.port} not found` };
    const host = probe.tcpSocket.host ?? podIp;
    return networkAnswer(await ports.network.tcpConnect({ host, port, timeoutMs, containerId }));
  }
  if (probe.grpc !== undefined) {
    const { port, service } = probe.grpc;
    return networkAnswer(await ports.network.grpcHealth({ host: podIp, port, service, timeoutMs, containerId }));
  }
  return { result: "error", output: "missing probe handler" };
}

function networkAnswer(answer: { readonly ok: true } | { readonly ok: false; readonly message: string }): ProbeAnswer {
  return answer.ok ? { result: "success", output: "" } : { result: "failure", output: answer.message };
}

async function askByCommand(
  command: readonly string[],
  timeoutSeconds: number,
  { containerId }: ProbeTarget,
  { runtime }: ProbePorts,
): Promise<ProbeAnswer> {
  const answer = await runtime.execSync(containerId, command, timeoutSeconds);
  if (answer.ok) {
    const { exitCode, stdout, stderr } = answer.value;
    return { result: exitCode === 0 ? "success" : "failure", output: `${stdout}${stderr}` };
  }
  if (answer.reason !== "timeout") return { result: "error", output: answer.message };
  return { result: "failure", output: `command timed out: "${command.join(" ")}" timed out after ${timeoutSeconds}s` };
}

async function askByHttp(
  action: NonNullable<Probe["httpGet"]>,
  timeoutMs: number,
  { container, containerId, podIp }: ProbeTarget,
  { network }: ProbePorts,
): Promise<ProbeAnswer> {
  const port = portNumber(action.port, container);
  if (port === null) return { result: "error", output: `port ${action.port} not found` };
  const answer = await network.httpGet({
    scheme: action.scheme === "HTTPS" ? "HTTPS" : "HTTP",
    host: action.host ?? podIp,
    port,
    path: action.path,
    headers: action.httpHeaders ?? [],
    timeoutMs,
    containerId,
  });
  if (!answer.ok) return { result: "failure", output: answer.message };
  // A redirect to elsewhere is as far as the container's own health can be followed.
  const isWell = answer.leftHost || (answer.statusCode >= 200 && answer.statusCode < 400);
  if (isWell) return { result: "success", output: "" };
  return { result: "failure", output: `HTTP probe failed with statuscode: ${answer.statusCode}` };
}
