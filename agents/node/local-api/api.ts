// The node's API for the daemons on it: the control plane's own answers where it can be reached, and otherwise what this
// node knows of them.
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";

import type { HttpClient } from "../connection/http-client.ts";
import { isFields, parseJson } from "../connection/protocol.ts";
import type { Seal } from "../host/seal.ts";
import type { Clock, Log } from "../ports.ts";
import type { Failure, Json } from "./answers.ts";
import { answer, bearerOf, bodyOf, notHeld, refuse, unauthorized } from "./answers.ts";
import { Copies, copyKey, longestCopyBytes, versionOf } from "./copies.ts";
import { asStored, Deferred } from "./deferred.ts";
import type { Account, LivePod, NodeState } from "./node-state.ts";
import { accountOf, isLocalVersion, PodObjects } from "./node-state.ts";
import type { Question } from "./recall.ts";
import { everybody, fieldsOf, Recall } from "./recall.ts";
import type { Target } from "./request-path.ts";
import { isOfApi, isWatch, listPath, targetOf } from "./request-path.ts";
import type { TokenBook } from "./tokens.ts";
import type { Forwarded, UpstreamAnswer } from "./upstream.ts";
import { answerHeaders, textOf, Upstream } from "./upstream.ts";
import { WatchRelay } from "./watch-relay.ts";

const protobuf = "application/vnd.kubernetes.protobuf";

export type ApiOptions = {
  readonly state: NodeState;
  readonly tokens: TokenBook;
  readonly client: HttpClient;
  /** Where copies are kept. */
  readonly directory: string;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly log: Log;
};

type Call = {
  readonly account: Account;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly target: Target | null;
  readonly forwarded: Forwarded;
};

export class Api {
  readonly #options: ApiOptions;
  readonly #copies: Copies;
  readonly #pods: PodObjects;
  readonly #recall: Recall;
  readonly #upstream: Upstream;
  readonly #deferred: Deferred;
  readonly #relays = new Set<WatchRelay>();

  constructor(options: ApiOptions) {
    const { state, client, clock, log, directory, seal } = options;
    this.#options = options;
    this.#copies = new Copies({ directory, seal, clock });
    this.#pods = new PodObjects(state, () => clock.nowMs());
    this.#recall = new Recall({ copies: this.#copies, pods: this.#pods, state });
    this.#upstream = new Upstream({ client, clock, isAway: () => state.isAway() });
    this.#deferred = new Deferred({ clock, log, upstream: this.#upstream });
  }

  /** Forgets what is kept for accounts that no pod here has any more. */
  tidy(): void {
    this.#copies.keepOnly([everybody, ...[...this.#options.state.livePods()].map(accountOf)]);
  }

