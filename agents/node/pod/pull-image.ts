// Has the image of a container come to the node if its policy says so, and tells of it.
// Source of reasons and messages: kubelet images EnsureImageExists.
import type { Clock } from "../ports.ts";
import type { Failure, PodSandboxConfig, RegistryCredentials, Runtime } from "../runtime/runtime.ts";
import { preciseDurationText } from "./back-off.ts";
import type { ContainerDefinition } from "./definition.ts";
import type { PodSurroundings } from "./environment.ts";
import { isImageName } from "./image-name.ts";
import { pullSecretsOf } from "./named-objects.ts";
import type { PodEvent } from "./pod-event.ts";
import { normal, warning } from "./pod-event.ts";
import { credentialsFor } from "./pull-credentials.ts";

type Wanted = {
  readonly container: ContainerDefinition;
  readonly fieldPath: string;
  readonly pod: PodSurroundings;
  readonly sandbox: PodSandboxConfig;
  /** What happened is added. */
  readonly events: PodEvent[];
};

type Puller = {
  readonly ports: { readonly runtime: Runtime; readonly clock: Clock };
  tell(event: PodEvent): void;
};

/** `error` is what its event says, `message` what the waiting container's status does. */
type Lacking = { readonly reason: string; readonly error: string; readonly message: string };

/** Null when the image is there. */
export async function ensureImage(wanted: Wanted, puller: Puller): Promise<Lacking | null> {
  try {
    return await ensured(wanted, puller);
  } catch (error) {
    // The runtime itself could not be asked.
    const what = error instanceof Error ? error.message : String(error);
    const message = `Failed to inspect image ${shown(wanted)}: ${what}`;
    wanted.events.push(warning("InspectFailed", message, wanted.fieldPath));
    return { reason: "ImageInspectError", error: message, message };
  }
}

async function ensured(wanted: Wanted, puller: Puller): Promise<Lacking | null> {
  const { runtime } = puller.ports;
  const { image = "", imagePullPolicy } = wanted.container.container;
  if (runtime.images !== undefined && !isImageName(image)) return misnamed(wanted);
  const isPresent = imagePullPolicy !== "Always" && (await runtime.imageStatus(image)) !== null;
  if (isPresent) return null;
  if (imagePullPolicy === "Never") {
    const message = `Container image ${shown(wanted)} is not present with pull policy of Never`;
    wanted.events.push(warning("ErrImageNeverPull", message, wanted.fieldPath));
    return { reason: "ErrImageNeverPull", error: message, message };
  }
  const failure = await pull(wanted, puller);
  if (failure === null) return null;
  wanted.events.push(warning("Failed", `Failed to pull image ${shown(wanted)}: ${failure.message}`, wanted.fieldPath));
  // A node that is cut off starts its pods from what it has, rather than not at all. Who is turned away by the registry is
  // not given what others have pulled.
  const isCutOff = failure.reason === "registry-unavailable";
  if (isCutOff && imagePullPolicy === "Always" && (await runtime.imageStatus(image)) !== null) return null;
  const reason = pullReason(failure);
  return { reason, error: reason, message: failure.message };
}

function shown({ container: { container } }: Wanted): string {
  return JSON.stringify(container.image ?? "");
}

function misnamed(wanted: Wanted): Lacking {
  const problem = `couldn't parse image name ${shown(wanted)}: invalid reference format`;
  const message = `Failed to apply default image tag ${shown(wanted)}: ${problem}`;
  wanted.events.push(warning("InspectFailed", message, wanted.fieldPath));
  return { reason: "InvalidImageName", error: "InvalidImageName", message };
}

async function pull(wanted: Wanted, { ports: { runtime, clock }, tell }: Puller): Promise<Failure | null> {
  const { image = "" } = wanted.container.container;
  const { fieldPath } = wanted;
  // Where images mean nothing nobody waits for one, and nothing is told.
  const isTold = runtime.images !== undefined;
  const credentials = pullCredentials(image, wanted);
  if (isTold) tell(normal("Pulling", `Pulling image ${shown(wanted)}`, fieldPath));
  const startedAtMs = clock.monotonicMs();
  const pulled = await runtime.pullImage(image, wanted.sandbox, credentials);
  if (!pulled.ok) return pulled;
  if (!isTold) return null;
  const took = preciseDurationText(clock.monotonicMs() - startedAtMs);
  const { sizeBytes = 0 } = (await runtime.imageStatus(image)) ?? {};
  // Pulls do not wait for each other.
  const message = `Successfully pulled image ${shown(wanted)} in ${took} (${took} including waiting).`;
  tell(normal("Pulled", `${message} Image size: ${sizeBytes} bytes.`, fieldPath));
  return null;
}

function pullCredentials(image: string, { pod, events }: Wanted): readonly RegistryCredentials[] {
  const { namespace } = pod.assigned;
  const named = pullSecretsOf(pod);
  const found = named.flatMap(({ kind, name }) => pod.objects.get(kind, namespace, name) ?? []);
  const lacking = named.map(({ name }) => name).filter((name) => !found.some((secret) => secret.name === name));
  if (lacking.length > 0) {
    const what = `Unable to retrieve some image pull secrets (${lacking.join(", ")})`;
    const message = `${what}; attempting to pull the image may not succeed.`;
    events.push(warning("FailedToRetrieveImagePullSecret", message));
  }
  return credentialsFor(image, found);
}

function pullReason({ reason }: Failure): string {
  if (reason === "invalid-image-name") return "InvalidImageName";
  return reason === "registry-unavailable" ? "RegistryUnavailable" : "ErrImagePull";
}
