// A ConfigMap for each namespace, which the pods of sets have as a volume: people make it, change it and take it away.
import type { Random } from "../engine/random.ts";
import type { Json } from "./client.ts";
import type { Users } from "./users.ts";
import { mergePatch } from "./users.ts";

const settingsName = "settings";

/** Pods start without it, as people may have taken it away for good. */
export const settingsVolumes: Json = {
  volumes: [{ name: settingsName, configMap: { name: settingsName, optional: true } }],
};

export async function changeSettings(users: Users, random: Random): Promise<unknown> {
  const namespace = users.aNamespace();
  const all = `/api/v1/namespaces/${namespace}/configmaps`;
  const path = `${all}/${settingsName}`;
  const data = { value: String(random.int(1_000_000)) };
  if (users.state.find("configmaps", namespace, settingsName) === null) {
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: settingsName, namespace }, data };
    return users.send({ method: "POST", path: all, body });
  }
  if (random.chance(0.2)) return users.send({ method: "DELETE", path });
  return users.send({ method: "PATCH", path, body: { data }, contentType: mergePatch });
}
