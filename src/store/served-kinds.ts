// Which kinds are served: those that are always there, and those that CustomResourceDefinitions add. Definitions are
// asked for at each use, so that one that was just written is served at once, here and elsewhere; what was made of them
// is kept for as long as they have not changed.
import type { TakenNames } from "../model/custom/accepted-names.ts";
import { takenNames } from "../model/custom/accepted-names.ts";
import type { Outline } from "../model/custom/custom-kinds.ts";
import { customKinds } from "../model/custom/custom-kinds.ts";
import { customResource } from "../model/custom/custom-resource.ts";
import type { CustomResourceDefinition } from "../model/custom/definition.ts";
import { apiVersionOf } from "../model/decode.ts";
import type { Resource, ServedKind } from "../model/resource.ts";
import { findResource, resourceByKind, resources } from "../model/resources.ts";
import { runBatch } from "./batch.ts";
import type { Stamped } from "./definitions.ts";
import { readDefinition, readOutlines } from "./definitions.ts";

/** How many definitions are kept ready for use. */
const mostKept = 64;

type GroupVersion = { readonly group: string; readonly version: string };

type Kept = Stamped<CustomResourceDefinition> & { readonly resources: Map<string, Resource | undefined> };

type Custom = { readonly of: string; readonly kinds: readonly ServedKind[]; readonly all: readonly ServedKind[] };

export class ServedKinds {
  readonly #db: D1Database;
  readonly #kept = new Map<string, Kept>();
  #outlines: ReadonlyMap<string, Stamped<Outline>> = new Map();
  #custom: Custom = { of: "", kinds: [], all: resources };

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** `group` is empty for the core group. A kind that is always there costs no query. */
  async find({ group, version, plural }: GroupVersion & { readonly plural: string }): Promise<Resource | undefined> {
    const fixed = findResource(group, version, plural);
    if (fixed !== undefined || !mayBeCustom(group)) return fixed;
    const definition = await this.#definition(`${plural}.${group}`);
    return definition === null ? undefined : resourceOf(definition, version);
  }

  /** `apiVersion` as objects have it. */
  async ofKind(apiVersion: string, kind: string): Promise<ServedKind | undefined> {
    const fixed = resourceByKind(apiVersion, kind);
    if (fixed !== undefined || !mayBeCustom(apiVersion.split("/")[0] ?? "")) return fixed;
    const custom = await this.#customKinds();
    return custom.find((served) => served.kind === kind && apiVersionOf(served) === apiVersion);
  }

  /** All kinds, those that are always there first: the same list for as long as none of them changes. */
  async all(): Promise<readonly ServedKind[]> {
    await this.#customKinds();
    return this.#custom.all;
  }

  /** The custom kinds of a group and version, ready for use. */
  async customOf({ group, version }: GroupVersion): Promise<readonly Resource[]> {
    const kinds = (await this.#customKinds()).filter((kind) => kind.group === group && kind.version === version);
    const found = await Promise.all(kinds.map((kind) => this.find(kind)));
    return found.filter((resource) => resource !== undefined);
  }

  /** By group and version of custom kinds (`example.com/v1`): what changes whenever they may have changed. */
  async stamps(): Promise<ReadonlyMap<string, string>> {
    const kinds = await this.#customKinds();
    const stampOf = (group: string) =>
      [...this.#outlines.values()].flatMap(({ value, stamp }) => (value.spec.group === group ? [stamp] : [])).join(" ");
    return new Map(kinds.map((kind) => [apiVersionOf(kind), stampOf(kind.group)]));
  }

  /** The names that are taken in the group of a definition by others. */
  async namesBeside({ metadata, spec }: CustomResourceDefinition): Promise<TakenNames> {
    await this.#customKinds();
    const fixed = resources.filter(({ group }) => group === spec.group);
    const others = [...this.#outlines.values()].filter(
      ({ name, value }) => name !== metadata.name && value.spec.group === spec.group,
    );
    return takenNames([...fixed, ...others.map(({ value }) => value.status.acceptedNames)]);
  }

  async #customKinds(): Promise<readonly ServedKind[]> {
    const known = Object.fromEntries([...this.#outlines.values()].map(({ name, stamp }) => [name, stamp]));
    const [read] = await runBatch(this.#db, [readOutlines(this.#db, known)]);
    const outlines = new Map(
      read.flatMap(({ name, stamp, value }) => {
        const outline = value ?? this.#outlines.get(name)?.value;
        return outline === undefined ? [] : [[name, { name, stamp, value: outline }] as const];
      }),
    );
    this.#outlines = outlines;
    const of = read.map(({ stamp }) => stamp).join(" ");
    if (of !== this.#custom.of) {
      const kinds = customKinds([...outlines.values()].map(({ value }) => value));
      this.#custom = { of, kinds, all: [...resources, ...kinds] };
    }
    return this.#custom.kinds;
  }

  async #definition(name: string): Promise<Kept | null> {
    const kept = this.#kept.get(name);
    const [read] = await runBatch(this.#db, [readDefinition(this.#db, name, kept?.stamp ?? "")]);
    this.#kept.delete(name);
    if (read === null) return null;
    const definition =
      read.value === null ? kept : { name, stamp: read.stamp, value: read.value, resources: new Map() };
    if (definition === undefined) return null;
    this.#kept.set(name, definition);
    for (const oldest of this.#kept.keys()) if (this.#kept.size > mostKept) this.#kept.delete(oldest);
    return definition;
  }
}

function resourceOf({ value, resources: made }: Kept, version: string): Resource | undefined {
  if (!made.has(version)) made.set(version, customResource(value, version));
  return made.get(version);
}

/** Groups without a dot are never those of custom kinds. */
function mayBeCustom(group: string): boolean {
  return group.includes(".");
}
