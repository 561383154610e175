// What somebody applies, merged into what is there. Source: sigs.k8s.io/structured-merge-diff typed, merge.go.
import type { Json } from "../../model/fields.ts";
import { member } from "../json.ts";
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

type Side = Json | undefined;

/** `live` with everything that `applied` names in its place. */
export function merge(type: FieldType, live: Json, applied: Json): Json {
  return mergeSides(type, live, applied) ?? {};
}

/** Undefined when neither side has anything. */
function mergeSides(type: FieldType, live: Side, applied: Side): Side {
  const known = applied === undefined ? typeOf(type, live) : typeOf(type, applied);
  switch (known.kind) {
    case "scalar":
      return applied === undefined ? live : applied;
    case "list":
      return mergeLists(known, live, applied);
    case "map":
      return mergeMaps(known, live, applied);
  }
}

function mergeMaps(type: MapType, live: Side, applied: Side): Side {
  const [old, next] = [asMap(live) ?? {}, asMap(applied) ?? {}];
  const names = new Set([...Object.keys(old), ...Object.keys(next)]);
  if (type.isAtomic || names.size === 0) return applied === undefined ? live : applied;
  const merged: [string, Json][] = [];
  for (const name of names) {
    const value = mergeSides(fieldType(type, name), member(old, name), member(next, name));
    if (value !== undefined) merged.push([name, value]);
  }
  return Object.fromEntries(merged);
}

type Element = { readonly element: string; readonly value: Json };

function mergeLists(type: ListType, live: Side, applied: Side): Side {
  const old = elementsOf(type, asList(live) ?? []);
  const next = elementsOf(type, asList(applied) ?? []);
  if (type.keys === "atomic" || old.length + next.length === 0) return applied === undefined ? live : applied;
  const merging = new ListMerge(type, old, next);
  return merging.merge();
}

function elementsOf(type: ListType, list: readonly Json[]): readonly Element[] {
  return list.flatMap((value) => {
    const path = elementPath(type, value);
    return "problem" in path ? [] : [{ element: path.element, value }];
  });
}

/**
 * Elements that both have come in the applied order; those that only one side has keep their place among them, new ones
 * before the next that both have.
 */
class ListMerge {
  readonly #type: ListType;
  readonly #live: readonly Element[];
  readonly #applied: readonly Element[];
  readonly #liveValues: ReadonlyMap<string, Json>;
  readonly #appliedValues: ReadonlyMap<string, Json>;
  readonly #merged: Json[] = [];
  readonly #done = new Set<string>();
  /** What both have and is still to come, in the applied order. */
  readonly #shared: string[];

  constructor(type: ListType, live: readonly Element[], applied: readonly Element[]) {
    this.#type = type;
    this.#live = live;
    this.#applied = applied;
    this.#liveValues = valuesOf(withoutRepeated(live));
    this.#appliedValues = valuesOf(applied);
    const inLive = new Set(live.map(({ element }) => element));
    this.#shared = applied.map(({ element }) => element).filter((element) => inLive.has(element));
  }

  merge(): readonly Json[] {
    let left = 0;
    let right = 0;
    while (left < this.#live.length || right < this.#applied.length) {
      const live = this.#live[left];
      const applied = this.#applied[right];
      if (live !== undefined && live.element === applied?.element) {
        this.#take(live.element);
        left += 1;
        right += 1;
        continue;
      }
      if (live !== undefined && !this.#appliedValues.has(live.element)) {
        this.#push(live.value, undefined);
        left += 1;
        continue;
      }
      const next = this.#shared[0];
      const isOutOfTurn = applied !== undefined && next !== undefined && next !== live?.element;
      if (live !== undefined && isOutOfTurn) {
        // Its turn was, or it comes later, when the applied list gets to it.
        left += 1;
        continue;
      }
      if (live !== undefined && this.#done.has(live.element)) left += 1;
      if (applied !== undefined) {
        this.#take(applied.element);
        right += 1;
      }
    }
    return this.#merged;
  }

  /** An element of the applied list, merged with the live one where there is one. */
  #take(element: string): void {
    this.#done.add(element);
    if (this.#shared[0] === element) this.#shared.shift();
    this.#push(this.#liveValues.get(element), this.#appliedValues.get(element));
  }

  #push(live: Side, applied: Side): void {
    const value = mergeSides(this.#type.elements, live, applied);
    if (value !== undefined) this.#merged.push(value);
  }
}

function valuesOf(elements: readonly Element[]): ReadonlyMap<string, Json> {
  return new Map(elements.map(({ element, value }) => [element, value]));
}

/** Elements that nothing tells apart cannot be merged with one: they are replaced. */
function withoutRepeated(elements: readonly Element[]): readonly Element[] {
  const counts = new Map<string, number>();
  for (const { element } of elements) counts.set(element, (counts.get(element) ?? 0) + 1);
  return elements.filter(({ element }) => counts.get(element) === 1);
}
