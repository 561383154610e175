// Applies a JSON patch. Source: RFC 6902. Where the API server is more lenient than the RFC, somebody relies on it:
// an index may be negative (-1 is the last), `replace` may name a member that is not there yet, and `test` for null
// passes when there is none.

import { isJsonArray, isJsonObject, type JsonObject, member } from "../../core/json.ts";
import { ApiError } from "../../model/api-error.ts";
import type { Json } from "../../model/fields.ts";
import { type Pointer, parsePointer, placeOf, pointerText, valueAt } from "./json-pointer.ts";
import { isSameTree, jsonOf, type Tree, treeOf } from "./json-tree.ts";
import { RejectedPatch, undecodable } from "./patch-error.ts";

/** As many operations as one JSON patch may have. */
const maxOperations = 1_000;
/** As much JSON as the copies of one patch may add: a list that is copied into itself doubles each time. */
const maxCopiedCharacters = 3 * 1024 * 1024;

/**
 * The document after all operations. It may be any JSON, as an operation may replace the whole.
 * Throws BadRequest when the patch is not a list of objects, RequestEntityTooLarge when it is too long, and Invalid
 * when an operation is malformed, a path does not exist or a test fails.
 */
export function applyJsonPatch(document: Json, patch: Json): Json {
  const draft = new Draft(document);
  for (const [index, operation] of operationsOf(patch).entries()) {
    try {
      draft.apply(operation);
    } catch (cause) {
      if (!(cause instanceof FailedOperation)) throw cause;
      throw new RejectedPatch(`patch[${index}]`, cause.message);
    }
  }
  return draft.result();
}

function operationsOf(patch: Json): readonly JsonObject[] {
  if (!isJsonArray(patch)) throw undecodable(patch, "[]interface {}");
  if (patch.length > maxOperations) {
    const text = `The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`;
    throw new ApiError("RequestEntityTooLarge", `Request entity too large: ${text}`);
  }
  return patch.map((operation) => {
    if (!isJsonObject(operation)) throw undecodable(operation, "jsonpatch.Operation");
    return operation;
  });
}

/** Why an operation cannot be applied; never leaves this file. */
class FailedOperation extends Error {}

function missing(pointer: Pointer): FailedOperation {
  return new FailedOperation(`path ${JSON.stringify(pointerText(pointer))} does not exist`);
}

class Draft {
  #document: Tree;
  #copiedCharacters = 0;

  constructor(document: Json) {
    this.#document = treeOf(document);
  }

  result(): Json {
    return jsonOf(this.#document);
  }

  apply(operation: JsonObject): void {
    const path = pointerIn(operation, "path");
    switch (operation["op"]) {
      case "add":
        this.#add(path, valueIn(operation));
        break;
      case "replace":
        this.#replace(path, valueIn(operation));
        break;
      case "remove":
        this.#remove(path);
        break;
      case "move":
        this.#move({ from: pointerIn(operation, "from"), to: path });
        break;
      case "copy":
        this.#add(path, this.#copyOf(pointerIn(operation, "from")));
        break;
      case "test":
        this.#test(path, valueIn(operation));
        break;
      default:
        throw new FailedOperation(`unknown operation ${JSON.stringify(operation["op"] ?? null)}`);
    }
  }

  #valueAt(pointer: Pointer): Tree {
    const value = valueAt(this.#document, pointer);
    if (value === undefined) throw missing(pointer);
    return value;
  }

  /** The object or list that holds the target, and the target's token in it. */
  #parentOf(pointer: Pointer): { parent: Tree[] | Map<string, Tree>; token: string } {
    const token = pointer.at(-1);
    if (token === undefined) throw missing(pointer);
    const parent = this.#valueAt(pointer.slice(0, -1));
    if (!Array.isArray(parent) && !(parent instanceof Map)) throw missing(pointer);
    return { parent, token };
  }

  #add(path: Pointer, value: Tree): void {
    if (path.length === 0) {
      this.#document = value;
      return;
    }
    const { parent, token } = this.#parentOf(path);
    if (parent instanceof Map) {
      parent.set(token, value);
      return;
    }
    // One place more than there are elements: behind the last.
    const place = token === "-" ? parent.length : placeOf(token, parent.length + 1);
    if (place === undefined) throw missing(path);
    parent.splice(place, 0, value);
  }

  #replace(path: Pointer, value: Tree): void {
    if (path.length === 0) {
      this.#document = value;
      return;
    }
    const { parent, token } = this.#parentOf(path);
    if (parent instanceof Map) {
      parent.set(token, value);
      return;
    }
    const place = placeOf(token, parent.length);
    if (place === undefined) throw missing(path);
    parent[place] = value;
  }

  #remove(path: Pointer): void {
    const { parent, token } = this.#parentOf(path);
    if (parent instanceof Map) {
      if (!parent.delete(token)) throw missing(path);
      return;
    }
    const place = placeOf(token, parent.length);
    if (place === undefined) throw missing(path);
    parent.splice(place, 1);
  }

  #move({ from, to }: { readonly from: Pointer; readonly to: Pointer }): void {
    const value = this.#valueAt(from);
    const leadsThroughItself = from.every((token, index) => token === to[index]);
    if (leadsThroughItself && from.length === to.length) return;
    if (leadsThroughItself) {
      throw new FailedOperation(`${JSON.stringify(pointerText(from))} cannot be moved into itself`);
    }
    this.#remove(from);
    this.#add(to, value);
  }

  #copyOf(from: Pointer): Tree {
    const value = jsonOf(this.#valueAt(from));
    this.#copiedCharacters += JSON.stringify(value).length;
    if (this.#copiedCharacters <= maxCopiedCharacters) return treeOf(value);
    throw new FailedOperation(`copies must not add more than ${maxCopiedCharacters} characters`);
  }

  #test(path: Pointer, expected: Tree): void {
    const parent = path.length === 0 ? null : this.#valueAt(path.slice(0, -1));
    const isAbsentMember = parent instanceof Map && !parent.has(path.at(-1) ?? "");
    const actual = isAbsentMember ? null : this.#valueAt(path);
    if (isSameTree(actual, expected)) return;
    throw new FailedOperation(`testing value ${JSON.stringify(pointerText(path))} failed`);
  }
}

function pointerIn(operation: JsonObject, name: "path" | "from"): Pointer {
  const text = member(operation, name);
  const pointer = typeof text === "string" ? parsePointer(text) : undefined;
  if (pointer !== undefined) return pointer;
  throw new FailedOperation(`${JSON.stringify(name)} must be a text that is empty or starts with "/"`);
}

function valueIn(operation: JsonObject): Tree {
  const value = member(operation, "value");
  if (value === undefined) throw new FailedOperation('"value" is missing');
  return treeOf(value);
}
