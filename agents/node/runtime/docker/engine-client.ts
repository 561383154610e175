// Asks a Docker Engine, or a Podman service, which speaks the same API.
// Source: docs.docker.com/reference/api/engine (versions 1.41 to 1.51).
import type { IncomingMessage, RequestOptions } from "node:http";
import { Agent, request } from "node:http";
import type { Duplex } from "node:stream";

import type { EngineVersion } from "./engine-types.ts";

/** Where an engine listens. */
export type EngineAddress = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** The engine said no. */
class EngineError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export type Question = {
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, or as it is when it is bytes. */
  readonly content?: unknown;
  /** How long the engine may be silent; 0: for ever. */
  readonly timeoutMs?: number;
};

/** The newest that this client was tried with. */
const newestApi = "1.51";
const libpodApi = "4.0.0";
/** Docker may take its time on slow disks. The kubelet waits as long. */
const silenceMs = 120_000;
const mostSockets = 16;

export class EngineClient {
  readonly #address: EngineAddress;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: mostSockets });
  /** Of streams, of which each running container's log is one: no number of them may keep questions from being asked. */
  readonly #fresh = new Agent({ keepAlive: false });
  #prefix: string | undefined;

  constructor(address: EngineAddress) {
    this.#address = address;
  }

  /** Asks which versions are spoken. Throws when none is common. */
  async negotiate(): Promise<EngineVersion> {
    const version = await this.#json<EngineVersion>("GET", "/version", {});
    const common = olderOf(version.ApiVersion, newestApi);
    if (olderOf(common, version.MinAPIVersion ?? common) !== (version.MinAPIVersion ?? common)) {
      const least = version.MinAPIVersion;
      throw new Error(`the engine speaks API ${least} or newer, and this agent at most ${newestApi}`);
    }
    this.#prefix = `/v${common}`;
    return version;
  }

  get<T>(path: string, question: Question = {}): Promise<T> {
    return this.ask<T>("GET", path, question);
  }

  /** What only Podman has, in words of its own. */
  getLibpod<T>(path: string): Promise<T> {
    return this.#json<T>("GET", `/v${libpodApi}/libpod${path}`, {});
  }

  post<T = unknown>(path: string, question: Question = {}): Promise<T> {
    return this.ask<T>("POST", path, question);
  }

  async ask<T>(method: string, path: string, question: Question = {}): Promise<T> {
    return this.#json<T>(method, await this.#versioned(path), question);
  }

  /** The answer as it comes. Whoever asked must read it or destroy it. */
  async stream(method: string, path: string, question: Question = {}): Promise<IncomingMessage> {
    return this.#ask(method, await this.#versioned(path), question, this.#fresh);
  }

  /** Takes the connection over: what is written goes to the command, what it says comes back. */
  async hijack(path: string, question: Question = {}): Promise<Duplex> {
    const versioned = await this.#versioned(path);
    return new Promise((resolve, reject) => {
      const headers = { ...question.headers, connection: "Upgrade", upgrade: "tcp" };
      const { sent, options } = this.#request("POST", versioned, { ...question, headers });
      const asked = request({ ...options, agent: false });
      asked.on("upgrade", (_response, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        // Whoever uses it hears of its end; one that nobody uses any more must not end the agent.
        socket.on("error", () => {});
        resolve(socket);
      });
      asked.on("response", (response) => {
        readProblem(response).then(reject, reject);
      });
      asked.on("error", reject);
      asked.end(sent);
    });
  }

  close(): void {
    this.#agent.destroy();
    this.#fresh.destroy();
  }

  async #versioned(path: string): Promise<string> {
    if (this.#prefix === undefined) await this.negotiate();
    return `${this.#prefix}${path}`;
  }

  async #json<T>(method: string, path: string, question: Question): Promise<T> {
    const text = await readText(await this.#ask(method, path, question, this.#agent));
    // Engines answer nothing, or what their API says; the callers' types name the part of it that is used.
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  async #ask(method: string, path: string, question: Question, agent: Agent): Promise<IncomingMessage> {
    const { sent, options } = this.#request(method, path, question);
    const asked = request({ ...options, agent });
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        asked.on("response", resolve);
        asked.on("error", reject);
        asked.on("timeout", () => asked.destroy(new Error(`the engine did not answer ${method} ${path}`)));
        asked.end(sent);
      });
      if ((response.statusCode ?? 500) < 400) return response;
      throw await readProblem(response);
    } catch (error) {
      // The engine had closed the connection, as one that was started anew has.
      const isStale = asked.reusedSocket && isCode(error, "ECONNRESET", "EPIPE");
      if (isStale) return this.#ask(method, path, question, this.#fresh);
      throw error;
    }
  }

  #request(method: string, path: string, { query, headers, content, timeoutMs = silenceMs }: Question) {
    const isBytes = Buffer.isBuffer(content);
    const sent = content === undefined || isBytes ? content : JSON.stringify(content);
    const search = query === undefined ? "" : `?${new URLSearchParams(query)}`;
    const options: RequestOptions = {
      ...this.#address,
      method,
      path: path + search,
      headers: {
        host: "engine",
        ...(sent === undefined ? {} : { "content-type": isBytes ? "application/x-tar" : "application/json" }),
        ...(sent === undefined ? {} : { "content-length": Buffer.byteLength(sent) }),
        ...headers,
      },
      ...(timeoutMs === 0 ? {} : { timeout: timeoutMs }),
    };
    return { sent, options };
  }
}

function olderOf(a: string, b: string): string {
  const [majorA = 0, minorA = 0] = a.split(".").map(Number);
  const [majorB = 0, minorB = 0] = b.split(".").map(Number);
  return majorA < majorB || (majorA === majorB && minorA <= minorB) ? a : b;
}

async function readText(response: IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += chunk;
  return text;
}

async function readProblem(response: IncomingMessage): Promise<EngineError> {
  const text = await readText(response);
  return new EngineError(response.statusCode ?? 500, messageIn(text) ?? text.trim());
}

function messageIn(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text);
    return typeof message === "string" ? message : undefined;
  } catch {
    return undefined;
  }
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

export function isStatus(error: unknown, ...statuses: readonly number[]): boolean {
  return error instanceof EngineError && statuses.includes(error.status);
}

export function problemText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