  /** Numbers for whoever watches the agent itself. */
  numbers(): Readonly<Record<string, number>> {
    const { size, dropped } = this.#deferred;
    return { watches: this.#relays.size, deferredWrites: size, droppedWrites: dropped };
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#options.state.isKnown()) return refuse(response, starting);
    const pod = this.#podOf(request);
    if (pod === undefined) return refuse(response, unauthorized);
    const { pathname: path, searchParams: query } = new URL(request.url ?? "/", "https://node");
    if (!isOfApi(path)) return refuse(response, notFound(path));
    const { method = "GET" } = request;
    const headers = asText(request.headers);
    const isReading = method === "GET" || method === "HEAD";
    const body = isReading ? undefined : await bodyOf(request);
    if (body === null) return refuse(response, tooLarge);
    const target = targetOf(path);
    const isUrgent = target?.resource === "leases";
    const forwarded = { method, path: forwardedPath(path, query), headers, body, isUrgent };
    const call = { account: accountOf(pod), path, query, target, forwarded };
    if (method === "GET" && target !== null && isWatch(query)) return this.#watch({ ...call, target }, response);
    const heard = await this.#upstream.ask(forwarded);
    if (heard === "away") return this.#alone(call, response);
    this.#deferred.poke();
    await this.#passOn(call, heard, response);
  }

  /** What is not on the disk yet is written. */
  close(): void {
    this.#deferred.close();
    this.#upstream.close();
    this.#copies.save();
  }

  #podOf(request: IncomingMessage): LivePod | undefined {
    const token = bearerOf(request);
    const uid = token === null ? undefined : this.#options.tokens.podOf(token);
    if (uid === undefined) return undefined;
    for (const pod of this.#options.state.livePods()) if (pod.assigned.uid === uid) return pod;
    return undefined;
  }

  async #watch(call: Call & { readonly target: Target }, response: ServerResponse): Promise<void> {
    const { clock, state } = this.#options;
    const parts = {
      ...{ clock, state, copies: this.#copies, recall: this.#recall, pods: this.#pods },
      upstream: this.#upstream,
    };
    const relay = new WatchRelay(parts, call, call.forwarded, response);
    this.#relays.add(relay);
    try {
      await relay.run();
    } finally {
      this.#relays.delete(relay);
    }
  }

  /** Goes on to whoever asked as it comes, and is remembered if it is something to remember. */
  async #passOn(call: Call, heard: Exclude<UpstreamAnswer, "away">, response: ServerResponse): Promise<void> {
    const code = heard.statusCode ?? 500;
    response.once("close", () => {
      if (!response.writableFinished) heard.destroy();
    });
    response.writeHead(code, answerHeaders(heard.headers));
    const isLease = code < 300 && isLeaseWrite(call);
    if (!isLease && !isKept(call, heard)) {
      heard.on("error", () => response.destroy());
      heard.pipe(response);
      return;
    }
    heard.pipe(response);
    const text = await textOf(heard, longestCopyBytes);
    if (isLease) return this.#noteLease(call.account, text);
    if (call.target !== null) return this.#recall.heard({ ...call, target: call.target }, code, text);
    if (code !== 200 || text === null) return;
    const object = { text, contentType: heard.headers["content-type"] ?? "application/json" };
    this.#copies.put(everybody, discoveryKey(call), { kind: "object", object });
  }

  /** Whoever renews one may never read it again: what is renewed here has to follow on what was written last. */
  #noteLease(account: Account, text: string | null): void {
    const object = parseJson(text ?? "");
    if (!isFields(object)) return;
    const { namespace, name } = fieldsOf(object, "metadata");
    const target = targetOf(`/apis/${object["apiVersion"]}/namespaces/${namespace}/leases/${name}`);
    if (target === null) return;
    this.#recall.allowed(account, "write", target);
    const key = copyKey(`${listPath(target)}/${target.name}`, new URLSearchParams());
    this.#copies.put(account, key, { kind: "object", object });
  }

  async #alone(call: Call, response: ServerResponse): Promise<void> {
    const { target, path, forwarded } = call;
    if (target === null) return this.#discover(call, response);
    const question: Question = { ...call, target };
    switch (forwarded.method) {
      case "GET": {
        const found = target.name === "" ? this.#recall.list(question) : this.#recall.get(question);
        return found === null ? refuse(response, notHeld(path)) : answer(response, 200, found);
      }
      case "POST":
        return target.resource === "events" ? this.#defer(call, response) : refuse(response, away);
      case "PATCH":
      case "PUT":
        if (target.resource === "leases") return this.#renew(question, forwarded, response);
        // Who tells events makes a new one where there is none to count on.
        return refuse(response, target.resource === "events" ? notFound(path) : away);
      default:
        return refuse(response, away);
    }
  }

  #discover(call: Call, response: ServerResponse): void {
    const isHealth = /^\/(healthz|livez|readyz)/.test(call.path);
    const copy = this.#copies.get(everybody, discoveryKey(call));
    const { text, contentType } = copy?.kind === "object" ? copy.object : {};
    if (isHealth) answer(response, 200, "ok");
    else if (typeof text !== "string" || typeof contentType !== "string") refuse(response, notHeld(call.path));
    else response.writeHead(200, { "content-type": contentType }).end(text);
  }

  async #defer({ forwarded }: Call, response: ServerResponse): Promise<void> {
    const object = await objectIn(forwarded);
    if (object !== null) {
      this.#deferred.add(forwarded);
      answer(response, 201, this.#stored(object));
    } else refuse(response, unsupported);
  }

  #stored(object: Json): Json {
    this.#pods.current();
    return asStored(object, {
      uid: randomUUID(),
      nowMs: this.#options.clock.nowMs(),
      version: this.#pods.version,
    });
  }

  /** Whoever held a lease that it could renew goes on holding it, for nobody else can take it here. */
  async #renew(question: Question, forwarded: Forwarded, response: ServerResponse): Promise<void> {
    const { account, path, query, target } = question;
    const given = await objectIn(forwarded);
    const key = copyKey(path, query);
    const copy = this.#copies.get(account, key);
    if (given === null || copy?.kind !== "object" || !this.#recall.isAllowed(account, "write", target)) {
      refuse(response, away);
      return;
    }
    const isStale = versionOf(given) !== "" && versionOf(given) !== versionOf(copy.object);
    if (forwarded.method === "PUT" && isStale) {
      refuse(response, conflict(target.name));
      return;
    }
    // Leases have nothing but a spec of a few plain fields, which every way to change them puts in the place of the old.
    const object = { ...copy.object, spec: { ...fieldsOf(copy.object, "spec"), ...fieldsOf(given, "spec") } };
    this.#copies.put(account, key, { kind: "object", object });
    answer(response, 200, object);
  }
}

