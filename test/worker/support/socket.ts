// An agent's end of its socket.
import { exports } from "cloudflare:workers";

import { paths, SyncAnswer, type SyncRequest } from "../../../src/sync/messages.ts";
import { server } from "./api.ts";
import { until } from "./until.ts";

export class AgentSocket {
  /** What the control plane said, answers or not; taken out as they are waited for. */
  readonly answers: SyncAnswer[] = [];
  readonly texts: string[] = [];
  /** Null while the socket is open. */
  closedWith: number | null = null;
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#take(String(data)));
    socket.addEventListener("close", ({ code }) => {
      this.closedWith = code;
    });
    socket.accept();
  }

  /** Opens a socket; the status when it is refused. */
  static async open(token: string | null, headers: Record<string, string> = { upgrade: "websocket" }, query = "") {
    const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
    const response = await exports.default.fetch(`${server}${paths.socket}${query}`, {
      headers: { ...headers, ...authorization },
    });
    return response.webSocket === null ? response.status : new AgentSocket(response.webSocket);
  }

  /** Opens a socket that is let in. */
  static async opened(token: string, query = ""): Promise<AgentSocket> {
    const socket = await AgentSocket.open(token, undefined, query);
    if (typeof socket === "number") throw new Error(`the socket was refused: ${socket}`);
    return socket;
  }

  #take(text: string): void {
    if (text.startsWith("{")) this.answers.push(SyncAnswer.parse(JSON.parse(text)));
    else this.texts.push(text);
  }

  send(message: SyncRequest | string): void {
    this.#socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** The next thing the control plane says. */
  async next(): Promise<SyncAnswer> {
    return until("the control plane speaks", () => this.answers.shift());
  }

  async ask(message: SyncRequest): Promise<SyncAnswer> {
    this.send(message);
    return this.next();
  }

  async closed(): Promise<number> {
    return until("the socket is closed", () => this.closedWith ?? false);
  }

  close(): void {
    this.#socket.close(1000);
  }
}
