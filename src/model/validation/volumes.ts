// Which volumes a pod may have: named once, of exactly one kind, each kind by its own rules.
// Source: pkg/apis/core/validation ValidateVolumes, validateVolumeSource.
import type { FieldError } from "../field-error.ts";
import { duplicate, forbidden, invalid, invalidForEach, notSupported, required, tooLong } from "../field-error.ts";
import { compareQuantities } from "../quantity.ts";
import { utf8Length } from "../utf8.ts";
import type { Volume } from "../volume.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors } from "./each.ts";
import { dns1123Label, dns1123Subdomain } from "./names.ts";
import { networkVolumeRules } from "./network-volumes.ts";
import { validateNoBacksteps } from "./paths.ts";
import { validateProjected } from "./projected-volumes.ts";
import { validateChoice } from "./resources.ts";
import { validateClaimTemplate } from "./volume-claim-template.ts";
import { validateDownwardFile, validateFileMode, validateKeyToPath } from "./volume-files.ts";
import type { SourceRule, VolumePlace } from "./volume-rule.ts";
import { volumeRule } from "./volume-rule.ts";

const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];
const pullPolicies = ["Always", "IfNotPresent", "Never"];
const longestDriverName = 63;

export type CheckedVolumes = {
  readonly errors: Errors;
  /** The volumes without errors, by name: those that containers can mount. */
  readonly usable: ReadonlyMap<string, Volume>;
};

/** `podName` is known of pods, not of templates. */
export function validateVolumes(
  volumes: readonly Volume[] | undefined,
  path: string,
  { podName, isPod }: { readonly podName: string | undefined; readonly isPod: boolean },
): CheckedVolumes {
  const usable = new Map<string, Volume>();
  const claims = new Set(
    (volumes ?? []).filter(({ ephemeral }) => ephemeral !== undefined).map(({ name }) => `${podName}-${name}`),
  );
  const errors = eachOf(volumes, path, (volume, volumePath) => {
    const own = [
      ...validateSources(volume, { path: volumePath, podName, isPod }),
      ...validateName(volume.name, `${volumePath}.name`),
      ...(usable.has(volume.name) ? [duplicate(`${volumePath}.name`, volume.name)] : []),
    ];
    if (own.length === 0) usable.set(volume.name, volume);
    const claim = volume.persistentVolumeClaim?.claimName ?? "";
    if (podName === undefined || !claims.has(claim)) return own;
    const circular = "must not reference a PVC that gets created for an ephemeral volume";
    return [...own, invalid(`${volumePath}.persistentVolumeClaim.claimName`, claim, circular)];
  });
  return { errors, usable };
}

function validateName(name: string, path: string): Errors {
  return name === "" ? [required(path)] : invalidForEach(path, name, dns1123Label(name));
}

function validateSources(volume: Volume, place: VolumePlace): Errors {
  const present = volumeRules.filter((rule) => rule.isPresent(volume));
  return [
    ...present.flatMap((rule, index) => [
      ...(index === 0 ? rule.check(volume, place) : [tooManySources(rule, place.path)]),
      ...rule.checkVolume(volume, place),
    ]),
    ...(present.length === 0 ? [required(place.path, "must specify a volume type")] : []),
  ];
}

export function tooManySources({ refusedAs }: { readonly refusedAs: string }, path: string): FieldError {
  return forbidden(`${path}.${refusedAs}`, "may not specify more than 1 volume type");
}

function validateDefaultMode(mode: number, path: string): Errors {
  return validateFileMode(mode, `${path}.defaultMode`);
}

function validateHostPath({ path: hostPath, type }: NonNullable<Volume["hostPath"]>, path: string): Errors {
  if (hostPath === "") return [required(`${path}.path`)];
  return [
    ...validateNoBacksteps(hostPath, `${path}.path`),
    ...(hostPathTypes.includes(type) ? [] : [notSupported(`${path}.type`, type, hostPathTypes)]),
  ];
}

