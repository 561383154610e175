// GET with watch: what is there if that is asked for, then every change, in order and once, for as long as the client stays.
// Source: apiserver pkg/endpoints/handlers/watch.go.

import { ApiError, qualifiedResource } from "../model/api-error.ts";
import { apiVersionOf } from "../model/decode.ts";
import { watchBacklogBytes } from "../model/limits.ts";
import type { KubeObject } from "../model/meta.ts";
import type { Node } from "../model/node.ts";
import { withHoldOver } from "../model/node-hold.ts";
import { storedResource } from "../model/resource.ts";
import { watchHub } from "../pokes.ts";
import type { HubMessage, WatchStart } from "../store/watch-messages.ts";
import { watchHeader } from "../store/watch-messages.ts";
import { encode } from "./answer.ts";
import type { RequestContext } from "./context.ts";
import { storageOf } from "./context.ts";
import type { ListOptions } from "./list-options.ts";
import { listOptions } from "./list-options.ts";
import type { Representation } from "./negotiation.ts";
import { contentTypeOf, negotiateStream } from "./negotiation.ts";
import type { Selected } from "./read.ts";
import { selectParts } from "./read.ts";
import type { IncludeObject } from "./table.ts";
import { bookmarkTable, includeObjectOf, tableOf, toPartialObjectMetadata } from "./table.ts";
import { awaitVersion } from "./versions.ts";
import { WatchBacklog } from "./watch-backlog.ts";
import type { WatchEvent } from "./watch-events.ts";
import { eventsOf } from "./watch-events.ts";

/** Blank lines between events, so that a client that has gone is noticed and what lies between does not time out. */
const heartbeatMs = 10_000;
const bookmarkMs = 60_000;
/** The last bookmark of a watch comes this long before its end, so that whoever comes back knows where to begin. */
const lastBookmarkMs = 2_000;
/** Without a wish of the client's, a watch ends somewhere between this and its double. */
const shortestMs = 30 * 60_000;
const reconnectMs = 500;
const mostReconnects = 20;
const writeCharacters = 64 * 1024;
/** What is there is read so many objects at a time: a client that reads slowly keeps no more than these in memory. */
const initialObjects = 500;

export async function watchObjects(context: RequestContext): Promise<Response> {
  const { resource, namespace, name } = context.target;
  const query = context.url.searchParams;
  const representation = negotiateStream(context.request.headers.get("accept"));
  const listed = listOptions(query, resource, true);
  // An object of which only the name is given is watched as the collection that holds only it.
  const byName = { field: "metadata.name", operator: "=", value: name ?? "" } as const;
  const options = name === null ? listed : { ...listed, fields: [...listed.fields, byName] };
  const { sendInitialEvents, bookmarks, timeoutSeconds } = options.watch;
  const from = options.resourceVersion ?? 0;
  const includeObject = includeObjectOf(query.get("includeObject"));
  if (sendInitialEvents === true && from > 0) await awaitVersion(context.env.DB, from);
  const parts =
    sendInitialEvents === true || from === 0
      ? selectParts(storageOf(context), resource, namespace, { ...options, continueAt: null, atOnce: initialObjects })
      : null;
  const first = (await parts?.next())?.value;
  const watch = new Watch(context, options, {
    representation,
    includeObject,
    bookmarks,
    afterRv: first?.rv ?? from,
    endsInMs: timeoutSeconds > 0 ? timeoutSeconds * 1000 : shortestMs * (1 + Math.random()),
  });
  const headers = { "content-type": contentTypeOf(representation), "cache-control": "no-cache, private" };
  const response = new Response(watch.readable, { headers });
  const initial = first === undefined || parts === null || sendInitialEvents === false ? null : { first, rest: parts };
  watch.start(initial, sendInitialEvents === true && bookmarks);
  return response;
}

type WatchOptions = {
  readonly representation: Representation;
  readonly includeObject: IncludeObject;
  readonly bookmarks: boolean;
  readonly afterRv: number;
  readonly endsInMs: number;
};

/** What is there when a watch begins, part by part. */
type Initial = { readonly first: Selected; readonly rest: AsyncIterable<Selected> };

