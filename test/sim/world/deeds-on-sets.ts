// What people do to DaemonSets.
import type { DaemonSetBody } from "../check/state.ts";
import { badSpecs, placement, strategy } from "./specs.ts";
import type { Users } from "./users.ts";
import { jsonPatch, setPath, strategicPatch } from "./users.ts";

type DeedOnSet = (users: Users, set: DaemonSetBody) => Promise<unknown>;

async function changeTemplate(users: Users, set: DaemonSetBody): Promise<unknown> {
  const image = users.newImage();
  const path = "/spec/template/spec/containers/0/image";
  switch (users.random.int(3)) {
    case 0:
      return users.patchSet(
        set,
        { spec: { template: { spec: { containers: [{ name: "main", image }] } } } },
        strategicPatch,
      );
    case 1:
      return users.send({
        method: "PATCH",
        path: setPath(set),
        body: [{ op: "replace", path, value: image }],
        contentType: jsonPatch,
      });
    default:
      return users.patchSet(set, { spec: { template: { spec: { containers: [{ name: "main", image }] } } } });
  }
}

/** To the template of one of the revisions that are kept, as kubectl does it. */
async function rollBack(users: Users, set: DaemonSetBody): Promise<unknown> {
  const { uid } = set.metadata;
  const revisions = [...users.state.ofResource("controllerrevisions.apps")].filter(
    ({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid) === true,
  );
  const revision = users.random.pickOf(revisions);
  if (revision === undefined) return;
  // What a revision holds is a patch.
  const data = revision["data"] as Readonly<Record<string, unknown>>;
  return users.patchSet(set, data, strategicPatch);
}

async function patchWithLock(users: Users, set: DaemonSetBody): Promise<unknown> {
  const read = await users.read(setPath(set));
  if (read === null) return;
  if (users.random.chance(0.5)) await users.sleep(users.random.between(0, 3_000));
  return users.send({ method: "PUT", path: setPath(set), body: annotated(read, users.newName("lock")) });
}

function annotated(object: Readonly<Record<string, unknown>>, value: string) {
  // Every object of the API has metadata.
  const metadata = object["metadata"] as { readonly annotations?: Readonly<Record<string, string>> };
  return { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, "sim/lock": value } } };
}

/** Both have read the same, and both write. */
async function raceTwoClients(users: Users, set: DaemonSetBody): Promise<unknown> {
  const read = await users.read(setPath(set));
  if (read === null) return;
  const put = (name: string) => ({ method: "PUT" as const, path: setPath(set), body: annotated(read, name) });
  return Promise.all([
    users.send(put(users.newName("race")), users.alice),
    users.send(put(users.newName("race")), users.bob),
  ]);
}

async function deleteSet(users: Users, set: DaemonSetBody, propagationPolicy: string): Promise<unknown> {
  return users.send({
    method: "DELETE",
    path: setPath(set),
    body: { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy },
  });
}

/** The pods are left behind, and another set of the same selector takes them up. */
async function orphanAndAdopt(users: Users, set: DaemonSetBody): Promise<unknown> {
  await deleteSet(users, set, "Orphan");
  await users.sleep(users.random.between(0, 20_000));
  const app = set.spec.template.metadata.labels?.["app"];
  const image = users.random.chance(0.5) ? set.spec.template.spec.containers[0]?.image : users.newImage();
  return users.createSet(set.metadata.namespace ?? "default", app, image);
}

async function badSpec(users: Users, set: DaemonSetBody): Promise<unknown> {
  const bad = users.random.pickOf(badSpecs);
  if (bad === undefined) return;
  const answer = await users.patchSet(set, bad.patch);
  const isWrong = answer.outcome === "answered" && answer.status < 300;
  if (isWrong) throw new Error(`a bad spec was taken: ${JSON.stringify(bad.patch)}`);
}

export const deedsOnSets = {
  "change template": changeTemplate,
  "change strategy": (users, set) => users.patchSet(set, { spec: { updateStrategy: strategy(users.random) } }),
  "change minReadySeconds": (users, set) =>
    users.patchSet(set, { spec: { minReadySeconds: users.random.pick([0, 2, 8, 20]) } }),
  "change placement": (users, set) => users.patchSet(set, { spec: { template: { spec: placement(users.random) } } }),
  "roll back": rollBack,
  "restart rollout": (users, set) => {
    const annotations = { "kubectl.kubernetes.io/restartedAt": users.newName("at") };
    return users.patchSet(set, { spec: { template: { metadata: { annotations } } } }, strategicPatch);
  },
  annotate: (users, set) => users.patchSet(set, { metadata: { annotations: { "sim/note": users.newName("note") } } }),
  "patch with lock": patchWithLock,
  "race two clients": raceTwoClients,
  "delete set": (users, set) => deleteSet(users, set, "Background"),
  "foreground delete": (users, set) => deleteSet(users, set, "Foreground"),
  "orphan and adopt": orphanAndAdopt,
  "bad spec": badSpec,
} as const satisfies Readonly<Record<string, DeedOnSet>>;
