// Sets of fields of an object. A field is in a set by itself, apart from what is below it.
// Source: sigs.k8s.io/structured-merge-diff fieldpath, set.go.
import { type FieldType, fieldType } from "./field-type.ts";
import { compareElements, fieldName, isListElement } from "./path-element.ts";

export type FieldSet = {
  /** The steps to the fields right here that are in the set. */
  readonly members: ReadonlySet<string>;
  /** What is in the set below the fields right here; never empty ones. */
  readonly children: ReadonlyMap<string, FieldSet>;
};

export const emptySet: FieldSet = { members: new Set(), children: new Map() };

/** A set in the making. */
export class FieldSetBuilder {
  readonly members = new Set<string>();
  readonly children = new Map<string, FieldSetBuilder>();

  /** The empty path, the object as a whole, is nobody's. */
  insert(path: readonly string[]): void {
    const last = path.at(-1);
    if (last === undefined) return;
    let at: FieldSetBuilder = this;
    for (let depth = 0; depth < path.length - 1; depth += 1) at = at.#below(path[depth] ?? "");
    at.members.add(last);
  }

  #below(element: string): FieldSetBuilder {
    const known = this.children.get(element);
    if (known !== undefined) return known;
    const below = new FieldSetBuilder();
    this.children.set(element, below);
    return below;
  }
}

/** The set of the fields at these paths. */
export function setOf(...paths: readonly (readonly string[])[]): FieldSet {
  const builder = new FieldSetBuilder();
  for (const path of paths) builder.insert(path);
  return builder;
}

export function isEmptySet({ members, children }: FieldSet): boolean {
  return members.size === 0 && children.size === 0;
}

export function below(set: FieldSet, element: string): FieldSet {
  return set.children.get(element) ?? emptySet;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a)) return b;
  if (isEmptySet(b)) return a;
  const children = new Map(a.children);
  for (const [element, set] of b.children) {
    const other = a.children.get(element);
    children.set(element, other === undefined ? set : union(other, set));
  }
  return { members: new Set([...a.members, ...b.members]), children };
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return {
    members: filtered(a.members, (element) => b.members.has(element)),
    children: childrenOf(a, (set, element) => intersection(set, below(b, element))),
  };
}

/** The fields of `a` that are not in `b`; what is below a field of `b` stays. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(b)) return a;
  return {
    members: filtered(a.members, (element) => !b.members.has(element)),
    children: childrenOf(a, (set, element) => difference(set, below(b, element))),
  };
}

/** The fields of `a` that are neither in `b` nor below a field of it. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(b)) return a;
  return {
    members: filtered(a.members, (element) => !b.members.has(element)),
    children: childrenOf(a, (set, element) =>
      b.members.has(element) ? emptySet : recursiveDifference(set, below(b, element)),
    ),
  };
}

function filtered(members: ReadonlySet<string>, isKept: (element: string) => boolean): ReadonlySet<string> {
  return new Set([...members].filter(isKept));
}

function childrenOf(
  { children }: FieldSet,
  change: (set: FieldSet, element: string) => FieldSet,
): ReadonlyMap<string, FieldSet> {
  const changed = new Map<string, FieldSet>();
  for (const [element, set] of children) {
    const next = change(set, element);
    if (!isEmptySet(next)) changed.set(element, next);
  }
  return changed;
}

/** The paths of all fields of the set, in order. */
export function pathsOf(set: FieldSet, start: readonly string[] = []): readonly (readonly string[])[] {
  const members = [...set.members].toSorted(compareElements).map((element) => [...start, element]);
  const children = [...set.children].toSorted(([a], [b]) => compareElements(a, b));
  return [...members, ...children.flatMap(([element, below]) => pathsOf(below, [...start, element]))];
}

/** The set with every named field of a struct that leads to one of its fields: those are not kept in sets. */
export function withNamedFields(set: FieldSet, type: FieldType): FieldSet {
  const members = new Set(set.members);
  const children = new Map<string, FieldSet>();
  for (const [element, child] of set.children) {
    const name = fieldName(element);
    if (name !== undefined && type.kind === "map" && type.fields.has(name)) members.add(element);
    children.set(element, withNamedFields(child, typeBelow(type, element)));
  }
  return { members, children };
}

const unknownType: FieldType = { kind: "any" };

function typeBelow(type: FieldType, element: string): FieldType {
  const name = fieldName(element);
  if (name !== undefined && type.kind === "map") return fieldType(type, name);
  return type.kind === "list" && isListElement(element) ? type.elements : unknownType;
}