class Watch {
  readonly readable: ReadableStream;
  readonly #context: RequestContext;
  readonly #selectors: ListOptions;
  readonly #options: WatchOptions;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  #hub: WebSocket | null = null;
  /** The client has been sent everything up to here. */
  #rv: number;
  #describesColumns = true;
  #closed = false;
  #reconnects = 0;
  /** What is to be sent goes out one after the other, as fast as the client reads. */
  #work: Promise<void> = Promise.resolve();
  readonly #backlog: WatchBacklog;

  constructor(context: RequestContext, selectors: ListOptions, options: WatchOptions) {
    const { readable, writable } = new IdentityTransformStream();
    this.readable = readable;
    this.#writer = writable.getWriter();
    this.#context = context;
    this.#selectors = selectors;
    this.#options = options;
    this.#rv = options.afterRv;
    this.#backlog = new WatchBacklog(context.backlogs);
  }

  /** Sends what is there and begins to follow; the stream ends by itself. */
  start(initial: Initial | null, marksTheEnd: boolean): void {
    this.#writer.closed.catch(() => this.#close());
    if (initial !== null) this.#queue(0, () => this.#sendInitial(initial));
    if (marksTheEnd) this.#queue(0, () => this.#bookmark({ "k8s.io/initial-events-end": "true" }));
    this.#timers.push(setInterval(() => this.#queue(1, () => this.#write("\n")), heartbeatMs));
    const { bookmarks, endsInMs } = this.#options;
    if (bookmarks) {
      this.#timers.push(setInterval(() => this.#queue(1, () => this.#bookmark()), bookmarkMs));
      const last = () => this.#queue(1, () => this.#bookmark());
      if (endsInMs > lastBookmarkMs) this.#timers.push(setTimeout(last, endsInMs - lastBookmarkMs));
    }
    this.#timers.push(setTimeout(() => this.#end(), endsInMs));
    this.#connect().catch((error: unknown) => this.#lostHub(error));
  }

