// Which fields of an object changed. Source: sigs.k8s.io/structured-merge-diff typed, compare.go.
import type { Json } from "../../model/fields.ts";
import { isSameJson, member } from "../json.ts";
import { type FieldSet, FieldSetBuilder, recursiveDifference } from "./field-set.ts";
import {
  asList,
  asMap,
  elementPath,
  type FieldType,
  fieldType,
  type ListType,
  type MapType,
  typeOf,
} from "./field-type.ts";
import { fieldElement } from "./path-element.ts";

/** No field is in more than one of the sets. */
export type Comparison = { readonly added: FieldSet; readonly modified: FieldSet; readonly removed: FieldSet };

export function compare(type: FieldType, before: Json, after: Json): Comparison {
  const comparing = new Comparing();
  comparing.visit(type, before, after);
  return comparing;
}

/** The comparison without these fields and everything below them. */
export function without({ added, modified, removed }: Comparison, ignored: FieldSet): Comparison {
  return {
    added: recursiveDifference(added, ignored),
    modified: recursiveDifference(modified, ignored),
    removed: recursiveDifference(removed, ignored),
  };
}

type Side = Json | undefined;

class Comparing {
  readonly added = new FieldSetBuilder();
  readonly modified = new FieldSetBuilder();
  readonly removed = new FieldSetBuilder();
  readonly #path: string[] = [];

  /** At most one side is undefined: not there. */
  visit(type: FieldType, before: Side, after: Side): void {
    const old = typeOf(type, before);
    const known = after === undefined ? old : typeOf(type, after);
    if (before !== undefined && after !== undefined && old.kind !== known.kind) this.#visitAs(old, before, after);
    const isLeaf = this.#visitAs(known, before, after);
    if (isLeaf) return;
    if (before === undefined) this.added.insert(this.#path);
    else if (after === undefined) this.removed.insert(this.#path);
  }

  /** Whether the value has one owner. */
  #visitAs(type: ReturnType<typeof typeOf>, before: Side, after: Side): boolean {
    switch (type.kind) {
      case "scalar":
        return this.#visitLeaf(before, after);
      case "list": {
        const isEmpty = isEmptyList(before) && isEmptyList(after);
        if (type.keys === "atomic" || isEmpty) return this.#visitLeaf(before, after);
        this.#visitElements(type, asList(before) ?? [], asList(after) ?? []);
        return false;
      }
      case "map": {
        const isEmpty = isEmptyMap(before) && isEmptyMap(after);
        if (type.isAtomic || isEmpty) return this.#visitLeaf(before, after);
        this.#visitFields(type, before, after);
        return false;
      }
    }
  }

  #visitLeaf(before: Side, after: Side): true {
    if (before === undefined) this.added.insert(this.#path);
    else if (after === undefined) this.removed.insert(this.#path);
    else if (!isSameJson(before, after)) this.modified.insert(this.#path);
    return true;
  }

  #visitFields(type: MapType, before: Side, after: Side): void {
    const [old, next] = [asMap(before) ?? {}, asMap(after) ?? {}];
    for (const name of new Set([...Object.keys(old), ...Object.keys(next)])) {
      this.#path.push(fieldElement(name));
      this.visit(fieldType(type, name), member(old, name), member(next, name));
      this.#path.pop();
    }
  }

  #visitElements(type: ListType, before: readonly Json[], after: readonly Json[]): void {
    const [old, next] = [byElement(type, before), byElement(type, after)];
    for (const element of new Set([...old.keys(), ...next.keys()])) {
      this.#path.push(element);
      this.#visitSame(type.elements, old.get(element) ?? [], next.get(element) ?? []);
      this.#path.pop();
    }
  }

  /** Elements that nothing tells apart: more than one of them count as a whole. */
  #visitSame(type: FieldType, before: readonly Json[], after: readonly Json[]): void {
    if (before.length <= 1 && after.length <= 1) this.visit(type, before[0], after[0]);
    else if (before.length > 1 && after.length > 1) {
      if (!isSameJson(before, after)) this.modified.insert(this.#path);
    } else if (before.length > 1) {
      if (after[0] !== undefined) this.visit(type, undefined, after[0]);
      this.removed.insert(this.#path);
    } else {
      if (before[0] !== undefined) this.visit(type, before[0], undefined);
      this.added.insert(this.#path);
    }
  }
}

function byElement(type: ListType, list: readonly Json[]): ReadonlyMap<string, readonly Json[]> {
  const found = new Map<string, Json[]>();
  for (const value of list) {
    const path = elementPath(type, value);
    if ("problem" in path) continue;
    const same = found.get(path.element);
    if (same === undefined) found.set(path.element, [value]);
    else same.push(value);
  }
  return found;
}

function isEmptyList(value: Side): boolean {
  return (asList(value)?.length ?? 0) === 0;
}

function isEmptyMap(value: Side): boolean {
  return Object.keys(asMap(value) ?? {}).length === 0;
}
