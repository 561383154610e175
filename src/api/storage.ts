// Where the objects of a kind are, behind one face: objects in their table, pods in small rows, leases nowhere at all.
import type { KubeObject } from "../model/meta.ts";

export type Place = { readonly namespace: string; readonly name: string };

export type Listing = {
  readonly objects: readonly KubeObject[];
  /** Objects that are not kept anywhere and come before the first page; paging takes no account of them. */
  readonly preceding?: readonly KubeObject[];
  /** The state of the cluster that this is a list of. */
  readonly rv: number;
};

export type ListRequest = {
  /** Null: all namespaces. */
  readonly namespace: string | null;
  /** Null: all names. With a name there is a namespace too, unless the kind has none. */
  readonly name: string | null;
  /** Pods only: those bound to this node; null: to any, or to none. */
  readonly nodeName: string | null;
  readonly after: Place | null;
  readonly limit: number;
};

export type CreateOutcome =
  | { readonly outcome: "created"; readonly object: KubeObject }
  | { readonly outcome: "exists" | "namespace missing" | "namespace terminating" };

export type UpdateOutcome =
  /** `removed`: the change let go of the last thing that held the object, and it is gone. */
  { readonly outcome: "updated" | "removed"; readonly object: KubeObject } | { readonly outcome: "conflict" };

export interface Storage {
  read(place: Place): Promise<KubeObject | null>;
  /** One of the objects that are kept nowhere; null: it is none of those. Left out where there are none. */
  makeUp?(place: Place): Promise<KubeObject | null>;
  list(request: ListRequest): Promise<Listing>;
  /** How many objects come after `after`, counted no further than to `limit`. Left out where that is not to be had cheaply. */
  count?(request: Pick<ListRequest, "namespace" | "after" | "limit">): Promise<number>;
  create(object: KubeObject, nowMs: number): Promise<CreateOutcome>;
  /** Replaces `before`, which must be as it was read. */
  update(before: KubeObject, after: KubeObject, nowMs: number): Promise<UpdateOutcome>;
  /**
   * The object as a write would leave it, for those that do not write. Throws what would refuse it. `before` null: it
   * would be new. Left out where what is given is what is stored.
   */
  preview?(before: KubeObject | null, after: KubeObject): Promise<KubeObject>;
  /** Deletes or marks each object that is as it was read; returns those, as they are now, and how it went. */
  remove(objects: readonly KubeObject[], how: RemovalOptions, nowMs: number): Promise<readonly Removed[]>;
}

export type RemovalOptions = {
  readonly policy: "Background" | "Foreground" | "Orphan" | null;
  /** Pods only; null: what the pod says. */
  readonly graceSeconds: number | null;
};

export type Removed = { readonly object: KubeObject; readonly gone: boolean };
