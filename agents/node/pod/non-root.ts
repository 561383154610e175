// Whether a container that must not run as root would.
// Source: kubelet kuberuntime verifyRunAsNonRoot.
import type { Container } from "../../../src/model/container.ts";
import type { ImageStatus } from "../runtime/runtime.ts";
import type { PodSurroundings } from "./environment.ts";

/** Why it is not started; null: it may be. */
export function nonRootProblem(
  { name, securityContext: own }: Container,
  { assigned, definition }: PodSurroundings,
  { uid, username }: Pick<ImageStatus, "uid" | "username">,
): string | null {
  const shared = definition.spec.securityContext;
  if ((own?.runAsNonRoot ?? shared.runAsNonRoot) !== true) return null;
  const pod = `(pod: "${assigned.name}_${assigned.namespace}(${assigned.uid})", container: ${name})`;
  const user = own?.runAsUser ?? shared.runAsUser;
  if (user !== undefined) return user === 0 ? `container's runAsUser breaks non-root policy ${pod}` : null;
  if (uid === undefined && username !== undefined && username !== "") {
    const who = `image has non-numeric user (${username})`;
    return `container has runAsNonRoot and ${who}, cannot verify user is non-root ${pod}`;
  }
  return (uid ?? 0) === 0 ? `container has runAsNonRoot and image will run as root ${pod}` : null;
}
