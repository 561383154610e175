// What is remembered of the control plane's answers, and what can be answered from that while it is away.
import { fieldQueryMatches, parseFieldQuery } from "../../../src/model/field-query.ts";
import { labelQueryMatches, parseLabelQuery } from "../../../src/model/label-query.ts";
import type { Labels } from "../../../src/model/labels.ts";
import { isFields, parseJson } from "../connection/protocol.ts";
import type { Json } from "./answers.ts";
import type { Copies, Copy } from "./copies.ts";
import { copyKey, itemKey } from "./copies.ts";
import type { Account, NodeState, PodObjects } from "./node-state.ts";
import { liveNode } from "./node-state.ts";
import type { Target } from "./request-path.ts";
import { listPath } from "./request-path.ts";

/** A question about objects, and who asks. */
export type Question = {
  readonly account: Account;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly target: Target;
};

type Parts = { readonly copies: Copies; readonly pods: PodObjects; readonly state: NodeState };

/** Kinds of which a daemon is told that there are none, rather than that nobody knows. */
const emptyKinds: Readonly<Record<string, { readonly kind: string; readonly apiVersion: string }>> = {
  "/services": { kind: "ServiceList", apiVersion: "v1" },
  "/endpoints": { kind: "EndpointsList", apiVersion: "v1" },
  "discovery.k8s.io/endpointslices": { kind: "EndpointSliceList", apiVersion: "discovery.k8s.io/v1" },
};

/** Discovery is the same for everybody. */
export const everybody: Account = { namespace: "", name: "" };

type List = Extract<Copy, { kind: "list" }>;

export class Recall {
  readonly #parts: Parts;
  /** Lists that come in pages, as far as they have come. */
  readonly #pages = new Map<string, List>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Takes in an answer to a GET. */
  heard({ account, path, query, target }: Question, code: number, text: string | null): void {
    const { copies } = this.#parts;
    const key = copyKey(path, query);
    if (code === 403 || code === 404 || code === 410) {
      copies.remove(account, key);
      if (code === 403 && target.name === "") copies.remove(account, grantKey("list", path));
      return;
    }
    const content = code === 200 && text !== null ? parseJson(text) : undefined;
    if (!isFields(content) || target.subresource !== "") return;
    if (target.name !== "") {
      copies.put(account, key, { kind: "object", object: content });
      return;
    }
    const list = this.#gather(`${account.namespace}/${account.name}\n${key}`, content, query);
    if (list === undefined) return;
    copies.put(account, key, list);
    this.listed({ account, path, query, target });
  }

  /** A list was given. That of one by its name may be allowed where that of all is not. */
  listed({ account, path, query }: Question): void {
    const isOfAll = !/(^|,)metadata\.name=/.test(query.get("fieldSelector") ?? "");
    if (isOfAll) this.#parts.copies.put(account, grantKey("list", path), { kind: "grant" });
  }

