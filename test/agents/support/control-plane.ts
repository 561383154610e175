// A stand-in for the control plane's side of the protocol, for one node.
import type { HeldObject, IssuedToken, TokenRequest } from "../../../agents/node/assignment/objects.ts";
import { TokenRefused } from "../../../agents/node/assignment/objects.ts";
import { podNeeds } from "../../../src/core/named-objects.ts";
import type { PodTemplate } from "../../../src/model/pod-template.ts";
import type { AssignedObject, AssignedPod, EventReport, PodReport, SyncRequest } from "../../../src/sync/messages.ts";
import { SyncAnswer } from "../../../src/sync/messages.ts";

export class ControlPlane {
  readonly pods = new Map<string, AssignedPod>();
  readonly templates: Record<string, PodTemplate> = {};
  /** By kind, namespace and name; what pods name and is not here does not exist. */
  readonly objects = new Map<string, HeldObject>();
  /** How many objects with their content go with one answer. */
  objectsAtOnce = Number.POSITIVE_INFINITY;
  readonly requests: SyncRequest[] = [];
  readonly tokenRequests: TokenRequest[] = [];
  refusesTokens = false;
  readonly events: EventReport[] = [];
  /** The last report taken of each pod. */
  readonly reports = new Map<string, PodReport>();
  /** Reports whose number was not above the last. */
  readonly late: PodReport[] = [];
  nextSyncMs = 60_000;
  registered = true;
  resend = false;
  /** Asks with every answer, until it is told. */
  asksForUsage = false;
  #revision = 0;
  readonly #seen = new Set<string>();
  #onChange = new Set<() => void>();

  get revision(): number {
    return this.#revision;
  }

  get etag(): string {
    return `e${this.#revision}`;
  }

  everSaw(uid: string): boolean {
    return this.#seen.has(uid);
  }

  /** Adds or replaces pods and templates, in one change of the assignment. */
  assign(pods: readonly AssignedPod[], templates: Readonly<Record<string, PodTemplate>> = {}): void {
    Object.assign(this.templates, templates);
    for (const pod of pods) {
      this.pods.set(pod.uid, pod);
      this.#seen.add(pod.uid);
    }
    this.#changed();
  }

  /** Makes an object, or changes it. */
  put(object: Partial<HeldObject> & Pick<HeldObject, "kind" | "name">): void {
    const namespace = object.namespace ?? "default";
    const blank = { namespace, uid: `uid-of-${object.name}`, type: "", data: {}, binaryData: {} };
    const version = `${this.#revision + 1}`;
    this.objects.set(keyOf(object.kind, namespace, object.name), { ...blank, ...object, version });
    // Last, for whoever listens looks at once.
    this.#changed();
  }

  remove(kind: HeldObject["kind"], name: string): void {
    this.objects.delete(keyOf(kind, "default", name));
    this.#changed();
  }

  async token(request: TokenRequest, nowMs: number, isReachable: boolean): Promise<IssuedToken> {
    if (!isReachable) throw new Error("the control plane is away");
    if (this.refusesTokens) throw new TokenRefused("status 404");
    this.tokenRequests.push(request);
    const token = `token-${this.tokenRequests.length}`;
    return { token, issuedAtMs: nowMs, expiresAtMs: nowMs + request.expirationSeconds * 1000 };
  }

  unassign(uid: string): void {
    this.pods.delete(uid);
    this.#changed();
  }

  delete(uid: string, gracePeriodSeconds = 30): void {
    const pod = this.pods.get(uid);
    if (pod !== undefined) this.assign([{ ...pod, deletion: { atMs: 0, gracePeriodSeconds } }]);
  }

  onChange(listener: () => void): () => void {
    this.#onChange.add(listener);
    return () => this.#onChange.delete(listener);
  }

  /** What was reported of a pod; a plain object, as tests look into it. */
  status(uid: string): Record<string, unknown> | undefined {
    return this.reports.get(uid)?.status;
  }

  isReady(uid: string): boolean {
    const conditions = this.status(uid)?.["conditions"];
    return (
      JSON.stringify(conditions ?? []).includes('"Ready","lastProbeTime":null') &&
      condition(conditions, "Ready") === "True"
    );
  }

  handle(request: SyncRequest): SyncAnswer {
    this.requests.push(request);
    for (const report of request.pods ?? []) this.#take(report);
    this.events.push(...(request.events ?? []));
    if (request.usage !== undefined) this.asksForUsage = false;
    const answer = this.answer(request.sequence, request.have);
    this.resend = false;
    return answer;
  }

  answer(acknowledged: number, have: SyncRequest["have"]): SyncAnswer {
    const isNew = have.etag !== this.etag;
    const pods = [...this.pods.values()].map((pod) => ({
      ...pod,
      observation: this.reports.get(pod.uid)?.observation ?? pod.observation,
    }));
    const lacking = pods.map(({ template }) => template).filter((id) => !have.templates.includes(id));
    const templates = Object.fromEntries(lacking.map((id) => [id, this.templates[id]]));
    const answer = {
      protocol: 1,
      acknowledged,
      registered: this.registered,
      revision: this.#revision,
      etag: this.etag,
      ...(isNew ? { pods, templates, objects: this.#told(pods, have.objects ?? []) } : {}),
      ...(this.resend ? { resend: true } : {}),
      ...(this.asksForUsage ? { usage: true } : {}),
      nextSyncMs: this.nextSyncMs,
    };
    // By text, as it goes over the wire.
    return SyncAnswer.parse(JSON.parse(JSON.stringify(answer)));
  }

  #told(pods: readonly AssignedPod[], held: readonly string[]): AssignedObject[] {
    const named = pods.flatMap(({ namespace, template, serviceAccount }) => {
      const known = this.templates[template];
      if (known === undefined) return [];
      const secrets = (serviceAccount?.imagePullSecrets ?? []).map((name) => ({ kind: "Secret", name }) as const);
      return [...podNeeds(known).objects, ...secrets].map((object) => ({ ...object, namespace }));
    });
    let left = this.objectsAtOnce;
    return [...new Map(named.map((one) => [keyOf(one.kind, one.namespace, one.name), one]))].map(([key, one]) => {
      const { version = "", uid = "", type = "", data = {}, binaryData = {} } = this.objects.get(key) ?? {};
      if (version === "" || held.includes(version) || left === 0) return { ...one, version };
      left -= 1;
      return { ...one, version, content: { uid, type, data: { ...data }, binaryData: { ...binaryData } } };
    });
  }

  #take(report: PodReport): void {
    const known = this.reports.get(report.uid);
    if (known !== undefined && report.observation <= known.observation) {
      this.late.push(report);
      return;
    }
    if (!this.pods.has(report.uid)) return;
    this.reports.set(report.uid, report);
    if (report.ended !== true) return;
    this.pods.delete(report.uid);
    this.#changed();
  }

  #changed(): void {
    this.#revision += 1;
    for (const listener of this.#onChange) listener();
  }
}

function keyOf(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

function condition(conditions: unknown, type: string): unknown {
  if (!Array.isArray(conditions)) return undefined;
  return conditions.find((one) => one.type === type)?.status;
}
