// With which rights pods and containers may run.
// Source: pkg/apis/core/validation ValidateSecurityContext, validatePodSpecSecurityContext.
import { duplicate, forbidden, invalid, invalidForEach, notSupported, required, tooLong } from "../field-error.ts";
import type { PodSpec } from "../pod-spec.ts";
import type { AppArmorProfile, PodSecurityContext, SeccompProfile, SecurityContext } from "../security.ts";
import { utf8Length } from "../utf8.ts";
import type { Errors, Repetitions } from "./each.ts";
import { eachOf, noErrors, repetitions } from "./each.ts";
import { userOrGroupId } from "./names.ts";
import { validateDescendingPath } from "./paths.ts";
import { validateWindowsOptions } from "./windows.ts";

const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];
const longestPath = 4095;
const longestSysctl = 253;
const sysctlSegment = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const sysctlFormat = `^(${sysctlSegment}[\\./])*${sysctlSegment}$`;
const sysctlName = new RegExp(sysctlFormat);

/** `hostUsers` true: the pod shares the node's user namespace. */
export function validateSecurityContext(
  context: SecurityContext | undefined,
  path: string,
  { hostUsers }: { readonly hostUsers: boolean },
): Errors {
  if (context === undefined) return noErrors;
  return [
    ...validateId(context.runAsUser, `${path}.runAsUser`),
    ...validateId(context.runAsGroup, `${path}.runAsGroup`),
    ...validateProcMount(context.procMount, `${path}.procMount`, { hostUsers }),
    ...validateSeccompProfile(context.seccompProfile, `${path}.seccompProfile`),
    ...validateEscalation(context, path),
    ...validateWindowsOptions(context.windowsOptions, `${path}.windowsOptions`),
    ...validateAppArmorProfile(context.appArmorProfile, `${path}.appArmorProfile`),
  ];
}

function validateId(id: number | undefined, path: string): Errors {
  return id === undefined ? noErrors : invalidForEach(path, id, userOrGroupId(id));
}

function validateProcMount(
  procMount: string | undefined,
  path: string,
  { hostUsers }: { readonly hostUsers: boolean },
): Errors {
  if (procMount === undefined || procMount === "Default") return noErrors;
  if (procMount !== "Unmasked") return [notSupported(path, procMount, ["Default", "Unmasked"])];
  return hostUsers ? [invalid(path, procMount, "`hostUsers` must be false to use `Unmasked`")] : noErrors;
}

function validateEscalation(context: SecurityContext, path: string): Errors {
  if (context.allowPrivilegeEscalation !== false) return noErrors;
  const cannot = "cannot set `allowPrivilegeEscalation` to false and";
  return [
    ...(context.privileged === true ? [invalid(path, context, `${cannot} \`privileged\` to true`)] : []),
    ...(context.capabilities?.add ?? [])
      .filter((capability) => capability === "CAP_SYS_ADMIN")
      .map(() => invalid(path, context, `${cannot} \`capabilities.Add\` CAP_SYS_ADMIN`)),
  ];
}

function validateSeccompProfile(profile: SeccompProfile | undefined, path: string): Errors {
  if (profile === undefined) return noErrors;
  const { type, localhostProfile } = profile;
  return [...validateSeccompType(type, `${path}.type`), ...validateLocalhostProfile(profile, localhostProfile, path)];
}

function validateSeccompType(type: string, path: string): Errors {
  if (type === "") return [required(path, "type is required when seccompProfile is set")];
  return profileTypes.includes(type) ? noErrors : [notSupported(path, type, profileTypes)];
}

function validateLocalhostProfile(profile: SeccompProfile, file: string | undefined, path: string): Errors {
  const field = `${path}.localhostProfile`;
  if (profile.type !== "Localhost") {
    return file === undefined ? noErrors : [invalid(field, profile, "can only be set when seccomp type is Localhost")];
  }
  if (file === undefined) return [required(field, "must be set when seccomp type is Localhost")];
  return validateDescendingPath(file, field);
}

function validateAppArmorProfile(profile: AppArmorProfile | undefined, path: string): Errors {
  if (profile === undefined) return noErrors;
  const { type, localhostProfile } = profile;
  const field = `${path}.localhostProfile`;
  if (type === "") return [required(`${path}.type`, "type is required when appArmorProfile is set")];
  if (!profileTypes.includes(type)) return [notSupported(`${path}.type`, type, profileTypes)];
  if (type === "Localhost") return validateAppArmorFile(localhostProfile, field);
  if (localhostProfile === undefined) return noErrors;
  return [invalid(field, localhostProfile, "can only be set when AppArmor type is Localhost")];
}

