// One watch of a daemon: what the control plane tells goes through; while it is away the node's own pods are told of, and
// the watch goes on with the control plane where it left off.
import type { IncomingMessage, ServerResponse } from "node:http";

import { isFields, parseJson } from "../connection/protocol.ts";
import type { Clock } from "../ports.ts";
import type { Json } from "./answers.ts";
import { notHeld, refuse, statusOf } from "./answers.ts";
import type { Copies, Copy } from "./copies.ts";
import { copyKey, itemKey, versionOf } from "./copies.ts";
import type { NodeState, PodObjects } from "./node-state.ts";
import { isLocalVersion } from "./node-state.ts";
import type { Question, Recall } from "./recall.ts";
import { isPods, nodeOf } from "./recall.ts";
import type { Forwarded, Upstream, UpstreamAnswer } from "./upstream.ts";
import { answerHeaders } from "./upstream.ts";

export type RelayParts = {
  readonly clock: Clock;
  readonly state: NodeState;
  readonly copies: Copies;
  readonly recall: Recall;
  readonly pods: PodObjects;
  readonly upstream: Upstream;
};

const tryAgainMs = 2_000;
/** A way that is dead may not say so. */
const checkMs = 2_000;
const longestWatchSeconds = 3600;
const longestLine = 4 * 1024 * 1024;
const initialEnd = "k8s.io/initial-events-end";

export class WatchRelay {
  readonly #parts: RelayParts;
  readonly #question: Question;
  readonly #forwarded: Forwarded;
  readonly #client: ServerResponse;
  readonly #key: string;
  readonly #endsAtMs: number;
  readonly #cleanups: (() => void)[] = [];
  /** Where the control plane is to go on; empty: nowhere, the client has to begin anew. */
  #version: string;
  /** Of this node, as the client was told last while the control plane was away. */
  #told: Map<string, Json> | undefined;
  /** What comes first where the watch begins with everything there is. */
  #gathered: Map<string, Json> | undefined;

  constructor(parts: RelayParts, question: Question, forwarded: Forwarded, client: ServerResponse) {
    this.#parts = parts;
    this.#question = question;
    this.#forwarded = forwarded;
    this.#client = client;
    const { query, path } = question;
    this.#key = copyKey(path, query);
    const version = query.get("resourceVersion") ?? "";
    this.#version = version === "0" ? "" : version;
    const seconds = Number(query.get("timeoutSeconds") ?? 0) || longestWatchSeconds;
    this.#endsAtMs = parts.clock.monotonicMs() + 1000 * Math.min(seconds, longestWatchSeconds);
    if (query.get("sendInitialEvents") === "true") this.#gathered = new Map();
  }

