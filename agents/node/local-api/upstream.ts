// The way from the node's API to the control plane's. Requests go on as they came, with the token of whoever asked.
import type { Agent, IncomingHttpHeaders, IncomingMessage } from "node:http";

import type { HttpClient } from "../connection/http-client.ts";
import type { Clock } from "../ports.ts";

export type UpstreamOptions = {
  readonly client: HttpClient;
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
  readonly #options: UpstreamOptions;
  /** Watches hold their connections: the few of the agent itself are not for them. */
  readonly #agent: Agent;
  #awayUntilMs = 0;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#agent = options.client.newAgent({ maxSockets, timeout: 0 });
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
      const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !hopHeaders.has(name)));
      const length = body === undefined ? {} : { "content-length": body.length };
      const { client, clock, isAway } = this.#options;
      const request = client.request(path, { method, agent: this.#agent, headers: { ...kept, ...length } });
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
