// Where log collectors send what they have collected: lines over TCP, kept as they came.
import type { Server, Socket } from "node:net";
import { createServer } from "node:net";

export class LogServer {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly lines: string[] = [];

  private constructor() {
    this.#server = createServer((socket) => {
      this.#open.add(socket);
      socket.on("close", () => this.#open.delete(socket));
      socket.on("error", () => {});
      let rest = "";
      socket.setEncoding("utf8").on("data", (text) => {
        const lines = `${rest}${text}`.split("\n");
        rest = lines.pop() ?? "";
        this.lines.push(...lines);
      });
    });
  }

  /** Of a daemon that counts: the numbers of one node that have not come though higher ones have; null: none has. */
  missing(pod: string): readonly number[] | null {
    const numbers = new Set(
      this.lines.flatMap((line) => {
        const [, number, of] = / tick (\d+) on \S+ of (\S+)$/.exec(line) ?? [];
        return of === pod ? [Number(number)] : [];
      }),
    );
    if (numbers.size === 0) return null;
    return Array.from({ length: Math.max(...numbers) }, (_, index) => index).filter((number) => !numbers.has(number));
  }

  static async start(address: string): Promise<LogServer> {
    const server = new LogServer();
    await new Promise<void>((resolve) => server.#server.listen(0, address, resolve));
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return address === null || typeof address === "string" ? 0 : address.port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