  async run(): Promise<void> {
    const { copies } = this.#parts;
    try {
      let answer = await this.#begin();
      this.#cleanups.push(copies.hold(this.#question.account, this.#key));
      while (!this.#client.destroyed && !this.#client.writableEnded) {
        if (answer !== "away" && (await this.#pump(answer)) === "ended") break;
        if (answer !== "away") this.#tellAllPods();
        answer = await this.#untilBack();
      }
    } finally {
      for (const cleanup of this.#cleanups) cleanup();
      this.#client.end();
    }
  }

  /** Answers with the head of the stream, or with why there is none. */
  async #begin(): Promise<UpstreamAnswer> {
    if (isLocalVersion(this.#version) && !this.#parts.upstream.isKnownAway && !this.#parts.state.isAway()) {
      // What happened since then has no order among what the control plane knows.
      this.#open();
      this.#expire();
      return "away";
    }
    const answer = await this.#parts.upstream.ask(this.#forwarded);
    if (answer === "away") this.#beginAlone();
    else if (answer.statusCode === 200) this.#open(answerHeaders(answer.headers));
    else {
      this.#client.writeHead(answer.statusCode ?? 500, answerHeaders(answer.headers));
      for await (const chunk of answer) this.#client.write(chunk);
      this.#client.end();
      if (answer.statusCode === 403) this.#parts.recall.heard(this.#question, 403, null);
    }
    return answer;
  }

  #open(headers: NodeJS.Dict<string | string[]> = { "content-type": "application/json" }): void {
    this.#client.writeHead(200, headers);
    this.#client.flushHeaders();
  }

  #beginAlone(): void {
    const { recall, pods } = this.#parts;
    const known = recall.list(this.#question);
    if (known === null) {
      refuse(this.#client, notHeld(this.#question.path));
      return;
    }
    const items = Array.isArray(known["items"]) ? known["items"].filter(isFields) : [];
    const now = versionOf(known);
    const copied = this.#copyVersion();
    this.#open();
    this.#told = new Map(isPods(this.#question.target) ? recall.pods(this.#question) : []);
    const isAsked = this.#version;
    // The control plane is asked to go on from what the copy is, whatever is told here of what came after.
    this.#version = copied;
    if (isAsked === "") {
      for (const item of items) this.#tell("ADDED", item);
      if (this.#gathered !== undefined) this.#tellInitialEnd(known, now);
      this.#gathered = undefined;
    } else if (isAsked === copied && isPods(this.#question.target)) this.#tellAllPods();
    else if (isAsked !== now && isAsked !== pods.version) this.#expire();
  }

  #copyVersion(): string {
    const copy = this.#parts.copies.get(this.#question.account, this.#key);
    return copy?.kind === "list" ? versionOf(copy.list) : "";
  }

  #tellInitialEnd(list: Json, resourceVersion: string): void {
    const kind = String(list["kind"] ?? "").replace(/List$/, "");
    const metadata = { resourceVersion, annotations: { [initialEnd]: "true" } };
    this.#tell("BOOKMARK", { kind, apiVersion: list["apiVersion"], metadata });
  }

  #expire(): void {
    const message = "too old resource version: the control plane was away";
    this.#tell("ERROR", statusOf({ code: 410, reason: "Expired", message }));
    this.#client.end();
  }

  #tell(type: string, object: Json): void {
    if (!this.#client.writableEnded) this.#client.write(`${JSON.stringify({ type, object })}\n`);
  }

  /** Passes on what comes until it ends: by the control plane's own will, or cut off. */
  async #pump(answer: IncomingMessage): Promise<"ended" | "broken"> {
    const close = () => void answer.destroy();
    this.#client.once("close", close);
    const stopChecking = this.#every(checkMs, () => {
      if (this.#parts.state.isAway()) answer.destroy();
    });
    let rest = "";
    try {
      answer.setEncoding("utf8");
      for await (const chunk of answer) {
        const lines = `${rest}${chunk}`.split("\n");
        rest = lines.pop() ?? "";
        if (rest.length > longestLine) return "broken";
        for (const line of lines) if (line !== "") this.#pass(line);
        if (this.#client.writableNeedDrain) await this.#drained();
      }
    } catch {
      return "broken";
    } finally {
      stopChecking();
      this.#client.off("close", close);
    }
    return answer.complete ? "ended" : "broken";
  }

  /** Whoever waited for it takes their ears away again: a watch may wait a thousand times. */
  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#client.off("drain", done);
        this.#client.off("close", done);
        resolve();
      };
      this.#client.once("drain", done);
      this.#client.once("close", done);
    });
  }

  #pass(line: string): void {
    if (!this.#client.writableEnded) this.#client.write(`${line}\n`);
    const event = parseJson(line);
    if (!isFields(event) || !isFields(event["object"])) return;
    const { type, object } = event;
    const version = versionOf(object);
    if (type === "ERROR" || version === "") return;
    this.#version = version;
    if (this.#gathered !== undefined) this.#gather(String(type), object);
    else this.#takeIn(String(type), object, version);
  }

  /** A watch that begins with all there is makes a list of it. */
  #gather(type: string, object: Json): void {
    const { account } = this.#question;
    if (type === "ADDED") this.#gathered?.set(itemKey(object), object);
    const { annotations } = (object["metadata"] ?? {}) as { readonly annotations?: Readonly<Record<string, string>> };
    if (type !== "BOOKMARK" || annotations?.[initialEnd] !== "true") return;
    const metadata = { resourceVersion: versionOf(object) };
    const list = { kind: `${object["kind"]}List`, apiVersion: object["apiVersion"], metadata };
    const copy: Copy = { kind: "list", list, items: this.#gathered ?? new Map() };
    this.#gathered = undefined;
    this.#parts.copies.put(account, this.#key, copy);
    this.#parts.recall.listed(this.#question);
    this.#cleanups.push(this.#parts.copies.hold(account, this.#key));
  }

  #takeIn(type: string, object: Json, resourceVersion: string): void {
    const { copies } = this.#parts;
    const { account } = this.#question;
    const copy = copies.get(account, this.#key);
    if (copy?.kind !== "list") return;
    if (type === "DELETED") copy.items.delete(itemKey(object));
    else if (type !== "BOOKMARK") copy.items.set(itemKey(object), object);
    const metadata = { ...(copy.list["metadata"] as Json | undefined), resourceVersion };
    copy.list = { ...copy.list, metadata };
    copies.changed(account, this.#key);
  }

  /** Where the client stands is not known exactly: told twice does no harm. */
  #tellAllPods(): void {
    if (!isPods(this.#question.target)) return;
    const { recall, copies, state } = this.#parts;
    const copy = copies.get(this.#question.account, this.#key);
    const before = copy?.kind === "list" ? copy.items : new Map<string, Json>();
    const now = recall.pods(this.#question);
    const keys = new Set([...now.values()].map(itemKey));
    for (const [key, item] of before) if (nodeOf(item) === state.node && !keys.has(key)) this.#tell("DELETED", item);
    for (const pod of now.values()) this.#tell(before.has(itemKey(pod)) ? "MODIFIED" : "ADDED", pod);
    this.#told = new Map(now);
  }

  #tellChangedPods(): void {
    if (this.#told === undefined || !isPods(this.#question.target)) return;
    const before = this.#told;
    const now = this.#parts.recall.pods(this.#question);
    for (const [uid, pod] of before) if (!now.has(uid)) this.#tell("DELETED", pod);
    for (const [uid, pod] of now) {
      if (before.get(uid) !== pod) this.#tell(before.has(uid) ? "MODIFIED" : "ADDED", pod);
    }
    this.#told = new Map(now);
  }

  /** Resolves when the control plane goes on, or when nobody listens any more. */
  async #untilBack(): Promise<UpstreamAnswer> {
    const { state, upstream } = this.#parts;
    const stop = state.onPodsChange(() => this.#tellChangedPods());
    try {
      while (!this.#client.destroyed && !this.#client.writableEnded) {
        await this.#pause(tryAgainMs);
        if (this.#parts.clock.monotonicMs() > this.#endsAtMs) break;
        if (state.isAway() || upstream.isKnownAway) continue;
        const answer = this.#version === "" ? await this.#isBack() : await upstream.ask(this.#resumed());
        if (answer === "away") continue;
        if (answer.statusCode === 200 && this.#version !== "") return answer;
        answer.resume();
        this.#expire();
      }
      this.#client.end();
      return "away";
    } finally {
      stop();
    }
  }

  #resumed(): Forwarded {
    const query = new URLSearchParams(this.#question.query);
    const leftSeconds = Math.max(1, Math.round((this.#endsAtMs - this.#parts.clock.monotonicMs()) / 1000));
    for (const name of ["sendInitialEvents", "resourceVersionMatch"]) query.delete(name);
    query.set("resourceVersion", this.#version);
    query.set("timeoutSeconds", String(leftSeconds));
    return { ...this.#forwarded, path: `${this.#question.path}?${query}` };
  }

  #isBack(): Promise<UpstreamAnswer> {
    return this.#parts.upstream.ask({ ...this.#forwarded, path: "/version" });
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        this.#client.off("close", done);
        resolve();
      };
      const cancel = this.#parts.clock.setTimer(delayMs, done);
      this.#client.once("close", done);
    });
  }

  #every(periodMs: number, run: () => void): () => void {
    let cancel = () => {};
    const again = () => {
      cancel = this.#parts.clock.setTimer(periodMs, () => {
        run();
        again();
      });
    };
    again();
    return () => cancel();
  }
}
