// A small real server with the control plane's side of the agent protocol, over HTTP or HTTPS and WebSockets.
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { WebSocketServer } from "ws";

import { digestOfCredential } from "../../../agents/node/host/certificate-request.ts";
import { EnrolRequest, PodTokenRequest, paths, ping, pong, SyncRequest } from "../../../src/sync/messages.ts";
import { ControlPlane } from "./control-plane.ts";

export type ServerOptions = {
  readonly tls?: { readonly key: string; readonly cert: string };
};

type Answer = (status: number, content: unknown) => void;

export class Server {
  readonly #http;
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  readonly #planes = new Map<string, ControlPlane>();
  /** Made for each node that is heard of first. */
  newPlane: (node: string) => ControlPlane = () => new ControlPlane();
  readonly open = new Map<string, WebSocket>();
  joinToken = "join-me";
  readonly credentials = new Map<string, string>();
  /** How sockets are met: `refuse` answers 404. */
  upgrades: "accept" | "refuse" = "accept";
  /** False: pings are not answered. */
  pongs = true;
  pings = 0;
  /** Set: every request gets this. */
  fixed: { readonly status: number; readonly body: string } | undefined;
  /** Paths asked for, with how. */
  readonly asked: string[] = [];
  enrolments = 0;
  /** True: who enrols is let in, and never hears of it. */
  losesEnrolments = false;
  /** Null: the join token is enough. */
  approval: "pending" | "approved" | "denied" | null = null;
  /** The credentials that machines have asked for. */
  readonly requests = new Set<string>();
  /** Which credential a request is about. */
  credentialOf: (request: string) => string = (request) => request;
  connections = 0;
  /** Of credentials that agents have made, by node. */
  readonly #digests = new Map<string, string>();
  #held = new Set<() => void>();

  constructor({ tls }: ServerOptions = {}) {
    const handle = (request: IncomingMessage, response: ServerResponse) => void this.#handle(request, response);
    this.#http = tls === undefined ? createHttpServer(handle) : createHttpsServer(tls, handle);
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#http.on("connection", () => {
      this.connections += 1;
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#http.listen(this.#port, "127.0.0.1", resolve));
    const address = this.#http.address();
    if (typeof address === "object" && address !== null) this.#port = address.port;
  }

  #port = 0;

  get url(): string {
    const scheme = "setSecureContext" in this.#http ? "https" : "http";
    return `${scheme}://127.0.0.1:${this.#port}`;
  }

  /** Drops every connection and takes no new ones; `start` opens the same port again. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.release();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }

  plane(node: string): ControlPlane {
    const known = this.#planes.get(node);
    if (known !== undefined) return known;
    const plane = this.newPlane(node);
    this.#planes.set(node, plane);
    plane.onChange(() => {
      this.open.get(node)?.send(JSON.stringify(plane.answer(0, { revision: 0, etag: "", templates: [] })));
      this.release();
    });
    return plane;
  }

  /** Answers questions that are held. */
  release(): void {
    for (const release of this.#held) release();
    this.#held.clear();
  }

  get heldQuestions(): number {
    return this.#held.size;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked.push(`${request.method} ${request.url}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8") || "null");
    const answer = (status: number, content: unknown) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(typeof content === "string" ? content : JSON.stringify(content));
    };
    if (this.fixed !== undefined) return answer(this.fixed.status, this.fixed.body);
    const url = new URL(request.url ?? "", this.url);
    const bearer = bearerOf(request);
    if (url.pathname === paths.enrol) return this.#enrol(bearer, body, answer);
    if (url.pathname === paths.token) return this.#token(bearer, body, answer);
    const sync = SyncRequest.parse(body);
    if (this.#nodeOf(bearer) !== sync.node) return answer(401, { error: "who are you" });
    const plane = this.plane(sync.node);
    const result = plane.handle(sync);
    if (!url.searchParams.has("wait") || result.pods !== undefined)
      return answer(200, { ...result, nextSyncMs: plane.nextSyncMs });
    await new Promise<void>((resolve) => this.#held.add(resolve));
    return answer(200, plane.answer(sync.sequence, sync.have));
  }

  async #token(bearer: string | undefined, body: unknown, answer: Answer): Promise<void> {
    const node = this.#nodeOf(bearer);
    if (node === undefined) return answer(401, { error: "who are you" });
    const { token, issuedAtMs, expiresAtMs } = await this.plane(node).token(PodTokenRequest.parse(body), 0, true);
    answer(200, { token, expiresInMs: expiresAtMs - issuedAtMs });
  }

  #enrol(bearer: string | undefined, body: unknown, answer: Answer): void {
    this.enrolments += 1;
    const { node, digest, request } = EnrolRequest.parse(body);
    if (this.#nodeOf(bearer) === node) {
      answer(200, { node, approval: "Approved" });
      return;
    }
    if (bearer !== undefined && this.requests.has(bearer)) {
      this.#hear(node, bearer, answer);
      return;
    }
    if (bearer !== this.joinToken) {
      answer(401, { error: "the join token is not known" });
      return;
    }
    if (this.approval !== null) {
      if (request !== undefined) this.requests.add(this.credentialOf(request));
      const approval = request === undefined ? "Required" : "Pending";
      answer(request === undefined ? 403 : 202, { node, approval, request: "r" });
      return;
    }
    if (digest === undefined) {
      const credential = `credential-of-${node}-${this.enrolments}`;
      this.credentials.set(node, credential);
      answer(200, { node, credential });
      return;
    }
    this.credentials.delete(node);
    this.#digests.set(node, digest);
    if (!this.losesEnrolments) answer(200, { node, approval: "Approved" });
    else this.#http.closeAllConnections();
  }

  #nodeOf(bearer: string | undefined): string | undefined {
    if (bearer === undefined) return undefined;
    const known = [...this.credentials].find(([, credential]) => credential === bearer)?.[0];
    const made = [...this.#digests].find(([, digest]) => digest === digestOfCredential(bearer))?.[0];
    // What was set since counts more.
    if (known === undefined && made !== undefined && !this.credentials.has(made)) this.credentials.set(made, bearer);
    return known ?? [...this.credentials].find(([, credential]) => credential === bearer)?.[0];
  }

  #hear(node: string, credential: string, answer: Answer): void {
    if (this.approval === "denied") {
      answer(403, { error: "request r was denied: no" });
      return;
    }
    if (this.approval === "approved") this.credentials.set(node, credential);
    const isIn = this.approval === "approved";
    answer(isIn ? 200 : 202, { node, approval: isIn ? "Approved" : "Pending", request: "r" });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.asked.push(`UPGRADE ${request.url}`);
    const bearer = bearerOf(request);
    const node = this.#nodeOf(bearer);
    if (this.upgrades === "refuse" || node === undefined) {
      socket.end(`HTTP/1.1 ${node === undefined ? "401 Unauthorized" : "404 Not Found"}\r\nconnection: close\r\n\r\n`);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (opened) => this.#opened(node, opened));
  }

  #opened(node: string, socket: WebSocket): void {
    this.open.set(node, socket);
    socket.on("close", () => {
      if (this.open.get(node) === socket) this.open.delete(node);
    });
    socket.on("message", (data) => {
      const text = data.toString();
      if (text === ping) {
        this.pings += 1;
        if (this.pongs) socket.send(pong);
        return;
      }
      socket.send(JSON.stringify(this.plane(node).handle(SyncRequest.parse(JSON.parse(text)))));
    });
  }
}

function bearerOf(request: IncomingMessage): string | undefined {
  return /^Bearer (.*)$/.exec(request.headers.authorization ?? "")?.[1];
}
