// The ConfigMaps and Secrets that the pods of a shard's nodes name: which there are, in what version, and whose they are.
// Read when a node is first given a pod that names them, then kept by the change log.
import type { ObjectVersion } from "../core/assignment.ts";
import type { AccountTerms, PodNeeds } from "../core/named-objects.ts";
import { accountTerms, objectsOfTerms, podNeeds } from "../core/named-objects.ts";
import type { NamedObject } from "../model/named-objects.ts";
import type { ServiceAccount } from "../model/service-account.ts";
import { runBatch } from "../store/batch.ts";
import type { Change } from "../store/log.ts";
import { readHead } from "../store/log.ts";
import type { Standing } from "../store/named-objects.ts";
import { followObjects, unfollowObjects } from "../store/named-objects.ts";
import type { ObjectKey } from "../store/objects.ts";
import type { PodRow } from "../store/pod-rows.ts";
import type { TemplateCache } from "../store/template-cache.ts";
import type { AssignedObject } from "../sync/messages.ts";
import { Latch } from "./latch.ts";
import type { Found } from "./object-contents.ts";
import { keyText, ObjectContents } from "./object-contents.ts";

const resources = { ConfigMap: "configmaps", Secret: "secrets" } as const;

/** What pods may name. */
const namedResources: ReadonlySet<string> = new Set(["configmaps", "secrets", "serviceaccounts"]);

export function isNamedResource(resource: string): boolean {
  return namedResources.has(resource);
}

type Known = {
  readonly key: ObjectKey;
  /** 0: there is none. */
  readonly version: number;
  readonly sizeBytes: number;
  /** Of a ServiceAccount. */
  readonly terms: AccountTerms | null;
  /** Changes up to this one are in it. */
  readonly asOf: number;
};

type PodPlace = Pick<PodRow, "namespace" | "template">;

/** Content of one answer, but for one object that is longer by itself. */
const longestContents = 2 * 1024 * 1024;
/** Content of all answers: so much at once, and so much a second. Whoever is left out asks again a moment later. */
const burstBytes = 32 * 1024 * 1024;
const bytesPerMs = 16 * 1024;

type Options = {
  readonly db: D1Database;
  readonly shard: number;
  readonly templates: TemplateCache;
  /** Is told of objects that turned out to be others than they were taken for, before the log told of it. */
  readonly changed: (key: ObjectKey, seq: number) => void;
};

