// The ConfigMaps and Secrets that an agent holds: what answers told of them, and what of it is still to come.
import type { AssignedObject } from "../../../src/sync/messages.ts";
import type { HeldObject, ObjectKind, ObjectLookup } from "./objects.ts";

/** Names an object and says in what version it is to be had; a version of "" stands for none. */
export type NamedVersion = Pick<HeldObject, "kind" | "namespace" | "name" | "version">;

export class HeldObjects implements ObjectLookup {
  /** What the assignment names; undefined: the control plane says nothing of objects. */
  readonly named: readonly NamedVersion[] | undefined;
  readonly held: readonly HeldObject[];
  readonly #byKey: ReadonlyMap<string, HeldObject | null>;

  /** An object that is named in a version which is not held is there in the one that is, if any. */
  constructor(named: readonly NamedVersion[] | undefined, held: readonly HeldObject[]) {
    this.named = named;
    this.held = held;
    const byKey = new Map<string, HeldObject | null>();
    for (const { version, ...key } of named ?? []) if (version === "") byKey.set(keyOf(key), null);
    for (const object of held) byKey.set(keyOf(object), object);
    this.#byKey = byKey;
  }

  get(kind: ObjectKind, namespace: string, name: string): HeldObject | null | undefined {
    return this.#byKey.get(keyOf({ kind, namespace, name }));
  }

  /** The control plane has told of the object, and is still to send it. */
  isOnItsWay(kind: ObjectKind, namespace: string, name: string): boolean {
    const isNamed = this.named?.some((one) => one.kind === kind && one.namespace === namespace && one.name === name);
    return isNamed === true && this.get(kind, namespace, name) === undefined;
  }

  /** Whether everything that is named is held in the version named. */
  get isComplete(): boolean {
    return (this.named ?? []).every((named) => (this.#byKey.get(keyOf(named))?.version ?? "") === named.version);
  }

  get versions(): string[] {
    return this.held.map(({ version }) => version);
  }

  /** What is held once an answer told `told` of the objects; undefined: it tells nothing of any. */
  after(told: readonly AssignedObject[] | undefined): HeldObjects {
    if (told === undefined) return new HeldObjects(undefined, []);
    const named = told.map(({ kind, namespace, name, version }) => ({ kind, namespace, name, version }));
    return new HeldObjects(
      named,
      told.flatMap((object) => this.#heldOf(object)),
    );
  }

  /** Until the new version is here, the one before serves. */
  #heldOf({ content, ...key }: AssignedObject): readonly HeldObject[] {
    if (key.version === "") return [];
    if (content !== undefined) return [{ ...key, ...content }];
    const before = this.get(key.kind, key.namespace, key.name);
    return before === null || before === undefined ? [] : [before];
  }

  /** True when what pods see of this object is not what they saw in `before`. */
  differsFrom(before: HeldObjects, kind: ObjectKind, namespace: string, name: string): boolean {
    const [was, is] = [before.get(kind, namespace, name), this.get(kind, namespace, name)];
    return was === null || is === null ? was !== is : was?.version !== is?.version;
  }
}

export const noHeldObjects = new HeldObjects(undefined, []);

function keyOf({ kind, namespace, name }: Pick<HeldObject, "kind" | "namespace" | "name">): string {
  return `${kind}/${namespace}/${name}`;
}
