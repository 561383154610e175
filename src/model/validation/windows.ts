// What holds for pods of Windows nodes, and what of Windows may not stand in others.
// Source: pkg/apis/core/validation validateWindows, validateLinux, validateWindowsHostProcessPod.
import type { Container } from "../container.ts";
import type { FieldError } from "../field-error.ts";
import { forbidden, invalid, invalidForEach, notSupported, required } from "../field-error.ts";
import type { PodSpec } from "../pod-spec.ts";
import type { PodSecurityContext, SecurityContext, WindowsSecurityContextOptions } from "../security.ts";
import { utf8Length } from "../utf8.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import { dns1123Subdomain } from "./names.ts";

const credentialSpecKiB = 64;
const domainCharacters = 256;
const userCharacters = 104;

const netBiosName = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const dnsLabel = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const dnsName = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`);

export type PlacedContainer = {
  readonly container: Pick<Container, "name" | "securityContext">;
  readonly path: string;
};

/** Every container of the pod with its path, in the order in which upstream visits them. */
export function allContainers(spec: PodSpec, path: string): readonly PlacedContainer[] {
  return (["initContainers", "containers", "ephemeralContainers"] as const).flatMap((list) =>
    (spec[list] ?? []).map((container, index) => ({ container, path: `${path}.${list}[${index}]` })),
  );
}

export function validateWindowsOptions(options: WindowsSecurityContextOptions | undefined, path: string): Errors {
  if (options === undefined) return noErrors;
  const { gmsaCredentialSpecName, gmsaCredentialSpec, runAsUserName } = options;
  return [
    ...(gmsaCredentialSpecName === undefined
      ? []
      : invalidForEach(
          `${path}.gmsaCredentialSpecName`,
          gmsaCredentialSpecName,
          dns1123Subdomain(gmsaCredentialSpecName),
        )),
    ...(gmsaCredentialSpec === undefined
      ? []
      : validateCredentialSpec(gmsaCredentialSpec, `${path}.gmsaCredentialSpec`)),
    ...(runAsUserName === undefined
      ? []
      : invalidForEach(`${path}.runAsUserName`, runAsUserName, userNameProblems(runAsUserName))),
  ];
}

function validateCredentialSpec(spec: string, path: string): Errors {
  if (spec === "") return [invalid(path, spec, "gmsaCredentialSpec cannot be an empty string")];
  if (utf8Length(spec) <= credentialSpecKiB * 1024) return noErrors;
  return [invalid(path, spec, `gmsaCredentialSpec size must be under ${credentialSpecKiB} KiB`)];
}

function userNameProblems(name: string): readonly string[] {
  if (name === "") return ["runAsUserName cannot be an empty string"];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are refused.
  if (/[\x00-\x1f\x7f]/.test(name)) return ["runAsUserName cannot contain control characters"];
  const parts = name.split("\\");
  if (parts.length > 2) return ["runAsUserName cannot contain more than one backslash"];
  const user = parts.at(-1) ?? "";
  return [...(parts.length === 2 ? domainProblems(parts[0] ?? "") : []), ...userProblems(user)];
}

function domainProblems(domain: string): readonly string[] {
  return [
    ...(domain.length >= domainCharacters
      ? [`runAsUserName's Domain length must be under ${domainCharacters} characters`]
      : []),
    ...(netBiosName.test(domain) || dnsName.test(domain)
      ? []
      : ["runAsUserName's Domain doesn't match the NetBios nor the DNS format"]),
  ];
}

function userProblems(user: string): readonly string[] {
  const problems: string[] = [];
  if (user === "") problems.push("runAsUserName's User cannot be empty");
  else if (user.length > userCharacters) {
    problems.push(`runAsUserName's User length must not be longer than ${userCharacters} characters`);
  }
  if (/^[. ]+$/.test(user)) problems.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) {
    problems.push(`runAsUserName's User cannot contain the following characters: "/\\:;|=,+*?<>@[]`);
  }
  return problems;
}

