// The way from the node's API to the control plane's. Requests go on as they came, with the token of whoever asked.
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

import type { Clock } from "../ports.ts";

export type UpstreamOptions = {
  readonly server: string;
  readonly ca: string | undefined;
  readonly clock: Clock;
  /** The agent itself gets no answers. */
  readonly isAway: () => boolean;
};

export type Forwarded = {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer | undefined;
  /** Whoever asks has to have an answer soon: a holder of a lease gives up after ten seconds, in client-go. */
  readonly isUrgent?: boolean;
};

/** `away`: nobody was reached, and nothing was changed. */
export type UpstreamAnswer = IncomingMessage | "away";

const maxSockets = 64;
const answerWithinMs = 15_000;
/** While the agent gets no answers either, and for whom it is urgent. */
const answerSoonMs = 3_000;
/** For so long after a failure nobody is made to wait for the next. */
const awayMs = 5_000;

/** Of the way, and not of the message. */
const hopHeaders = new Set([
  "connection",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // Copies are kept of what is read on the way.
  "accept-encoding",
]);

/** Of gateways before the control plane: it was not reached. */
const gatewayCodes = new Set([502, 504, 520, 521, 522, 523, 524, 525, 526, 530]);

export class Upstream {
  readonly #server: URL;
  readonly #options: UpstreamOptions;
  readonly #agent: HttpAgent | HttpsAgent;
  #awayUntilMs = 0;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#server = new URL(options.server);
    const agentOptions = { keepAlive: true, maxSockets, timeout: 0 };
    const { ca } = options;
    this.#agent =
      this.#server.protocol === "https:"
        ? new HttpsAgent({ ...agentOptions, ...(ca === undefined ? {} : { ca }) })
        : new HttpAgent(agentOptions);
  }

  /** Somebody else has been answered. */
  get isKnownAway(): boolean {
    return this.#options.clock.monotonicMs() < this.#awayUntilMs;
  }

  async ask(forwarded: Forwarded): Promise<UpstreamAnswer> {
    if (this.isKnownAway) return "away";
    const answer = await this.#attempt(forwarded);
    if (answer === "away") this.#awayUntilMs = this.#options.clock.monotonicMs() + awayMs;
    return answer;
  }

  #attempt({ method, path, headers, body, isUrgent = false }: Forwarded): Promise<UpstreamAnswer> {
    return new Promise((resolve) => {
      const url = new URL(`${this.#server.pathname.replace(/\/$/, "")}${path}`, this.#server);
      const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !hopHeaders.has(name)));
      const send = this.#server.protocol === "https:" ? httpsRequest : httpRequest;
      const length = body === undefined ? {} : { "content-length": body.length };
      const request: ClientRequest = send(url, { method, agent: this.#agent, headers: { ...kept, ...length } });
      const { clock, isAway } = this.#options;
      const cancelTimer = clock.setTimer(isUrgent || isAway() ? answerSoonMs : answerWithinMs, () => request.destroy());
      request.on("error", () => {
        cancelTimer();
        resolve("away");
      });
      request.on("response", (response) => {
        cancelTimer();
        if (!gatewayCodes.has(response.statusCode ?? 0)) return resolve(response);
        response.resume();
        resolve("away");
      });
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** What of an answer's headers goes on to whoever asked. */
export function answerHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopHeaders.has(name)));
}

/** Null: longer than `mostBytes`, or cut off. */
export async function textOf(response: IncomingMessage, mostBytes: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of response) {
      sizeBytes += chunk.length;
      if (sizeBytes > mostBytes) return null;
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return response.complete ? Buffer.concat(chunks).toString("utf8") : null;
}
