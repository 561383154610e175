// Ports that the agent listens on. What answers is loaded when somebody connects for the first time.
import type { Server, Socket } from "node:net";
import { createServer } from "node:net";

export type Connected = (socket: Socket) => void;

const mostConnections = 256;

export class Listener {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #load: () => Promise<Connected>;
  readonly #isWelcome: (socket: Socket) => boolean;
  #loading: Promise<Connected> | undefined;

  constructor(load: () => Promise<Connected>, isWelcome: (socket: Socket) => boolean = () => true) {
    this.#load = load;
    this.#isWelcome = isWelcome;
  }

  /** Resolves to the port, which is `port` unless that is 0. Throws when there is no listening there. */
  listen(host: string, port: number): Promise<number> {
    const server = createServer((socket) => this.#connected(socket));
    server.maxConnections = mostConnections;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port }, () => {
        server.off("error", reject);
        server.on("error", () => {});
        this.#servers.push(server);
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  #connected(socket: Socket): void {
    if (!this.#isWelcome(socket)) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    this.#loading ??= this.#load();
    this.#loading.then(
      (connected) => connected(socket),
      () => {
        this.#loading = undefined;
        socket.destroy();
      },
    );
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
