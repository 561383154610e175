// What there is at the end of a run, for finding out what went wrong in it.
import type { Run } from "./run-seed.ts";

export function dump({ world, judge }: Run): string {
  const sets = world.store.inspect(
    "SELECT namespace, name, uid, rv, body FROM objects WHERE resource = 'daemonsets.apps'",
  );
  const others = world.store.inspect(
    "SELECT * FROM objects WHERE resource NOT IN ('daemonsets.apps', 'nodes', 'events', 'serviceaccounts', 'priorityclasses.scheduling.k8s.io')",
  );
  const nodes = world.store.inspect("SELECT name, rv, body FROM objects WHERE resource = 'nodes'");
  const pods = world.store.inspect("SELECT * FROM pods ORDER BY namespace, name");
  return [
    `swarm ${JSON.stringify(world.swarm)}`,
    ...sets.map(({ name, namespace, uid, rv, body }) => {
      const { metadata, spec, status } = JSON.parse(String(body));
      const { template, ...rest } = spec;
      const { tolerations, nodeSelector, affinity, containers } = template.spec;
      const wishes = JSON.stringify({ tolerations, nodeSelector, affinity, image: containers[0].image });
      const going = metadata.deletionTimestamp === undefined ? "" : ` going ${JSON.stringify(metadata.finalizers)}`;
      return `set ${namespace}/${name} ${uid} rv ${rv} generation ${metadata.generation}${going} ${JSON.stringify(rest)} ${wishes} ${JSON.stringify(status)}`;
    }),
    ...others.map(({ resource, namespace, name, uid, rv, body }) => {
      const { deletionTimestamp, finalizers, ownerReferences } = JSON.parse(String(body)).metadata;
      return `${resource} ${namespace}/${name} ${uid} rv ${rv} ${JSON.stringify({ deletionTimestamp, finalizers, ownerReferences })}`;
    }),
    ...nodes.map(({ name, rv, body }) => {
      const { metadata, spec, status } = JSON.parse(String(body));
      const ready = status.conditions?.find(
        (condition: { readonly type: string }) => condition.type === "Ready",
      )?.status;
      return `node ${name} rv ${rv} ready ${ready} ${JSON.stringify(metadata.labels)} ${JSON.stringify(spec)}`;
    }),
    ...pods.map((pod) => `pod ${JSON.stringify({ ...pod, status: undefined, previous: undefined })} ${pod["status"]}`),
    ...world.machines.map(({ name, agent, disk, clockErrorMs }) => {
      const summary = JSON.stringify(agent?.summary() ?? "no agent");
      return `machine ${name} clock ${clockErrorMs} ${summary}\n    ${disk.content.assignment}\n    ${disk.content.memory}`;
    }),
    `rows ${judge.history.entries.length}`,
  ].join("\n");
}
