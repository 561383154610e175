// A small API server with a few objects, who may read them, lists, watches and events.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";

type Item = { readonly metadata: { readonly namespace: string; readonly name: string; resourceVersion?: string } };
type Watch = { readonly list: string; readonly response: ServerResponse };

export class KubeApi {
  readonly #objects = new Map<string, Map<string, Item>>();
  readonly #watches = new Set<Watch>();
  #server: Server | undefined;
  #port = 0;
  #version = 100;
  /** Requests that were let in, as METHOD path?query. */
  readonly asked: string[] = [];
  /** Takes what comes, and says nothing. */
  isSilent = false;
  /** In what form the last answer was wanted. */
  accepted: string | undefined;
  readonly posted: { readonly path: string; readonly token: string; readonly body: unknown }[] = [];
  /** Tokens, and the paths (whole, of lists and objects) that each may read. */
  readonly rights = new Map<string, readonly string[]>();
  /** Watches from before this are too old. */
  oldest = 0;

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#handle(request, response));
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    const address = server.address();
    if (typeof address === "object" && address !== null) this.#port = address.port;
    this.#server = server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get isUp(): boolean {
    return this.#server !== undefined;
  }

  get watching(): number {
    return this.#watches.size;
  }

  /** Nobody is there any more; `start` opens the same port again. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.#watches.clear();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** `list` is the path of the list that the object is in. */
  put(list: string, item: Item): void {
    this.#version += 1;
    const items = this.#objects.get(list) ?? new Map<string, Item>();
    const { namespace, name } = item.metadata;
    const type = items.has(name) ? "MODIFIED" : "ADDED";
    const stored = { ...item, metadata: { ...item.metadata, namespace, resourceVersion: String(this.#version) } };
    items.set(name, stored);
    this.#objects.set(list, items);
    for (const watch of this.#watches) {
      if (watch.list === list) watch.response.write(`${JSON.stringify({ type, object: stored })}\n`);
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.isSilent) return;
    const url = new URL(request.url ?? "/", this.url);
    const token = (request.headers.authorization ?? "").replace("Bearer ", "");
    const rights = this.rights.get(token);
    const answer = (code: number, content: unknown) =>
      response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(content));
    if (rights === undefined) return void answer(401, { kind: "Status", code: 401 });
    this.asked.push(`${request.method} ${request.url}`);
    this.accepted = request.headers.accept;
    if (request.method === "POST" || request.method === "PUT") {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const content = Buffer.concat(chunks);
      const isJson = request.headers["content-type"] === "application/json";
      const body: unknown = isJson ? JSON.parse(content.toString("utf8")) : content.toString("base64");
      this.posted.push({ path: url.pathname, token, body });
      return void answer(request.method === "POST" ? 201 : 200, body);
    }
    if (url.pathname === "/version") return void answer(200, { major: "1", minor: "32" });
    if (!rights.includes(url.pathname)) return void answer(403, { kind: "Status", code: 403, reason: "Forbidden" });
    if (url.searchParams.get("watch") === "true") return this.#watch(url, response);
    const items = this.#objects.get(url.pathname);
    if (items !== undefined) {
      const metadata = { resourceVersion: String(this.#version) };
      return void answer(200, { kind: "List", apiVersion: "v1", metadata, items: [...items.values()] });
    }
    const name = url.pathname.split("/").at(-1) ?? "";
    const found = this.#objects.get(url.pathname.slice(0, -name.length - 1))?.get(name);
    return void (found === undefined ? answer(404, { kind: "Status", code: 404 }) : answer(200, found));
  }

  #watch(url: URL, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    const from = Number(url.searchParams.get("resourceVersion"));
    if (from < this.oldest) {
      const status = { kind: "Status", code: 410, reason: "Expired", metadata: {} };
      response.end(`${JSON.stringify({ type: "ERROR", object: status })}\n`);
      return;
    }
    for (const object of this.#objects.get(url.pathname)?.values() ?? []) {
      if (Number(object.metadata.resourceVersion) <= from) continue;
      response.write(`${JSON.stringify({ type: "MODIFIED", object })}\n`);
    }
    const watch = { list: url.pathname, response };
    this.#watches.add(watch);
    response.on("close", () => this.#watches.delete(watch));
  }
}