export class ShardObjects {
  readonly #options: Options;
  readonly #contents: ObjectContents;
  /** By template; templates never change. */
  readonly #needs = new Map<string, PodNeeds>();
  readonly #known = new Map<string, Known>();
  #wanted = new Map<string, ObjectKey>();
  /** What is being asked for, and changes of it that came by meanwhile. */
  #asked = new Map<string, Known | null>();
  /** What is named no more. */
  #forgotten = new Map<string, ObjectKey>();
  readonly #asking = new Latch(() => this.#ask());
  #epoch = 0;
  #spentBytes = 0;
  #spentAtMs = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#contents = new ObjectContents(options.db, (found) => this.#found(found));
  }

  /** Whether everything is known that `objectsOf` and `termsOf` of these pods depend on. */
  isKnown(pods: Iterable<PodPlace>): boolean {
    for (const pod of pods) {
      if (!this.#needs.has(pod.template)) return false;
      if (this.#keysOf(pod).some((key) => !this.#known.has(keyText(key)))) return false;
    }
    return true;
  }

  /** Asks for what is not known yet. Pods that come meanwhile may name more. */
  async know(pods: readonly PodPlace[]): Promise<void> {
    const { templates } = this.#options;
    const unread = new Set(pods.map(({ template }) => template).filter((id) => !this.#needs.has(id)));
    await templates.load(unread);
    for (const id of unread) if (templates.has(id)) this.#needs.set(id, podNeeds(templates.get(id)));
    // By its ServiceAccount a pod may need more than it names itself.
    while (!this.isKnown(pods.filter(({ template }) => this.#needs.has(template)))) {
      for (const key of pods.flatMap((pod) => (this.#needs.has(pod.template) ? this.#keysOf(pod) : []))) {
        if (!this.#known.has(keyText(key))) this.#wanted.set(keyText(key), key);
      }
      await this.#asking.run();
    }
  }

  /** The ServiceAccount's say in the pod; it must be known. */
  termsOf(pod: PodPlace): AccountTerms | undefined {
    const needs = this.#needsOf(pod);
    const account = accountKey(pod, needs);
    return account === null ? undefined : accountTerms(needs, this.#stateOf(account).terms);
  }

  /** What the pods name, each once; it must be known. */
  objectsOf(pods: Iterable<PodPlace>): readonly ObjectVersion[] {
    const found = new Map<string, ObjectVersion>();
    for (const pod of pods) {
      const { namespace } = pod;
      for (const object of [...this.#needsOf(pod).objects, ...objectsOfTerms(this.termsOf(pod))]) {
        const key = objectKey(namespace, object);
        found.set(keyText(key), { ...object, namespace, version: this.#stateOf(key).version });
      }
    }
    return [...found.values()];
  }

  /** As an agent is told of them that has the versions `held`; content is left out where it would be too much. */
  async told(objects: readonly ObjectVersion[], held: readonly string[]): Promise<AssignedObject[]> {
    const has = new Set(held);
    const lacking = objects
      .filter(({ version }) => version > 0 && !has.has(String(version)))
      .map((object) => {
        const key = objectKey(object.namespace, object);
        return { key, version: object.version, sizeBytes: this.#known.get(keyText(key))?.sizeBytes ?? 0 };
      });
    const sent = this.#afford(lacking);
    await this.#contents.load(sent);
    const sending = new Set(sent.map(({ key }) => keyText(key)));
    return objects.map((object) => {
      const { kind, namespace, name, version } = object;
      const key = objectKey(namespace, object);
      const content = sending.has(keyText(key)) ? this.#contents.get(key, version) : null;
      const told = { kind, namespace, name, version: version === 0 ? "" : String(version) };
      return content === null ? told : { ...told, content };
    });
  }

  #afford<T extends { readonly sizeBytes: number }>(objects: readonly T[]): readonly T[] {
    const nowMs = Date.now();
    this.#spentBytes = Math.max(0, this.#spentBytes - Math.max(0, nowMs - this.#spentAtMs) * bytesPerMs);
    this.#spentAtMs = nowMs;
    const chosen: T[] = [];
    let bytes = 0;
    for (const object of objects) {
      if (this.#spentBytes > burstBytes || (chosen.length > 0 && bytes + object.sizeBytes > longestContents)) break;
      chosen.push(object);
      bytes += object.sizeBytes;
      this.#spentBytes += object.sizeBytes;
    }
    return chosen;
  }

  /** Takes in a row of the log; null: it concerns no pod here, or is of the past. */
  take(change: Change): ObjectKey | null {
    const { resource, namespace, name, seq } = change;
    const key = { resource, namespace, name };
    const text = keyText(key);
    const known = this.#known.get(text);
    const next = knownFrom(key, change);
    if (known !== undefined && known.asOf < seq) {
      this.#known.set(text, next);
      this.#contents.forget(key);
      return key;
    }
    // Nobody has been told of it yet: whoever asked is told what comes of it.
    if (known === undefined && this.#asked.has(text)) this.#asked.set(text, next);
    return null;
  }

  /** Changes were missed: everything is asked for anew. */
  reset(): void {
    this.#known.clear();
    this.#epoch += 1;
  }

  /** Whether the pod's node is concerned when this object changes. */
  isNamedBy(pod: PodPlace, key: ObjectKey): boolean {
    if (!this.#needs.has(pod.template)) return false;
    return this.#keysOf(pod).some((own) => keyText(own) === keyText(key));
  }

  /** Forgets what none of these pods, which are all there are, names any more. */
  async forgetBut(pods: readonly PodPlace[]): Promise<void> {
    const templates = new Set(pods.map(({ template }) => template));
    for (const id of this.#needs.keys()) if (!templates.has(id)) this.#needs.delete(id);
    const named = new Set(
      pods.flatMap((pod) => (this.#needs.has(pod.template) ? this.#keysOf(pod) : [])).map((key) => keyText(key)),
    );
    const gone = [...this.#known.values()].map(({ key }) => key).filter((key) => !named.has(keyText(key)));
    if (gone.length === 0) return;
    for (const key of gone) {
      this.#known.delete(keyText(key));
      this.#contents.forget(key);
      this.#forgotten.set(keyText(key), key);
    }
    await this.#asking.run();
  }

  #needsOf({ template }: PodPlace): PodNeeds {
    const needs = this.#needs.get(template);
    if (needs === undefined) throw new Error(`what template ${template} names must be known before it is used`);
    return needs;
  }

  #stateOf(key: ObjectKey): Known {
    const known = this.#known.get(keyText(key));
    if (known === undefined) throw new Error(`${keyText(key)} must be known before it is used`);
    return known;
  }

  /** As far as they can be told: what a ServiceAccount adds is not known before it is. */
  #keysOf(pod: PodPlace): readonly ObjectKey[] {
    const needs = this.#needsOf(pod);
    const own = needs.objects.map((object) => objectKey(pod.namespace, object));
    const account = accountKey(pod, needs);
    if (account === null) return own;
    const terms = this.#known.get(keyText(account))?.terms ?? null;
    const added = objectsOfTerms(accountTerms(needs, terms)).map((object) => objectKey(pod.namespace, object));
    return [...own, account, ...added];
  }

  async #ask(): Promise<void> {
    const { db, shard } = this.#options;
    const [wanted, forgotten, epoch] = [this.#wanted, this.#forgotten, this.#epoch];
    this.#wanted = new Map();
    this.#forgotten = new Map();
    this.#asked = new Map([...wanted.keys()].map((text) => [text, null]));
    const [, standings, asOf] = await runBatch(db, [
      unfollowObjects(db, [...forgotten.values()], shard),
      followObjects(db, [...wanted.values()], shard),
      readHead(db),
    ]);
    // What was missed meanwhile may be of these.
    if (epoch !== this.#epoch) return;
    const found = new Map(standings.map((standing) => [keyText(standing.key), standing]));
    for (const [text, key] of wanted) {
      const missed = this.#asked.get(text) ?? null;
      const isNewer = missed !== null && missed.asOf > asOf;
      this.#known.set(text, isNewer ? missed : knownAs(key, found.get(text), asOf));
    }
    this.#asked = new Map();
  }

  /** The log has yet to tell of it, or of what became of it. */
  #found({ key, version, asOf }: Found): void {
    const known = this.#known.get(keyText(key));
    if (known === undefined || known.version === version || known.asOf >= asOf) return;
    this.#known.set(keyText(key), { ...known, version, asOf });
    this.#options.changed(key, asOf);
  }
}

function objectKey(namespace: string, { kind, name }: NamedObject): ObjectKey {
  return { resource: resources[kind], namespace, name };
}

function accountKey({ namespace }: PodPlace, { account }: PodNeeds): ObjectKey | null {
  return account === null ? null : { resource: "serviceaccounts", namespace, name: account.name };
}

function knownAs(key: ObjectKey, standing: Standing | undefined, asOf: number): Known {
  if (standing === undefined) return { key, version: 0, sizeBytes: 0, terms: null, asOf };
  const { version, sizeBytes, body } = standing;
  return { key, version, sizeBytes, terms: body === null ? null : termsIn(body), asOf };
}

function knownFrom(key: ObjectKey, { type, seq, body, resource }: Change): Known {
  if (type === "DELETED") return { key, version: 0, sizeBytes: 0, terms: null, asOf: seq };
  if (resource === "serviceaccounts") return { key, version: seq, sizeBytes: 0, terms: termsIn(body), asOf: seq };
  // This is how the log is read for shards.
  const { sizeBytes } = JSON.parse(body) as { readonly sizeBytes: number };
  return { key, version: seq, sizeBytes, terms: null, asOf: seq };
}

function termsIn(body: string): AccountTerms {
  // Only decoded objects are stored.
  const { imagePullSecrets, automountServiceAccountToken } = JSON.parse(body) as ServiceAccount;
  return { imagePullSecrets, automountServiceAccountToken };
}
