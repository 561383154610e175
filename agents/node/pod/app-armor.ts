// How pods said what AppArmor lets them do before there was a field for it: many charts still do.
// Source: KEP-24, and pkg/registry/core/pod strategy.go: an annotation holds where the container has no field of its own.
import type { Container } from "../../../src/model/container.ts";
import type { PodSpec } from "../../../src/model/pod-spec.ts";
import type { AppArmorProfile } from "../../../src/model/security.ts";

const prefix = "container.apparmor.security.beta.kubernetes.io/";
const localhost = "localhost/";

type Annotations = Readonly<Record<string, string>>;

/** The spec with what the annotations say in the fields of its containers. */
export function withAppArmorOf(annotations: Annotations, spec: PodSpec): PodSpec {
  if (!Object.keys(annotations).some((key) => key.startsWith(prefix))) return spec;
  const { initContainers, containers } = spec;
  return {
    ...spec,
    containers: containers.map((container) => withProfile(annotations, container)),
    ...(initContainers === undefined
      ? {}
      : { initContainers: initContainers.map((container) => withProfile(annotations, container)) }),
  };
}

function withProfile(annotations: Annotations, container: Container): Container {
  const profile = profileOf(annotations[`${prefix}${container.name}`]);
  if (profile === undefined || container.securityContext?.appArmorProfile !== undefined) return container;
  return { ...container, securityContext: { ...container.securityContext, appArmorProfile: profile } };
}

function profileOf(annotation: string | undefined): AppArmorProfile | undefined {
  if (annotation === "runtime/default") return { type: "RuntimeDefault" };
  if (annotation === "unconfined") return { type: "Unconfined" };
  const localhostProfile = annotation?.startsWith(localhost) === true ? annotation.slice(localhost.length) : "";
  return localhostProfile === "" ? undefined : { type: "Localhost", localhostProfile };
}
