// HTTPS on the port people know: ends TLS and passes the bytes on to the control plane's own socket.
import net from "node:net";
import tls from "node:tls";

import type { Certificates } from "./certificates.ts";
import { UserError } from "./options.ts";

export type TlsFront = {
  /** Where to pass connections on to; until it is set they are turned away. */
  target(port: number): void;
  close(): Promise<void>;
};

/** Listens on 127.0.0.1. Throws UserError when the port is taken. */
export async function listenTls(port: number, { certificate, key }: Certificates): Promise<TlsFront> {
  let targetPort: number | null = null;
  const open = new Set<net.Socket>();
  const server = tls.createServer({ cert: certificate, key, ALPNProtocols: ["http/1.1"] }, (client) => {
    if (targetPort === null) return client.destroy();
    splice(client, net.connect(targetPort, "127.0.0.1"), open);
    return undefined;
  });
  // A client that does not like the certificate hangs up; that is no trouble of ours.
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE") throw new UserError(`port ${port} is taken; choose another one with --port`);
    if (error.code === "EACCES")
      throw new UserError(`port ${port} may not be used by this user; choose one above 1023 with --port`);
    throw error;
  });
  return {
    target: (given) => {
      targetPort = given;
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function splice(client: net.Socket, upstream: net.Socket, open: Set<net.Socket>): void {
  for (const socket of [client, upstream]) {
    open.add(socket);
    socket.setNoDelay(true);
    socket.on("close", () => open.delete(socket));
  }
  client.on("error", () => upstream.destroy());
  upstream.on("error", () => client.destroy());
  client.on("close", () => upstream.destroy());
  upstream.on("close", () => client.destroy());
  client.pipe(upstream);
  upstream.pipe(client);
}
