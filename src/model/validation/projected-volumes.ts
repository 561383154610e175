// The rules of volumes whose files come from several sources.
// Source: pkg/apis/core/validation validateProjectionSources.
import { forbidden, invalid, invalidForEach, required } from "../field-error.ts";
import type { ClusterTrustBundleProjection, KeyToPath, ProjectedVolumeSource, VolumeProjection } from "../volume.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors } from "./each.ts";
import { validateLabelSelector } from "./metadata.ts";
import { dns1123Subdomain } from "./names.ts";
import { validateLocalPath } from "./paths.ts";
import { validateDownwardFile, validateKeyToPath } from "./volume-files.ts";

const shortestTokenSeconds = 600;
const longestTokenSeconds = 2 ** 32;

type Paths = { readonly path: string; isTaken(target: string): boolean };

export function validateProjected({ sources }: ProjectedVolumeSource, path: string): Errors {
  const taken = new Set<string>();
  const isTaken = (target: string) => {
    if (target === "") return false;
    const repeated = taken.has(target);
    taken.add(target);
    return repeated;
  };
  return eachOf(sources ?? [], `${path}.sources`, (source, sourcePath) =>
    validateSource(source, sourcePath, { path, isTaken }),
  );
}

function validateSource(source: VolumeProjection, path: string, volume: Paths): Errors {
  const { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle } = source;
  const count = Object.values(source).filter((part) => part !== undefined).length;
  return [
    ...validateKeys(secret, `${path}.secret`, volume),
    ...validateKeys(configMap, `${path}.configMap`, volume),
    ...(downwardAPI?.items ?? []).flatMap((file) => [
      ...validateDownwardFile(file, `${path}.downwardAPI`),
      ...validateUnique(file.path, file.path, volume),
    ]),
    ...(serviceAccountToken === undefined ? [] : validateToken(serviceAccountToken, path, volume)),
    ...(clusterTrustBundle === undefined
      ? []
      : validateTrustBundle(clusterTrustBundle, `${path}.clusterTrustBundle`, volume)),
    ...(count > 1 ? [forbidden(path, "may not specify more than 1 volume type per source")] : []),
  ];
}

type KeyedSource = { readonly name?: string | undefined; readonly items?: readonly KeyToPath[] | undefined };

function validateKeys(source: KeyedSource | undefined, path: string, volume: Paths): Errors {
  if (source === undefined) return noErrors;
  const { name, items } = source;
  return [
    ...(name === undefined ? [required(`${path}.name`)] : []),
    ...eachOf(items, `${path}.items`, (item, itemPath) => [
      ...validateKeyToPath(item, itemPath),
      ...validateUnique(item.path, name ?? "", volume),
    ]),
  ];
}

function validateUnique(target: string, shown: string, { path, isTaken }: Paths): Errors {
  return isTaken(target) ? [invalid(path, shown, "conflicting duplicate paths")] : noErrors;
}

function validateToken(
  { expirationSeconds, path: target }: NonNullable<VolumeProjection["serviceAccountToken"]>,
  path: string,
  volume: Paths,
): Errors {
  const expiry = `${path}.serviceAccountToken.expirationSeconds`;
  return [
    ...(expirationSeconds < shortestTokenSeconds
      ? [invalid(expiry, expirationSeconds, "may not specify a duration less than 10 minutes")]
      : []),
    ...(expirationSeconds > longestTokenSeconds
      ? [invalid(expiry, expirationSeconds, "may not specify a duration larger than 2^32 seconds")]
      : []),
    ...(target === "" ? [required(`${volume.path}.path`)] : validateLocalPath(target, `${volume.path}.path`)),
  ];
}

function validateTrustBundle(bundle: ClusterTrustBundleProjection, path: string, volume: Paths): Errors {
  return [
    ...validateBundleChoice(bundle, path),
    ...(bundle.path === "" ? [required(`${path}.path`)] : []),
    ...validateLocalPath(bundle.path, `${path}.path`),
    ...validateUnique(bundle.path, bundle.path, volume),
  ];
}

function validateBundleChoice(bundle: ClusterTrustBundleProjection, path: string): Errors {
  const { name, signerName, labelSelector } = bundle;
  if (name !== undefined && signerName !== undefined) {
    return [invalid(path, bundle, "only one of name and signerName may be used")];
  }
  if (name !== undefined) {
    return [
      ...validateBundleName(name, `${path}.name`),
      ...(labelSelector === undefined
        ? []
        : [invalid(`${path}.labelSelector`, labelSelector, "labelSelector must be unset if name is specified")]),
    ];
  }
  if (signerName === undefined) return [required(path, "either name or signerName must be specified")];
  return [
    ...(signerName === "" ? [required(`${path}.signerName`, "must be a valid signer name")] : []),
    ...validateLabelSelector(labelSelector, `${path}.labelSelector`),
  ];
}

/** `name`, or `signer:domain:path:name` for the bundle of a signer. */
function validateBundleName(name: string, path: string): Errors {
  if (name === "") return [required(path, "must be a valid object name")];
  const problems = dns1123Subdomain(name.slice(name.lastIndexOf(":") + 1));
  return invalidForEach(
    path,
    name,
    problems.map((problem) => `not a valid clustertrustbundlename: ${problem}`),
  );
}
