// A TCP connection to a port of this host, by whichever of its loopback addresses answers.
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { Result } from "../runtime.ts";
import { fail, ok } from "../runtime.ts";

const timeoutMs = 30_000;

export async function connectLocally(port: number): Promise<Result<Socket>> {
  const first = await dial("127.0.0.1", port);
  if (first.ok) return first;
  const second = await dial("::1", port);
  return second.ok ? second : first;
}

function dial(host: string, port: number): Promise<Result<Socket>> {
  return new Promise((resolve) => {
    // Each side says for itself when it has said all.
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const failed = (why: string) => {
      socket.destroy();
      resolve(fail("failed", `dial tcp ${host}:${port}: ${why}`));
    };
    socket.setTimeout(timeoutMs, () => failed("i/o timeout"));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      failed(error.code === "ECONNREFUSED" ? "connect: connection refused" : error.message);
    });
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.removeAllListeners("error");
      socket.on("error", () => socket.destroy());
      resolve(ok(socket));
    });
  });
}