function validateCsi({ driver, nodePublishSecretRef }: NonNullable<Volume["csi"]>, path: string): Errors {
  const secret = nodePublishSecretRef?.name;
  return [
    ...validateDriverName(driver, `${path}.driver`),
    ...(nodePublishSecretRef !== undefined && secret === undefined
      ? [required(`${path}.nodePublishSecretRef.name`)]
      : []),
    ...(secret === undefined ? [] : invalidForEach(`${path}.name`, secret, dns1123Subdomain(secret))),
  ];
}

export function validateDriverName(driver: string, path: string): Errors {
  return [
    ...(driver === "" ? [required(path)] : []),
    ...(utf8Length(driver) > longestDriverName ? [tooLong(path, longestDriverName)] : []),
    ...invalidForEach(path, driver, dns1123Subdomain(driver.toLowerCase())),
  ];
}

/** The claim is named after pod and volume; the result must be a name as well. */
function validateClaimName({ name }: Volume, { path, podName }: VolumePlace): Errors {
  if (podName === undefined || name === "") return noErrors;
  const claim = `${podName}-${name}`;
  const problems = dns1123Subdomain(claim).map((problem) => `PVC name ${JSON.stringify(claim)}: ${problem}`);
  return invalidForEach(`${path}.name`, name, problems);
}

/** In the order in which upstream looks at them. */
export const volumeRules: readonly SourceRule[] = [
  volumeRule("emptyDir", ({ sizeLimit }, path) =>
    sizeLimit !== undefined && compareQuantities(sizeLimit, "0") < 0
      ? [forbidden(`${path}.sizeLimit`, "SizeLimit field must be a valid resource quantity")]
      : noErrors,
  ),
  volumeRule("hostPath", validateHostPath),
  ...networkVolumeRules.beforeSecret,
  volumeRule("secret", ({ secretName, items, defaultMode }, path) => [
    ...(secretName === undefined ? [required(`${path}.secretName`)] : []),
    ...validateDefaultMode(defaultMode, path),
    ...eachOf(items, `${path}.items`, validateKeyToPath),
  ]),
  ...networkVolumeRules.beforeClaim,
  volumeRule("persistentVolumeClaim", ({ claimName }, path) =>
    claimName === "" ? [required(`${path}.claimName`)] : noErrors,
  ),
  ...networkVolumeRules.beforeDownwardAPI,
  volumeRule(
    "downwardAPI",
    ({ defaultMode, items }, path) => [
      ...validateDefaultMode(defaultMode, path),
      ...(items ?? []).flatMap((file) => validateDownwardFile(file, path)),
    ],
    { refusedAs: "downwarAPI" },
  ),
  ...networkVolumeRules.beforeConfigMap,
  volumeRule("configMap", ({ name, items, defaultMode }, path) => [
    ...(name === undefined ? [required(`${path}.name`)] : []),
    ...validateDefaultMode(defaultMode, path),
    ...eachOf(items, `${path}.items`, validateKeyToPath),
  ]),
  ...networkVolumeRules.beforeProjected,
  volumeRule("projected", (projected, path) => [
    ...validateDefaultMode(projected.defaultMode, path),
    ...validateProjected(projected, path),
  ]),
  ...networkVolumeRules.afterProjected,
  volumeRule("csi", validateCsi),
  volumeRule(
    "ephemeral",
    ({ volumeClaimTemplate }, path) =>
      volumeClaimTemplate === undefined
        ? [required(`${path}.volumeClaimTemplate`)]
        : validateClaimTemplate(volumeClaimTemplate, `${path}.volumeClaimTemplate`),
    { checkVolume: validateClaimName },
  ),
  volumeRule("image", ({ reference, pullPolicy }, path, { isPod }) => [
    ...(isPod && reference === undefined ? [required(`${path}.reference`)] : []),
    ...validateChoice(pullPolicy, pullPolicies, `${path}.pullPolicy`),
  ]),
];
