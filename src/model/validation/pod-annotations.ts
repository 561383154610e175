// What the annotations of pods and templates may say that mean something to Kubernetes.
// Source: pkg/apis/core/validation ValidatePodSpecificAnnotations, validateSeccompAnnotationsAndFields,
// validateAppArmorAnnotationsAndFieldsMatchOnCreate.
import type { FieldError } from "../field-error.ts";
import { forbidden, invalid } from "../field-error.ts";
import type { PodSpec } from "../pod-spec.ts";
import type { AppArmorProfile, SeccompProfile } from "../security.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import { validateDescendingPath } from "./paths.ts";
import { allContainers } from "./windows.ts";

type Annotations = Readonly<Record<string, string>>;

const mirror = "kubernetes.io/config.mirror";
const deletionCost = "controller.kubernetes.io/pod-deletion-cost";
const seccompPod = "seccomp.security.alpha.kubernetes.io/pod";
const seccompContainer = "container.seccomp.security.alpha.kubernetes.io/";
const appArmorContainer = "container.apparmor.security.beta.kubernetes.io/";
const localhost = "localhost/";
const int32Max = 2_147_483_647;

export function validatePodAnnotations(annotations: Annotations | undefined, spec: PodSpec, path: string): Errors {
  return Object.entries(annotations ?? {}).flatMap(([key, value]) => {
    if (key === mirror) return validateMirror(value, spec, `${path}[${mirror}]`);
    if (key === deletionCost) return validateDeletionCost(value, `${path}[${deletionCost}]`);
    if (key === seccompPod || key.startsWith(seccompContainer)) return validateSeccompName(value, `${path}.${key}`);
    if (key.startsWith(appArmorContainer)) return validateAppArmorAnnotation({ key, value, spec }, path);
    return noErrors;
  });
}

function validateMirror(value: string, spec: PodSpec, path: string): Errors {
  if (spec.nodeName !== undefined) return noErrors;
  return [invalid(path, value, "must set spec.nodeName if mirror pod annotation is set")];
}

function validateDeletionCost(value: string, path: string): Errors {
  const valid = value === "0" || (/^-?[1-9]\d{0,9}$/.test(value) && Math.abs(Number(value)) <= int32Max);
  return valid ? noErrors : [invalid(path, value, "must be a 32bit integer")];
}

function validateSeccompName(value: string, path: string): Errors {
  if (value === "runtime/default" || value === "docker/default" || value === "unconfined") return noErrors;
  if (value.startsWith(localhost)) return validateDescendingPath(value.slice(localhost.length), path);
  return [invalid(path, value, "must be a valid seccomp profile")];
}

type AppArmorAnnotation = { readonly key: string; readonly value: string; readonly spec: PodSpec };

function validateAppArmorAnnotation({ key, value, spec }: AppArmorAnnotation, path: string): Errors {
  const name = key.slice(appArmorContainer.length);
  const known = allContainers(spec, path).some(({ container }) => container.name === name);
  const valid = value === "" || value === "runtime/default" || value === "unconfined" || value.startsWith(localhost);
  return [
    ...(known ? [] : [invalid(`${path}[${key}]`, name, "container not found")]),
    ...(valid ? [] : [invalid(`${path}[${key}]`, value, `invalid AppArmor profile name: ${JSON.stringify(value)}`)]),
  ];
}

/** Profiles that are given as annotation and as field must be the same. */
export function validateProfileAnnotations(annotations: Annotations | undefined, spec: PodSpec, path: string): Errors {
  if (annotations === undefined) return noErrors;
  return [
    ...validateSeccompMatch(annotations[seccompPod], spec.securityContext.seccompProfile, `${path}.securityContext`),
    ...allContainers(spec, path).flatMap(({ container, path: containerPath }) =>
      validateSeccompMatch(
        annotations[`${seccompContainer}${container.name}`],
        container.securityContext?.seccompProfile,
        `${containerPath}.securityContext`,
      ),
    ),
    ...validateAppArmorMatches(annotations, spec, path),
  ];
}

function validateAppArmorMatches(annotations: Annotations, spec: PodSpec, path: string): Errors {
  if (spec.os?.name === "windows") return noErrors;
  return allContainers(spec, path).flatMap(({ container, path: containerPath }) => {
    const annotation = annotations[`${appArmorContainer}${container.name}`];
    const profile = container.securityContext?.appArmorProfile ?? spec.securityContext.appArmorProfile;
    return validateAppArmorMatch(annotation, profile, `${containerPath}.securityContext.appArmorProfile`);
  });
}

type Profile = SeccompProfile | AppArmorProfile;

function validateSeccompMatch(annotation: string | undefined, profile: Profile | undefined, path: string): Errors {
  if (annotation === undefined || profile === undefined) return noErrors;
  const defaults = ["runtime/default", "docker/default"];
  return mismatches({ annotation, profile, defaults, what: "seccomp" }, `${path}.seccompProfile`);
}

function validateAppArmorMatch(annotation: string | undefined, profile: Profile | undefined, path: string): Errors {
  if (annotation === undefined || profile === undefined) return noErrors;
  return mismatches({ annotation, profile, defaults: ["runtime/default"], what: "apparmor" }, path);
}

type Match = {
  readonly annotation: string;
  readonly profile: Profile;
  /** What RuntimeDefault is called in annotations. */
  readonly defaults: readonly string[];
  readonly what: "seccomp" | "apparmor";
};

function mismatches({ annotation, profile, defaults, what }: Match, path: string): readonly FieldError[] {
  const otherType = [forbidden(`${path}.type`, `${what} type in annotation and field must match`)];
  switch (profile.type) {
    case "Unconfined":
      return annotation === "unconfined" ? noErrors : otherType;
    case "RuntimeDefault":
      return defaults.includes(annotation) ? noErrors : otherType;
    case "Localhost":
      if (!annotation.startsWith(localhost)) return otherType;
      if (annotation.slice(localhost.length) === profile.localhostProfile) return noErrors;
      return [forbidden(`${path}.localhostProfile`, `${what} profile in annotation and field must match`)];
    default:
      return noErrors;
  }
}
