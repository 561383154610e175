// The rules of PersistentVolumeClaims.
// Source: pkg/apis/core/validation ValidatePersistentVolumeClaim, ValidatePersistentVolumeClaimUpdate.
import { semanticEqual } from "../equality.ts";
import { forbidden } from "../field-error.ts";
import type { PersistentVolumeClaim } from "../persistent-volume-claim.ts";
import { compareQuantities } from "../quantity.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import { validateImmutable, validateMetadata, validateMetadataUpdate } from "./metadata.ts";
import { dns1123Subdomain } from "./names.ts";
import { validateClaimSpec } from "./volume-claim-template.ts";

export function validateClaim({ metadata, spec }: PersistentVolumeClaim): Errors {
  return [
    ...validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }),
    ...validateClaimSpec(spec, "spec"),
  ];
}

export function validateClaimUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): Errors {
  return [
    ...validateMetadataUpdate(claim.metadata, old.metadata),
    ...validateSpecUpdate(claim, old),
    ...validateImmutable(claim.spec.volumeMode, old.spec.volumeMode, "spec.volumeMode"),
  ];
}

/** Whoever binds the claim names its volume; a bound claim may ask for more. Everything else stays. */
function validateSpecUpdate({ spec }: PersistentVolumeClaim, old: PersistentVolumeClaim): Errors {
  const isBound = old.status.phase === "Bound";
  const binds = old.spec.volumeName === undefined;
  const given = {
    ...spec,
    ...(binds ? { volumeName: undefined } : {}),
    ...(isBound ? { volumeAttributesClassName: old.spec.volumeAttributesClassName } : {}),
    ...(isBound ? { resources: { ...spec.resources, requests: old.spec.resources.requests } } : {}),
  };
  if (!semanticEqual(given, old.spec)) {
    const changeable = "resources.requests and volumeAttributesClassName for bound claims";
    return [forbidden("spec", `spec is immutable after creation except ${changeable}`)];
  }
  const wanted = spec.resources.requests?.["storage"] ?? "0";
  if (compareQuantities(wanted, old.spec.resources.requests?.["storage"] ?? "0") >= 0) return noErrors;
  return [forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")];
}
