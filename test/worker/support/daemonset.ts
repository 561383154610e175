// DaemonSets of the tests: made through the API, carried out by their own Durable Objects.
import { env } from "cloudflare:workers";

import type { DaemonSet } from "../../../src/model/daemonset.ts";
import { daemonSets } from "../../../src/model/daemonset.ts";
import type { KubeObject } from "../../../src/model/meta.ts";
import type { Pod } from "../../../src/model/pod.ts";
import { daemonSetController } from "../../../src/pokes.ts";
import { insertObjects } from "../../../src/store/objects.ts";
import type { Changes } from "../../model/objects.ts";
import { changed, daemonSet, plainDaemonSet } from "../../model/objects.ts";
import * as api from "./api.ts";
import { newUid, run } from "./cluster.ts";

/** The manifest of a DaemonSet, with some fields changed, by path. */
function manifest(changes: Changes = {}): object {
  return changed(plainDaemonSet, changes);
}

export async function createSet(changes: Changes = {}): Promise<DaemonSet> {
  return asSet(await api.create(api.daemonSets, manifest(changes)));
}

/** A DaemonSet in the store, of which nobody has told its controller; with the controller's address. */
export async function storeSet(changes: Changes = {}): Promise<{ readonly name: string; readonly uid: string }> {
  const set = daemonSets.prepareForCreate(daemonSet(changes));
  const { name = "" } = set.metadata;
  const object = { ...set, metadata: { ...set.metadata, uid: newUid() } };
  await run(
    insertObjects(env.DB, [{ resource: "daemonsets.apps", namespace: "default", name, object }], { nowMs: Date.now() }),
  );
  return { name, uid: object.metadata.uid };
}

export async function getSet(name = "web"): Promise<DaemonSet> {
  return asSet(await api.get(`${api.daemonSets}/${name}`));
}

/** A user changes fields, by path. */
export async function changeSet(changes: Changes, name = "web"): Promise<DaemonSet> {
  const { metadata, ...set } = await getSet(name);
  const { resourceVersion: _any, ...unversioned } = metadata;
  return asSet(await api.replace(`${api.daemonSets}/${name}`, changed({ ...set, metadata: unversioned }, changes)));
}

function asSet(object: KubeObject): DaemonSet {
  // The API's own answer.
  return object as DaemonSet;
}

/** Lets the DaemonSet's controller do all that is to be done, and returns the DaemonSet as it is then. */
export async function reconcile(name = "web"): Promise<DaemonSet> {
  const { metadata } = await getSet(name);
  await pokeController({ name, uid: metadata.uid ?? "" });
  return getSet(name);
}

export async function pokeController({ name, uid }: { readonly name: string; readonly uid: string }): Promise<void> {
  await controllerOf({ name, uid }).poke();
}

export function controllerOf({ name, uid }: { readonly name: string; readonly uid: string }) {
  return daemonSetController(env, { namespace: "default", name, uid });
}

/** The pods of the namespace, in the order of their nodes. */
export async function daemonPods(): Promise<readonly Pod[]> {
  // The API's own answer.
  const pods = (await api.list(api.pods)) as readonly Pod[];
  return pods.toSorted((a, b) => ((a.spec.nodeName ?? "") < (b.spec.nodeName ?? "") ? -1 : 1));
}

export async function podsByNode(): Promise<ReadonlyMap<string, Pod>> {
  return new Map((await daemonPods()).map((pod) => [pod.spec.nodeName ?? "", pod]));
}

export function uidsOf(pods: readonly Pod[]): readonly string[] {
  return pods.map(({ metadata }) => metadata.uid ?? "");
}

export const image = (name: string): Changes => ({ "spec.template.spec.containers[0].image": name });
