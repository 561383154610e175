// The volume with a token that a pod is given to talk to the API, as if its author had written it down.
// Source: kube-apiserver plugin/pkg/admission/serviceaccount.
import type { Container } from "../../../src/model/container.ts";
import type { PodSpec } from "../../../src/model/pod-spec.ts";
import type { PodTemplate } from "../../../src/model/pod-template.ts";
import type { Volume } from "../../../src/model/volume.ts";

export const apiAccessVolume = "kube-api-access";
/** The ConfigMap that Kubernetes puts into every namespace; here each node has its own. */
export const rootCertificates = "kube-root-ca.crt";
const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Seven seconds over the hour, as Kubernetes asks for: its sign that the token was not asked for by name. */
const tokenSeconds = 3607;
const readableByAll = 0o644;

const volume: Volume = {
  name: apiAccessVolume,
  projected: {
    defaultMode: readableByAll,
    sources: [
      { serviceAccountToken: { expirationSeconds: tokenSeconds, path: "token" } },
      { configMap: { name: rootCertificates, items: [{ key: "ca.crt", path: "ca.crt" }], optional: true } },
      {
        downwardAPI: {
          items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
        },
      },
    ],
  },
};

/** The pod's specification, with the volume wherever a container has not mounted something of its own there. */
export function withApiAccess({ spec, metadata }: PodTemplate): PodSpec {
  if (isStatic(metadata.annotations)) return spec;
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  const isTaken = spec.volumes?.some(({ name }) => name === apiAccessVolume) === true;
  if (isTaken || all.every(hasOwn)) return spec;
  return {
    ...spec,
    volumes: [...(spec.volumes ?? []), volume],
    containers: spec.containers.map(withMount),
    ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(withMount) }),
  };
}

/** A pod from a file on the node has no account. */
function isStatic(annotations: Readonly<Record<string, string>> | undefined): boolean {
  return (
    annotations?.["kubernetes.io/config.source"] === "file" ||
    annotations?.["kubernetes.io/config.mirror"] !== undefined
  );
}

function hasOwn({ volumeMounts = [] }: Container): boolean {
  return volumeMounts.some((mount) => mount.mountPath.replace(/\/+$/, "") === mountPath);
}

function withMount(container: Container): Container {
  if (hasOwn(container)) return container;
  const mount = { name: apiAccessVolume, readOnly: true, mountPath };
  return { ...container, volumeMounts: [...(container.volumeMounts ?? []), mount] };
}