function validateAppArmorFile(file: string | undefined, path: string): Errors {
  if (file === undefined || file === "") return [required(path, "must be set when AppArmor type is Localhost")];
  return [
    ...(file.trim() === file ? [] : [invalid(path, file, "must not be padded with whitespace")]),
    ...(utf8Length(file) > longestPath ? [tooLong(path, longestPath)] : []),
  ];
}

/** The pod's own context; `specPath` is the spec's. */
export function validatePodSecurity(spec: PodSpec, specPath: string): Errors {
  const context = spec.securityContext;
  const path = `${specPath}.securityContext`;
  return [
    ...validateId(context.fsGroup, `${path}.fsGroup`),
    ...validateId(context.runAsUser, `${path}.runAsUser`),
    ...validateId(context.runAsGroup, `${path}.runAsGroup`),
    ...eachOf(context.supplementalGroups, `${path}.supplementalGroups`, (id, idPath) => validateId(id, idPath)),
    ...validateProcessNamespace(spec, `${path}.shareProcessNamespace`),
    ...validateSysctls(spec, `${path}.sysctls`),
    ...validatePolicy(context, "fsGroupChangePolicy", path),
    ...validateSeccompProfile(context.seccompProfile, `${path}.seccompProfile`),
    ...validateWindowsOptions(context.windowsOptions, `${path}.windowsOptions`),
    ...validateAppArmorProfile(context.appArmorProfile, `${path}.appArmorProfile`),
    ...validatePolicy(context, "supplementalGroupsPolicy", path),
    ...validatePolicy(context, "seLinuxChangePolicy", path),
  ];
}

const policies = {
  fsGroupChangePolicy: ["Always", "OnRootMismatch"],
  supplementalGroupsPolicy: ["Merge", "Strict"],
  seLinuxChangePolicy: ["MountOption", "Recursive"],
} as const;

function validatePolicy(context: PodSecurityContext, field: keyof typeof policies, path: string): Errors {
  const choices: readonly string[] = policies[field];
  const value = context[field];
  if (value === undefined || choices.includes(value)) return noErrors;
  return [notSupported(`${path}.${field}`, value, choices)];
}

function validateProcessNamespace({ shareProcessNamespace, hostPID }: PodSpec, path: string): Errors {
  if (shareProcessNamespace !== true || hostPID !== true) return noErrors;
  return [invalid(path, true, "ShareProcessNamespace and HostPID cannot both be enabled")];
}

function validateSysctls(spec: PodSpec, path: string): Errors {
  const isRepeated = repetitions();
  return eachOf(spec.securityContext.sysctls, path, ({ name }, sysctlPath) => [
    ...validateSysctlName(name, isRepeated, `${sysctlPath}.name`),
    ...validateSysctlNamespace(name, spec, `${sysctlPath}.name`),
  ]);
}

function validateSysctlName(name: string, isRepeated: Repetitions, path: string): Errors {
  if (name === "") return [required(path)];
  if (name.length > longestSysctl || !sysctlName.test(name)) {
    const form = `must have at most ${longestSysctl} characters and match regex ${sysctlFormat}`;
    return [invalid(path, name, form)];
  }
  return isRepeated(name) ? [duplicate(path, name)] : noErrors;
}

/** A pod that shares a namespace with the node may not change the kernel's settings there. */
function validateSysctlNamespace(name: string, { hostNetwork, hostIPC }: PodSpec, path: string): Errors {
  const dotted = dottedSysctl(name);
  if (hostNetwork === true && dotted.startsWith("net.")) {
    return [invalid(path, name, "may not be specified when 'hostNetwork' is true")];
  }
  const isIpc = dotted === "kernel.sem" || /^(?:kernel\.shm|kernel\.msg|fs\.mqueue\.)/.test(dotted);
  return isIpc && hostIPC === true ? [invalid(path, name, "may not be specified when 'hostIPC' is true")] : noErrors;
}

/** Written with slashes, a sysctl's dots are slashes. Source: component-helpers sysctl NormalizeName. */
function dottedSysctl(name: string): string {
  if (!/^[^.]*\//.test(name)) return name;
  return name.replaceAll(/[./]/g, (separator) => (separator === "/" ? "." : "/"));
}

/** A pod with its own user namespace may share no other namespace with the node. */
export function validateHostUsers({ hostUsers, hostNetwork, hostPID, hostIPC }: PodSpec, path: string): Errors {
  if (hostUsers !== false) return noErrors;
  const why = "when `pod.Spec.HostUsers` is false";
  return [
    ...(hostNetwork === true ? [forbidden(`${path}.hostNetwork`, why)] : []),
    ...(hostPID === true ? [forbidden(`${path}.HostPID`, why)] : []),
    ...(hostIPC === true ? [forbidden(`${path}.HostIPC`, why)] : []),
  ];
}