/** Null: nothing that can be read. */
async function objectIn({ headers, body }: Forwarded): Promise<Json | null> {
  if (body === undefined) return null;
  if (headers["content-type"]?.startsWith(protobuf) === true) {
    // Many clients never write in it.
    const { objectInProtobuf } = await import("./protobuf-body.ts");
    return objectInProtobuf(body);
  }
  const object = parseJson(body.toString("utf8"));
  return isFields(object) ? object : null;
}

/** A version that was made up here says nothing to the control plane. */
function forwardedPath(path: string, query: URLSearchParams): string {
  const sent = new URLSearchParams(query);
  if (isLocalVersion(query.get("resourceVersion") ?? "")) {
    sent.delete("resourceVersion");
    sent.delete("resourceVersionMatch");
  }
  const text = sent.toString();
  return text === "" ? path : `${path}?${text}`;
}

function isKept({ target, path, forwarded }: Call, { headers }: IncomingMessage): boolean {
  if (forwarded.method !== "GET" || !(headers["content-type"] ?? "").startsWith("application/json")) return false;
  if (target === null) return /^\/(version|apis?(\/[^/]+){0,2})\/?$/.test(path);
  // Tables and the like are for people.
  return target.subresource === "" && !(headers["content-type"] ?? "").includes("as=") && !isForm(forwarded);
}

function isLeaseWrite({ target, query, forwarded: { method } }: Call): boolean {
  return target?.resource === "leases" && ["POST", "PUT", "PATCH"].includes(method) && !query.has("dryRun");
}

/** Copies and watches are read here, as text: who would rather have Protobuf is answered in JSON, which all understand. */
function asText(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kinds = (headers.accept ?? "").split(",");
  const readable = kinds.filter((kind) => !kind.includes(protobuf));
  if (readable.length === kinds.length) return headers;
  return { ...headers, accept: readable.length === 0 ? "application/json" : readable.join(",") };
}

function isForm({ headers }: Forwarded): boolean {
  return (headers.accept ?? "").split(",")[0]?.includes("as=") === true;
}

function discoveryKey({ path, forwarded }: Call): string {
  return `${path}\n${forwarded.headers.accept ?? ""}`;
}

const away: Failure = {
  code: 503,
  reason: "ServiceUnavailable",
  message: "the control plane is away, and only it can do this",
};
const starting: Failure = {
  code: 503,
  reason: "ServiceUnavailable",
  message: "the agent is starting",
  retryAfterSeconds: 1,
};
const tooLarge: Failure = {
  code: 413,
  reason: "RequestEntityTooLarge",
  message: "Request entity too large: limit is 3145728",
};
const unsupported: Failure = {
  code: 415,
  reason: "UnsupportedMediaType",
  message: "the body must be JSON or protobuf",
};

function notFound(path: string): Failure {
  return { code: 404, reason: "NotFound", message: `the server could not find the requested resource: ${path}` };
}

function conflict(name: string): Failure {
  const message = `Operation cannot be fulfilled on leases.coordination.k8s.io ${JSON.stringify(name)}: the object has been modified`;
  return { code: 409, reason: "Conflict", message };
}
