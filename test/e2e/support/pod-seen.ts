// A pod as kubectl shows it: by what of it one can tell whether it went on or was started anew.
import type { Kubectl } from "./kubectl.ts";

export type PodSeen = { readonly uid: string; readonly ids: readonly string[]; readonly restarts: number };

/** The only pod that is labelled app=`app`. */
export async function podSeen(kubectl: Kubectl, app: string): Promise<PodSeen> {
  const { items } = JSON.parse(await kubectl.ok(`get pods -l app=${app} -o json`));
  // Of the API's own object, the fields that this is about.
  type Listed = {
    metadata: { uid: string };
    status: { containerStatuses?: { containerID?: string; restartCount: number }[] };
  };
  const [pod] = items as Listed[];
  const containers = pod?.status.containerStatuses ?? [];
  return {
    uid: pod?.metadata.uid ?? "",
    ids: containers.map(({ containerID }) => containerID ?? ""),
    restarts: containers.reduce((sum, { restartCount }) => sum + restartCount, 0),
  };
}