  async #connect(): Promise<void> {
    const { resource, namespace } = this.#context.target;
    const named = this.#selectors.fields.find(({ field, operator }) => field === "metadata.name" && operator === "=");
    const start: WatchStart = {
      resource: storedResource(resource),
      namespace,
      name: this.#context.target.name ?? named?.value ?? null,
      afterRv: this.#rv,
    };
    const headers = { upgrade: "websocket", [watchHeader]: JSON.stringify(start) };
    const response = await watchHub(this.#context.env).fetch("https://hub/watch", { headers });
    const socket = response.webSocket;
    if (socket === null) throw new Error(`the watch hub answered ${response.status}`);
    if (this.#closed) return socket.close(1000);
    this.#hub = socket;
    socket.addEventListener("message", ({ data }) => {
      const text = String(data);
      this.#queue(text.length, () => this.#take(text));
    });
    const lost = (why: string) => {
      // An error and the close after it are one loss.
      if (this.#hub === socket) this.#lostHub(why);
    };
    socket.addEventListener("close", () => lost("closed"));
    socket.addEventListener("error", () => lost("error"));
    socket.accept();
  }

  /** The hub went away (a new version, say): another connection goes on where this one ended. */
  #lostHub(why: unknown): void {
    this.#hub = null;
    if (this.#closed) return;
    this.#reconnects += 1;
    if (this.#reconnects > mostReconnects) {
      console.warn({ message: "a watch lost its hub for good", error: String(why) });
      this.#end();
      return;
    }
    const delayMs = reconnectMs * Math.min(this.#reconnects, 10) * (0.5 + Math.random());
    this.#timers.push(setTimeout(() => this.#connect().catch((error: unknown) => this.#lostHub(error)), delayMs));
  }

  #queue(size: number, work: () => Promise<void>): void {
    // A client that does not read what came before is cut off: it comes back, and asks for what it has missed.
    if (this.#backlog.isTooLong()) {
      this.#close();
      return;
    }
    this.#backlog.add(size);
    this.#work = this.#work
      .then(work)
      .catch((error: unknown) => {
        if (!this.#closed) console.error({ message: "a watch failed", error: String(error) });
        this.#close();
      })
      .finally(() => this.#backlog.add(-size));
  }

  async #take(data: string): Promise<void> {
    // The hub is ours.
    const message = JSON.parse(data) as HubMessage;
    if (this.#closed) return;
    switch (message.kind) {
      case "expired":
        return this.#expire(message.first);
      case "changes": {
        this.#reconnects = 0;
        const { resource } = this.#context.target;
        const unseen = message.changes.filter(({ seq }) => seq > this.#rv);
        const events = await eventsOf(unseen, {
          resource,
          selectors: this.#selectors,
          templates: this.#context.templates,
        });
        await this.#send(events);
        this.#rv = Math.max(this.#rv, message.rv);
      }
    }
  }

  /** Part after part: the changes that are followed from the first one's version bring the others up to date. */
  async #sendInitial({ first, rest }: Initial): Promise<void> {
    await this.#sendCounted([...first.preceding, ...first.objects]);
    for await (const { objects } of rest) {
      if (this.#closed) return;
      await this.#sendCounted(objects);
    }
  }

  /** What waits counts, so that of many who do not read some are cut off; but nobody is for the size of what there is. */
  async #sendCounted(objects: readonly KubeObject[]): Promise<void> {
    const texts = this.#texts(objects.map((object) => ({ type: "ADDED", object })));
    const size = texts.reduce((sum, { length }) => sum + length, 0);
    const counted = Math.min(size, watchBacklogBytes / 2);
    this.#backlog.add(counted);
    try {
      for (const text of texts) await this.#write(text);
    } finally {
      this.#backlog.add(-counted);
    }
  }

  async #expire(first: number): Promise<void> {
    const error = new ApiError("Expired", `too old resource version: ${this.#rv} (${first - 1})`);
    await this.#write(`${encode({ type: "ERROR", object: error.status() })}\n`);
    this.#end();
  }

  async #send(events: readonly WatchEvent[]): Promise<void> {
    for (const text of this.#texts(events)) await this.#write(text);
  }

  /** Several events in one, for each write costs as much as many of them. */
  #texts(events: readonly WatchEvent[]): readonly string[] {
    const texts: string[] = [];
    let text = "";
    for (const event of events) {
      text += this.#line(event);
      if (text.length < writeCharacters) continue;
      texts.push(text);
      text = "";
    }
    return text === "" ? texts : [...texts, text];
  }

  #line({ type, object }: WatchEvent): string {
    return `${encode({ type, object: this.#represented(object) })}\n`;
  }

  #represented(stored: KubeObject): unknown {
    const isNode = qualifiedResource(this.#context.target.resource) === "nodes";
    // Stored under the nodes, so it is one.
    const object = isNode ? withHoldOver(stored as Node, Date.now()) : stored;
    switch (this.#options.representation.form) {
      case "table":
        return this.#table([object], object.metadata.resourceVersion ?? "");
      case "partialMetadata":
        return toPartialObjectMetadata(object);
      default:
        return object;
    }
  }

  #table(objects: readonly KubeObject[], resourceVersion: string): unknown {
    const describesColumns = this.#describesColumns;
    this.#describesColumns = false;
    const { resource } = this.#context.target;
    const { includeObject } = this.#options;
    return tableOf({
      resource,
      objects,
      includeObject,
      nowMs: Date.now(),
      metadata: { resourceVersion },
      describesColumns,
    });
  }

  async #bookmark(annotations?: Readonly<Record<string, string>>): Promise<void> {
    const { resource } = this.#context.target;
    const resourceVersion = String(this.#rv);
    const metadata = { resourceVersion, ...(annotations === undefined ? {} : { annotations }) };
    const bare = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata };
    const object = this.#options.representation.form === "table" ? this.#tableBookmark(bare) : bare;
    await this.#write(`${encode({ type: "BOOKMARK", object })}\n`);
  }

  #tableBookmark(bare: KubeObject): unknown {
    const describesColumns = this.#describesColumns;
    this.#describesColumns = false;
    const { includeObject } = this.#options;
    return bookmarkTable({ resource: this.#context.target.resource, object: bare, includeObject, describesColumns });
  }

  /** Resolves once the client has taken it. */
  async #write(text: string): Promise<void> {
    if (!this.#closed && text !== "") await this.#writer.write(this.#encoder.encode(text));
  }

  /** Ends the stream in good order: what is being written still goes out, and the client comes back for the rest. */
  #end(): void {
    if (this.#closed) return;
    this.#release();
    this.#writer.close().catch(() => {});
  }

  #close(): void {
    if (this.#closed) return;
    this.#release();
    this.#writer.abort().catch(() => {});
  }

  #release(): void {
    this.#closed = true;
    this.#backlog.leave();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#hub?.close(1000);
  }
}
