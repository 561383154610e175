// What the query of an exec, an attachment or a port forwarding asks for, and how its bytes are to travel.
// Source: k8s.io/api core/v1 PodExecOptions, PodAttachOptions, PodPortForwardOptions; kubelet pkg/server/remotecommand.
import { ApiError } from "../../model/api-error.ts";
import type { SessionWish } from "../../sync/messages.ts";
import { booleanParameter } from "../parameters.ts";

export type StreamKind = "exec" | "attach" | "portforward";

type StreamWish = Exclude<SessionWish, { kind: "log" }>;

/** Of WebSockets, in the order in which they are liked. */
const commandProtocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
const tunnel = "SPDY/3.1+portforward.k8s.io";

/** Null: the client offers none that is spoken here. */
export function protocolFor(kind: StreamKind, offered: string | null): string | null {
  const names = (offered ?? "").split(",").map((name) => name.trim());
  const spoken = kind === "portforward" ? [tunnel, ...commandProtocols] : commandProtocols;
  return spoken.find((name) => names.includes(name)) ?? null;
}

/** Throws BadRequest. */
export function streamWish(kind: StreamKind, query: URLSearchParams, protocol: string | null): StreamWish {
  if (kind === "portforward") {
    const framing = protocol === null || protocol === tunnel ? "spdy" : "channels";
    return { kind, framing, ports: framing === "spdy" ? [] : portsOf(query) };
  }
  const isAsked = (name: string) => booleanParameter(query, name) ?? false;
  const [stdin, stdout, stderr, tty] = [isAsked("stdin"), isAsked("stdout"), isAsked("stderr"), isAsked("tty")];
  if (!stdin && !stdout && !stderr) {
    throw new ApiError("BadRequest", "you must specify at least 1 of stdin, stdout, stderr");
  }
  // A terminal has one output.
  const streams = { stdin, stdout, stderr: stderr && !tty, tty };
  if (kind === "attach") return { kind, ...streams };
  const command = query.getAll("command");
  if (command.length === 0) throw new ApiError("BadRequest", "you must specify a command");
  return { kind, command, ...streams };
}

function portsOf(query: URLSearchParams): number[] {
  const ports = query.getAll("ports").flatMap((given) => given.split(","));
  if (ports.length === 0) throw new ApiError("BadRequest", 'query parameter "port" is required');
  return ports.map((given) => {
    const port = Number(given);
    if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
    throw new ApiError("BadRequest", `unable to parse "${given}" as a port`);
  });
}
