// A server on the node, outside all pods, which probes and hooks that name a host ask: what it was asked it remembers.
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { generate } from "selfsigned";

export type Question = {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly isSecure: boolean;
  readonly atMs: number;
};

/** The status code to answer with, and how long to take; `count` includes this question. */
type Answer = { readonly status: number; readonly afterMs?: number; readonly location?: string };
type Respond = (count: number) => Answer;

/** Goes with the process: nothing waits for it. */
export class Listener {
  readonly questions: Question[] = [];
  #respond: Respond;
  #ports = { plain: 0, secure: 0 };

  constructor(respond: Respond = () => ({ status: 200 })) {
    this.#respond = respond;
  }

  async start(): Promise<{ readonly plain: number; readonly secure: number }> {
    const { private: key, cert } = await generate([{ name: "commonName", value: "nobody.example" }], { keySize: 2048 });
    const plain = createServer((request, response) => this.#answer(request, response, false));
    const secure = createSecureServer({ key, cert }, (request, response) => this.#answer(request, response, true));
    this.#ports = { plain: await portOf(plain), secure: await portOf(secure) };
    return this.#ports;
  }

  /** From now on. */
  respond(respond: Respond): void {
    this.#respond = respond;
  }

  #answer({ url = "", headers }: IncomingMessage, response: ServerResponse, isSecure: boolean): void {
    this.questions.push({ path: url, headers, isSecure, atMs: Date.now() });
    const { status, afterMs = 0, location } = this.#respond(this.questions.length);
    const end = () => {
      response.writeHead(status, location === undefined ? {} : { location });
      response.end("heard\n");
    };
    setTimeout(end, afterMs).unref();
  }
}

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : 0;
}
