// From a manifest to a pod that the node runs by itself. Loaded where there is a manifest, and nowhere else: what checks
// pods takes more memory than all the rest of the agent.
// Source: pkg/kubelet/config common.go applyDefaults, file.go; pkg/apis/core/pods helpers.go VisitPodConfigmapNames.
import { createHash } from "node:crypto";
import { parse } from "yaml";

import type { Container } from "../../../src/model/container.ts";
import { decodeObject } from "../../../src/model/decode.ts";
import { fieldErrorText } from "../../../src/model/field-error.ts";
import type { Pod } from "../../../src/model/pod.ts";
import { pods } from "../../../src/model/pod.ts";
import { defaultPod } from "../../../src/model/pod-defaults.ts";
import { templateOfPod } from "../../../src/model/pod-template.ts";
import type { Volume } from "../../../src/model/volume.ts";
import { isFields } from "../connection/protocol.ts";
import type { StaticPod } from "./static-pod.ts";
import { hashAnnotation, sourceAnnotation } from "./static-pod.ts";

export type Manifest = {
  readonly node: string;
  readonly path: string;
  readonly text: string;
  readonly modifiedAtMs: number;
};

export type ReadManifest =
  | { readonly ok: true; readonly pod: StaticPod; readonly unknownFields: readonly string[] }
  | { readonly ok: false; readonly problem: string };

/** Classes of priority that are there without the control plane. */
const systemPriorities: Readonly<Record<string, number>> = {
  "system-node-critical": 2_000_001_000,
  "system-cluster-critical": 2_000_000_000,
};

export function readManifest(manifest: Manifest): ReadManifest {
  try {
    return podOf(manifest);
  } catch (error) {
    // The parser of YAML, and what fills in defaults, say in one line what is wrong.
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  }
}

function podOf({ node, path, text, modifiedAtMs }: Manifest): ReadManifest {
  const json: unknown = parse(text);
  if (!isFields(json) || json["kind"] !== "Pod" || json["apiVersion"] !== "v1") {
    return { ok: false, problem: "a manifest is one Pod: apiVersion: v1, kind: Pod" };
  }
  const decoded = decodeObject(pods, json);
  if (!decoded.ok) return { ok: false, problem: decoded.message };
  const given = decoded.object;
  const reference = referenceOf(given);
  if (reference !== null)
    return { ok: false, problem: `${reference}: a static pod cannot refer to what the control plane keeps` };
  const uid = createHash("sha256").update(`${node}\n${path}\n${text}`).digest("hex").slice(0, 32);
  const named: Pod = {
    ...given,
    metadata: {
      ...given.metadata,
      name: `${given.metadata.name ?? ""}-${node}`,
      namespace: given.metadata.namespace ?? "default",
      uid,
      annotations: { ...given.metadata.annotations, [hashAnnotation]: uid, [sourceAnnotation]: "file" },
    },
  };
  const errors = [...pods.validate(named), ...pods.validateCreate(named)];
  if (errors.length > 0) return { ok: false, problem: errors.map(fieldErrorText).join(", ") };
  const { template } = templateOfPod(withDefaults(named), node);
  const { name = "", namespace = "" } = named.metadata;
  const pod = { uid, namespace, name, template, createdAtMs: modifiedAtMs };
  return { ok: true, pod, unknownFields: decoded.unknownFields };
}

function withDefaults(pod: Pod): Pod {
  const { priorityClassName = "", priority: _priority, ...spec } = pod.spec;
  const priority = systemPriorities[priorityClassName];
  const { serviceAccountName: _name, serviceAccount: _account, ...filled } = defaultPod({ ...pod, spec }, []).spec;
  return {
    ...pod,
    spec: {
      ...filled,
      ...(priority === undefined ? {} : { priorityClassName, priority }),
      automountServiceAccountToken: false,
      // Nothing that befalls the node drives them off it.
      tolerations: [...(spec.tolerations ?? []), { operator: "Exists", effect: "NoExecute" }],
    },
  };
}

/** The first field that names an object of the control plane's; null: none does. */
function referenceOf({ spec }: Pod): string | null {
  if (spec.serviceAccountName !== undefined) return "spec.serviceAccountName";
  if (spec.imagePullSecrets !== undefined) return "spec.imagePullSecrets";
  if (spec.resourceClaims !== undefined) return "spec.resourceClaims";
  for (const [index, volume] of (spec.volumes ?? []).entries()) {
    const field = volumeReference(volume);
    if (field !== null) return `spec.volumes[${index}].${field}`;
  }
  for (const list of ["initContainers", "containers"] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      const field = environmentReference(container);
      if (field !== null) return `spec.${list}[${index}].${field}`;
    }
  }
  return null;
}

function volumeReference(volume: Volume): string | null {
  for (const kind of ["configMap", "secret", "persistentVolumeClaim", "ephemeral"] as const) {
    if (volume[kind] !== undefined) return kind;
  }
  for (const [index, source] of (volume.projected?.sources ?? []).entries()) {
    const kind = (["configMap", "secret", "serviceAccountToken", "clusterTrustBundle"] as const).find(
      (one) => source[one] !== undefined,
    );
    if (kind !== undefined) return `projected.sources[${index}].${kind}`;
  }
  return null;
}

function environmentReference({ env = [], envFrom = [] }: Container): string | null {
  for (const [index, { configMapRef, secretRef }] of envFrom.entries()) {
    if ((configMapRef ?? secretRef) !== undefined) return `envFrom[${index}]`;
  }
  for (const [index, { valueFrom }] of env.entries()) {
    const kind = (["configMapKeyRef", "secretKeyRef"] as const).find((one) => valueFrom?.[one] !== undefined);
    if (kind !== undefined) return `env[${index}].valueFrom.${kind}`;
  }
  return null;
}