  /** A write was allowed. */
  allowed(account: Account, verb: string, target: Target): void {
    const key = grantKey(verb, `${listPath(target)}/${target.name}`);
    if (this.#parts.copies.get(account, key) === undefined) this.#parts.copies.put(account, key, { kind: "grant" });
  }

  isAllowed(account: Account, verb: string, target: Target): boolean {
    return this.#parts.copies.get(account, grantKey(verb, `${listPath(target)}/${target.name}`)) !== undefined;
  }

  /** Undefined until the last page is there. */
  #gather(key: string, content: Json, query: URLSearchParams): List | undefined {
    const { items, ...list } = content;
    if (!Array.isArray(items)) return undefined;
    const before = query.get("continue") ? this.#pages.get(key) : undefined;
    if (query.get("continue") && before === undefined) return undefined;
    const all = new Map(before?.items);
    for (const item of items) if (isFields(item)) all.set(itemKey(item), item);
    const metadata = isFields(list["metadata"]) ? list["metadata"] : {};
    const { continue: next, remainingItemCount: _left, ...kept } = metadata;
    const gathered: List = { kind: "list", list: { ...list, metadata: kept }, items: all };
    this.#pages.delete(key);
    if (next === undefined || next === "") return gathered;
    this.#pages.set(key, gathered);
    const [oldest] = this.#pages.keys();
    if (this.#pages.size > 8 && oldest !== undefined) this.#pages.delete(oldest);
    return undefined;
  }

  /** Null: nothing is known that this account may be told. */
  get(question: Question): Json | null {
    const { copies, state } = this.#parts;
    const { account, path, query, target } = question;
    if (target.subresource !== "") return null;
    const copy = copies.get(account, copyKey(path, query));
    if (isPods(target)) {
      const mayRead = copy !== undefined || this.mayList(account, target);
      const live = mayRead ? this.#livePods(target, () => true).find(({ name }) => name === target.name) : undefined;
      if (live !== undefined) return live.object;
    }
    if (copy?.kind !== "object") return null;
    return isNodes(target) && target.name === state.node ? liveNode(copy.object, state.nodeReport()) : copy.object;
  }

  /** Null: as for `get`. */
  list(question: Question): Json | null {
    const { copies, state, pods } = this.#parts;
    const { account, path, query, target } = question;
    const copy = copies.get(account, copyKey(path, query));
    const known = copy?.kind === "list" ? copy : undefined;
    if (isPods(target)) {
      if (known === undefined && !this.mayList(account, target)) return null;
      const live = this.#livePods(target, selectorOf(query)).map(({ object }) => object);
      const others = [...(known?.items.values() ?? [])].filter((item) => nodeOf(item) !== state.node);
      const items = [...others, ...live];
      return { kind: "PodList", apiVersion: "v1", metadata: { resourceVersion: pods.version }, items };
    }
    if (known === undefined) {
      const empty = emptyKinds[`${target.group}/${target.resource}`];
      return empty === undefined ? null : { ...empty, metadata: { resourceVersion: pods.version }, items: [] };
    }
    const items = [...known.items.values()].map((item) =>
      isNodes(target) && itemKey(item) === `/${state.node}` ? liveNode(item, state.nodeReport()) : item,
    );
    return { ...known.list, items };
  }

  /** Whether the account was once given a list that has all that is asked for now. */
  mayList(account: Account, target: Target): boolean {
    const { copies } = this.#parts;
    const paths = [listPath(target), listPath({ ...target, namespace: "" })];
    return paths.some((path) => copies.get(account, grantKey("list", path)) !== undefined);
  }

  /** This node's pods that the question is about, by uid. */
  pods({ query, target }: Question): ReadonlyMap<string, Json> {
    return new Map(this.#livePods(target, selectorOf(query)).map(({ uid, object }) => [uid, object]));
  }

  #livePods({ namespace }: Target, isWanted: (pod: Json) => boolean) {
    return [...this.#parts.pods.current()].flatMap(([uid, object]) => {
      const { namespace: own, name } = metadataOf(object);
      return (namespace === "" || namespace === own) && isWanted(object) ? [{ uid, name, object }] : [];
    });
  }
}

export function isPods({ group, resource }: Target): boolean {
  return group === "" && resource === "pods";
}

function isNodes({ group, resource }: Target): boolean {
  return group === "" && resource === "nodes";
}

function grantKey(verb: string, path: string): string {
  return `may ${verb}\n${path}`;
}

function metadataOf(object: Json): Json {
  const metadata = object["metadata"];
  return isFields(metadata) ? metadata : {};
}

export function nodeOf(pod: Json): unknown {
  return fieldsOf(pod, "spec")["nodeName"];
}

export function fieldsOf(object: Json, name: string): Json {
  const value = object[name];
  return isFields(value) ? value : {};
}

/** Whether a pod is one of those asked for. Throws for a selector that makes no sense. */
function selectorOf(query: URLSearchParams): (pod: Json) => boolean {
  const labels = parseLabelQuery(query.get("labelSelector") ?? "");
  const fields = parseFieldQuery(query.get("fieldSelector") ?? "");
  return (pod) => {
    const [metadata, spec, status] = [metadataOf(pod), fieldsOf(pod, "spec"), fieldsOf(pod, "status")];
    const text = (value: unknown) => (value === undefined ? "" : String(value));
    return (
      // A pod's labels are texts.
      labelQueryMatches(labels, metadata["labels"] as Labels | undefined) &&
      fieldQueryMatches(fields, {
        "metadata.name": text(metadata["name"]),
        "metadata.namespace": text(metadata["namespace"]),
        "spec.nodeName": text(spec["nodeName"]),
        "spec.restartPolicy": text(spec["restartPolicy"]),
        "spec.schedulerName": text(spec["schedulerName"]),
        "spec.serviceAccountName": text(spec["serviceAccountName"]),
        "spec.hostNetwork": text(spec["hostNetwork"] ?? false),
        "status.phase": text(status["phase"]),
        "status.podIP": text(status["podIP"]),
      })
    );
  };
}
