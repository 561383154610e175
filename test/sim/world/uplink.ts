// A machine's way to the control plane: requests and sockets, over a network that may let nothing up, nothing down, or
// neither.
import type { HttpResult, Post } from "../../../agents/node/connection/http-client.ts";
import type { Actor } from "../engine/actor.ts";
import type { Crossings } from "../engine/crossing.ts";
import type { Faults } from "../engine/faults.ts";
import type { Kernel } from "../engine/kernel.ts";
import { fateOfMessage } from "../engine/sending.ts";
import { AgentSocket } from "../platform/agent-socket.ts";
import type { SimResponse } from "../platform/http.ts";
import { SimRequest } from "../platform/http.ts";
import type { SocketEnd } from "../platform/web-socket.ts";
import type { WorkerHost } from "../platform/worker.ts";

export type UplinkOptions = {
  readonly kernel: Kernel;
  readonly crossings: Crossings;
  readonly faults: Faults;
  readonly worker: WorkerHost;
  readonly node: string;
  readonly latencyMs: readonly [number, number];
  /** Is shown every message that leaves the machine and every one that reaches it. */
  readonly tap: Tap;
};

export type Tap = {
  sent(text: string): void;
  received(text: string): void;
};

type Opening = { readonly actor: Actor; readonly socket: AgentSocket };

export class Uplink {
  readonly #options: UplinkOptions;
  readonly #sockets = new Set<SocketEnd>();
  #isUpBlocked = false;
  #isDownBlocked = false;

  constructor(options: UplinkOptions) {
    this.#options = options;
  }

  get isBlocked(): boolean {
    return this.#isUpBlocked || this.#isDownBlocked;
  }

  /** What is underway on sockets waits; requests are lost. */
  block({ up, down }: { readonly up: boolean; readonly down: boolean }): void {
    this.#isUpBlocked = up;
    this.#isDownBlocked = down;
    for (const end of this.#sockets) this.#blockSocket(end);
  }

  #blockSocket(end: SocketEnd): void {
    end.blockOutgoing(this.#isUpBlocked);
    end.blockIncoming(this.#isDownBlocked);
  }

  /** Every line breaks. */
  cut(): void {
    for (const end of this.#sockets) end.break();
  }

  /** The process is gone; whether anybody hears of it is up to the network. */
  hangUp(): void {
    for (const end of this.#sockets) {
      if (this.isBlocked) end.forget();
      else end.vanish();
    }
    this.#sockets.clear();
  }

  /** What the agent takes for its HTTP client. */
  client(actor: Actor) {
    return {
      server: new URL(`https://${this.#options.node}.sim`),
      ca: undefined,
      url: (path: string) => new URL(path, `https://${this.#options.node}.sim`),
      post: (post: Post) => this.#post(actor, post),
      close: () => {},
    };
  }

  #post(actor: Actor, { path, bearer, body, timeoutMs }: Post): Promise<HttpResult> {
    const { kernel, crossings, worker, latencyMs, tap } = this.#options;
    const headers = {
      authorization: `Bearer ${bearer}`,
      "content-type": "application/json",
      "content-length": String(body.length),
    };
    tap.sent(body);
    return new Promise((resolve) => {
      const message = `no answer within ${timeoutMs / 1000} s`;
      kernel.schedule(timeoutMs, { actor, label: "" }, () => resolve({ ok: false, message }));
      const answered = crossings.call<HttpResult>({
        port: "agent.post",
        caller: actor,
        allows: ["crash-before", "before", "crash-after", "lost", "delay", "duplicate"],
        latencyMs,
        lost: () => new Error("socket hang up"),
        perform: (settle) => {
          if (this.#isUpBlocked) return;
          const request = new SimRequest(`https://control-plane.sim${path}`, { method: "POST", headers, body });
          worker.handle(request, (outcome) => {
            if (this.#isDownBlocked) return;
            if (!outcome.ok) return settle(outcome);
            void textOf(outcome.value).then((value) => settle({ ok: true, value }));
          });
        },
      });
      answered.then(
        (result) => {
          if (result.ok && result.status === 200) tap.received(result.body);
          resolve(result);
        },
        (error: unknown) => resolve({ ok: false, message: String(error) }),
      );
    });
  }

  /** What the agent takes for a socket of the ws package. */
  openSocket(actor: Actor, path: string, options: unknown): AgentSocket {
    const { kernel, crossings, worker, latencyMs, tap } = this.#options;
    const socket = new AgentSocket(actor, (text) => tap.received(text));
    // The agent passes what the ws package takes.
    const { headers, handshakeTimeout } = options as {
      readonly headers: Readonly<Record<string, string>>;
      readonly handshakeTimeout: number;
    };
    kernel.schedule(handshakeTimeout, { actor, label: "" }, () => socket.failed("Opening handshake has timed out"));
    const answered = crossings.call<SimResponse>({
      port: "agent.connect",
      caller: actor,
      allows: ["crash-before", "before", "crash-after", "lost", "delay"],
      latencyMs,
      lost: () => new Error("read ECONNRESET"),
      discard: ({ webSocket }) => webSocket?.vanish(),
      perform: (settle) => {
        if (this.#isUpBlocked) return;
        const url = `https://control-plane.sim${path}`;
        worker.handle(new SimRequest(url, { headers: { ...headers, upgrade: "websocket" } }), (outcome) => {
          if (this.#isDownBlocked || !actor.isAlive) {
            if (outcome.ok) outcome.value.webSocket?.vanish();
          } else settle(outcome);
        });
      },
    });
    answered.then(
      (response) => this.#connected({ actor, socket }, response),
      (error: unknown) => socket.failed(String(error)),
    );
    return socket;
  }

  #connected({ actor, socket }: Opening, { status, webSocket }: SimResponse): void {
    const { kernel, node } = this.#options;
    if (webSocket === null) {
      socket.answered(status);
      return;
    }
    kernel.note(`${node} has ${webSocket.name}`);
    this.#sockets.add(webSocket);
    webSocket.onClosed = () => this.#sockets.delete(webSocket);
    webSocket.onSend = (data) => {
      this.#options.tap.sent(data);
      return fateOfMessage(this.#options, actor);
    };
    this.#blockSocket(webSocket);
    socket.opened(webSocket);
  }
}

async function textOf(response: SimResponse): Promise<HttpResult> {
  return { ok: true, status: response.status, body: await response.text() };
}