/** HostProcess containers are all of a pod's containers or none, and use the node's network. */
export function validateHostProcess(spec: PodSpec, path: string): Errors {
  const ofPod = spec.securityContext.windowsOptions?.hostProcess;
  const containers = allContainers(spec, path);
  const settings = containers.map(({ container }) => container.securityContext?.windowsOptions?.hostProcess);
  const mismatches = containers.flatMap((placed, index) => validateSameSetting(ofPod, settings[index], placed.path));
  const count = settings.filter((setting) => (setting ?? ofPod) === true).length;
  if (count === 0) return mismatches;
  const all = "If pod contains any hostProcess containers then all containers must be HostProcess containers";
  const network = "hostNetwork must be true if pod contains any hostProcess containers";
  return [
    ...mismatches,
    ...(count === containers.length ? [] : [invalid(path, "", all)]),
    ...(spec.hostNetwork === true ? [] : [invalid(`${path}.hostNetwork`, false, network)]),
  ];
}

function validateSameSetting(ofPod: boolean | undefined, own: boolean | undefined, path: string): Errors {
  if (ofPod === undefined || own === undefined || ofPod === own) return noErrors;
  const same = `pod hostProcess value must be identical if both are specified, was ${ofPod}`;
  return [invalid(`${path}.securityContext.windowsOptions.hostProcess`, own, same)];
}

/** The operating system the pod says it is for, and the fields that it therefore may not set. */
export function validateOs(spec: PodSpec, path: string): Errors {
  switch (spec.os?.name) {
    case undefined:
      return noErrors;
    case "":
      return [required(`${path}.os.name`, "cannot be empty")];
    case "linux":
      return validateLinux(spec, path);
    case "windows":
      return validateWindows(spec, path);
    default:
      return [notSupported(`${path}.os`, spec.os?.name, ["linux", "windows"])];
  }
}

function validateLinux(spec: PodSpec, path: string): Errors {
  const contexts = [
    { context: spec.securityContext, path: `${path}.securityContext` },
    ...allContainers(spec, path).map((placed) => ({
      context: placed.container.securityContext,
      path: `${placed.path}.securityContext`,
    })),
  ];
  return contexts
    .filter(({ context }) => context?.windowsOptions !== undefined)
    .map((placed) => forbidden(`${placed.path}.windowsOptions`, "windows options cannot be set for a linux pod"));
}

const linuxPodFields: readonly (keyof PodSecurityContext)[] = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "fsGroup",
  "fsGroupChangePolicy",
  "sysctls",
  "runAsUser",
  "runAsGroup",
  "supplementalGroups",
  "supplementalGroupsPolicy",
  "seLinuxChangePolicy",
];
const linuxSpecFields: readonly (keyof PodSpec)[] = ["hostUsers", "hostPID", "hostIPC", "shareProcessNamespace"];
const linuxContainerFields: readonly (keyof SecurityContext)[] = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "capabilities",
  "readOnlyRootFilesystem",
  "privileged",
  "allowPrivilegeEscalation",
  "procMount",
  "runAsUser",
  "runAsGroup",
];

function validateWindows(spec: PodSpec, path: string): Errors {
  return [
    ...refuseFields(spec.securityContext, linuxPodFields, `${path}.securityContext`),
    ...refuseFields(spec, linuxSpecFields, path),
    ...allContainers(spec, path).flatMap(({ container, path: containerPath }) =>
      refuseFields(container.securityContext ?? {}, linuxContainerFields, `${containerPath}.securityContext`),
    ),
  ];
}

function refuseFields<T extends object>(source: T, fields: readonly (keyof T & string)[], path: string): FieldError[] {
  return fields
    .filter((field) => source[field] !== undefined)
    .map((field) => forbidden(`${path}.${field}`, "cannot be set for a windows pod"));
}
