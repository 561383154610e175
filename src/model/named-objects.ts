// Which ConfigMaps and Secrets a pod names.
// Source: pkg/api/v1/pod VisitPodSecretNames, VisitPodConfigmapNames.
import type { Container } from "./container.ts";
import type { PodSpec } from "./pod-spec.ts";
import type { Volume } from "./volume.ts";

/** In the namespace of the pod that names it. */
export type NamedObject = { readonly kind: "ConfigMap" | "Secret"; readonly name: string };

/** What its containers and volumes are made of; each once. */
export function objectsUsedBy({ initContainers = [], containers, volumes = [] }: PodSpec): readonly NamedObject[] {
  return uniqueObjects([
    ...[...initContainers, ...containers].flatMap(namedByContainer),
    ...volumes.flatMap(namedByVolume),
  ]);
}

/** Secrets by the names that are given, of which some may be empty. */
export function secretsNamed(references: readonly { readonly name?: string | undefined }[]): readonly NamedObject[] {
  return references.flatMap(({ name }) => secret(name));
}

function namedByContainer({ env = [], envFrom = [] }: Container): readonly NamedObject[] {
  return [
    ...envFrom.flatMap(({ configMapRef, secretRef }) => [...configMap(configMapRef?.name), ...secret(secretRef?.name)]),
    ...env.flatMap(({ valueFrom }) => [
      ...configMap(valueFrom?.configMapKeyRef?.name),
      ...secret(valueFrom?.secretKeyRef?.name),
    ]),
  ];
}

function namedByVolume({ configMap: whole, secret: sealed, projected }: Volume): readonly NamedObject[] {
  return [
    ...configMap(whole?.name),
    ...secret(sealed?.secretName),
    ...(projected?.sources ?? []).flatMap((source) => [
      ...configMap(source.configMap?.name),
      ...secret(source.secret?.name),
    ]),
  ];
}

function configMap(name: string | undefined): readonly NamedObject[] {
  return name === undefined || name === "" ? [] : [{ kind: "ConfigMap", name }];
}

function secret(name: string | undefined): readonly NamedObject[] {
  return name === undefined || name === "" ? [] : [{ kind: "Secret", name }];
}

export function uniqueObjects(objects: readonly NamedObject[]): readonly NamedObject[] {
  return [...new Map(objects.map((object) => [`${object.kind}/${object.name}`, object])).values()];
}
