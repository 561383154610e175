// A user's client of the Kubernetes API, over a network that loses requests and answers.
import type { Actor } from "../engine/actor.ts";
import type { Crossings } from "../engine/crossing.ts";
import { SimRequest, type SimResponse } from "../platform/http.ts";
import type { WorkerHost } from "../platform/worker.ts";

export type ClientOptions = {
  readonly crossings: Crossings;
  readonly worker: WorkerHost;
  readonly actor: Actor;
  readonly token: string;
};

export type ApiRequest = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
};

/** An object of the API as JSON. */
export type Json = Readonly<Record<string, unknown>>;

export type ApiAnswer =
  | { readonly outcome: "answered"; readonly status: number; readonly body: Json }
  /** Nobody can say whether it was done. */
  | { readonly outcome: "unknown" };

const latencyMs = [2, 40] as const;

export class ApiClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get actor(): Actor {
    return this.#options.actor;
  }

  async request(request: ApiRequest): Promise<ApiAnswer> {
    try {
      const { status, text } = await this.#send(request);
      return { outcome: "answered", status, body: jsonOf(text) };
    } catch {
      return { outcome: "unknown" };
    }
  }

  #send({ method, path, body, contentType = "application/json" }: ApiRequest) {
    const { crossings, worker, actor, token } = this.#options;
    const text = body === undefined ? null : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${token}`,
      accept: "application/json",
      ...(text === null ? {} : { "content-type": contentType, "content-length": String(text.length) }),
    };
    return crossings.call<{ readonly status: number; readonly text: string }>({
      port: "user.request",
      caller: actor,
      allows: ["before", "lost", "delay"],
      latencyMs,
      longestDelayMs: 15_000,
      lost: () => new Error("the connection was lost"),
      perform: (settle) => {
        const request = new SimRequest(`https://control-plane.sim${path}`, { method, headers, body: text });
        worker.handle(request, (outcome) => {
          if (!outcome.ok) return settle(outcome);
          const { status } = outcome.value;
          outcome.value.text().then(
            (answer) => settle({ ok: true, value: { status, text: answer } }),
            (error: unknown) => settle({ ok: false, error }),
          );
        });
      },
    });
  }

  /** The answer of a watch, to be read as it comes. Rejects when the request is lost. */
  open(path: string): Promise<SimResponse> {
    const { crossings, worker, actor, token } = this.#options;
    return crossings.call<SimResponse>({
      port: "user.watch",
      caller: actor,
      allows: ["before", "lost", "delay"],
      latencyMs,
      lost: () => new Error("the connection was lost"),
      perform: (settle) => {
        const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
        worker.handle(new SimRequest(`https://control-plane.sim${path}`, { headers }), settle);
      },
    });
  }
}

function jsonOf(text: string): Json {
  try {
    // The API answers with objects.
    return JSON.parse(text) as Json;
  } catch {
    return { text };
  }
}
