// Connects to a port as seen from within a pod, services that listen on its loopback alone included.
import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { Duplex } from "node:stream";

import type { Failure, Result } from "../runtime.ts";
import { fail, ok } from "../runtime.ts";
import type { InspectedContainer } from "./engine-types.ts";
import { addressOf } from "./engine-types.ts";

/**
 * Runs for a moment in the pod's network, as the same Node that runs the agent, and hands its connection over: a socket
 * stays in the network that it was made in.
 */
const helper = `
const socket = require("node:net").connect({ host: "localhost", port: Number(process.argv[1]), allowHalfOpen: true });
socket.pause();
socket.on("connect", () => process.send("connected", socket, { keepOpen: false }, () => process.disconnect()));
socket.on("error", (error) => process.send(error.errors?.[0]?.message ?? error.message, () => process.disconnect()));
`;

const dialTimeoutMs = 10_000;

export async function dialInPod(sandbox: InspectedContainer, port: number): Promise<Result<Duplex>> {
  if (sandbox.HostConfig.NetworkMode === "host") return dial("127.0.0.1", port);
  const inside = await dialInNetworkOf(sandbox.State.Pid, port);
  if (inside !== null) return inside;
  // Without the right to enter the pod's network there is still its address.
  const address = addressOf(sandbox);
  if (address === undefined) return fail("failed", "the pod has no address, and its network cannot be entered");
  return dial(address, port);
}

/** Null when the network cannot be entered. */
function dialInNetworkOf(pid: number, port: number): Promise<Result<Duplex> | null> {
  return new Promise((resolve) => {
    const child = spawn("nsenter", ["-t", String(pid), "-n", process.execPath, "-e", helper, String(port)], {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), dialTimeoutMs);
    child.on("message", (message, handle) => {
      if (message === "connected" && handle !== undefined) resolve(ok(guarded(asSocket(handle))));
      else resolve(failedTo(`localhost:${port} inside the pod`, String(message)));
    });
    child.on("error", () => resolve(null));
    child.on("exit", (code) => {
      clearTimeout(timer);
      if (code === null) resolve(fail("timeout", `localhost:${port} inside the pod does not answer`));
      else setImmediate(() => resolve(null));
    });
  });
}

/** What the helper sends is the socket that it has connected. */
function asSocket(handle: unknown): Socket {
  return handle as Socket;
}

function failedTo(target: string, problem: string): Failure {
  const why = /ECONNREFUSED/.test(problem) ? "connection refused" : problem;
  return fail("failed", `failed to connect to ${target}: ${why}`);
}

/** One that breaks when nobody uses it any more must not end the agent. */
function guarded(socket: Socket): Socket {
  socket.on("error", () => {});
  return socket;
}

function dial(host: string, port: number): Promise<Result<Duplex>> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    socket.setTimeout(dialTimeoutMs, () => socket.destroy(new Error(`${host}:${port} does not answer`)));
    socket.once("connect", () => {
      socket.setTimeout(0);
      resolve(ok(guarded(socket)));
    });
    socket.once("error", (error) => resolve(failedTo(`${host}:${port}`, error.message)));
  });
}
