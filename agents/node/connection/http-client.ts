// Requests to the control plane: one host, one certificate store, few connections, bounded answers.
import type { AgentOptions, ClientRequest, RequestOptions } from "node:http";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { SecureContext } from "node:tls";
import { createSecureContext } from "node:tls";

export type HttpClientOptions = {
  /** `https://host[:port][/prefix]`, or `http://` where nothing is secret. */
  readonly server: string;
  /** PEM of the certificates to trust instead of the system's. */
  readonly ca?: string;
  readonly maxSockets: number;
};

export type HttpResult =
  | { readonly ok: true; readonly status: number; readonly body: string }
  | { readonly ok: false; readonly message: string };

/** `stale`: the connection was an old one, which the server had closed by the time it was used again. */
type Attempt = HttpResult | "stale";

export type Post = {
  readonly path: string;
  readonly bearer: string;
  readonly body: string;
  readonly timeoutMs: number;
};

/** An answer is the assignment of one node at most. */
export const longestAnswerBytes = 8 * 1024 * 1024;

export class HttpClient {
  readonly server: URL;
  /**
   * For whoever connects by other means. One context for all connections: each of its own takes 100 KB until the engine
   * collects, and a server that is away is tried often.
   */
  readonly tls: { readonly secureContext?: SecureContext };
  readonly #agent: HttpAgent | HttpsAgent;

  constructor({ server, ca, maxSockets }: HttpClientOptions) {
    this.server = new URL(server);
    this.tls = this.#isSecure ? { secureContext: createSecureContext({ ca }) } : {};
    this.#agent = this.newAgent({ maxSockets, scheduling: "lifo" });
  }

  get #isSecure(): boolean {
    return this.server.protocol === "https:";
  }

  /** For whoever has connections of their own. */
  newAgent(options: AgentOptions): HttpAgent | HttpsAgent {
    const kept = { ...options, keepAlive: true };
    return this.#isSecure ? new HttpsAgent({ ...kept, ...this.tls }) : new HttpAgent(kept);
  }

  /** Begins one, below the server's own path. */
  request(path: string, options: RequestOptions): ClientRequest {
    return (this.#isSecure ? httpsRequest : httpRequest)(this.url(path), { agent: this.#agent, ...options });
  }

  /** Below the server's own path. */
  url(path: string): URL {
    return new URL(`${this.server.pathname.replace(/\/$/, "")}${path}`, this.server);
  }

  /** Redirects are answers like any other: a credential goes to the server it is for. */
  async post(post: Post): Promise<HttpResult> {
    for (;;) {
      const attempt = await this.#attempt(post);
      if (attempt !== "stale") return attempt;
    }
  }

  #attempt({ path, bearer, body, timeoutMs }: Post): Promise<Attempt> {
    return new Promise((resolve) => {
      const request = this.request(path, {
        method: "POST",
        headers: {
          authorization: `Bearer ${bearer}`,
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
        },
      });
      const giveUp = (message: string) => {
        clearTimeout(timer);
        request.destroy();
        resolve({ ok: false, message });
      };
      const timer = setTimeout(() => giveUp(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
      request.on("error", (error) => {
        if (request.reusedSocket && !isAnswered && "code" in error && error.code === "ECONNRESET") {
          clearTimeout(timer);
          resolve("stale");
        } else giveUp(errorText(error));
      });
      let isAnswered = false;
      request.on("response", (response) => {
        isAnswered = true;
        const chunks: Buffer[] = [];
        let sizeBytes = 0;
        response.on("data", (chunk: Buffer) => {
          sizeBytes += chunk.length;
          if (sizeBytes > longestAnswerBytes) giveUp(`the answer is longer than ${longestAnswerBytes} bytes`);
          else chunks.push(chunk);
        });
        response.on("error", (error) => giveUp(errorText(error)));
        response.on("end", () => {
          clearTimeout(timer);
          resolve({ ok: true, status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") });
        });
      });
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Some errors of Node's have no message but a code. */
export function errorText(error: Error): string {
  if (error.message !== "") return error.message;
  return "code" in error ? String(error.code) : error.name;
}
