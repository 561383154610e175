// Which paths may stand in a volume or a mount: none that climbs out of its directory.
// Source: pkg/apis/core/validation.
import { invalid } from "../field-error.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";

export function validateNoBacksteps(value: string, path: string): Errors {
  return hasBacksteps(value) ? [invalid(path, value, "must not contain '..'")] : noErrors;
}

export function hasBacksteps(value: string): boolean {
  return value.split("/").includes("..");
}

/** A path below the directory it is used in. */
export function validateDescendingPath(value: string, path: string): Errors {
  const absolute = value.startsWith("/") ? [invalid(path, value, "must be a relative path")] : [];
  return [...absolute, ...validateNoBacksteps(value, path)];
}

/** As above, for files that the kubelet writes, which keeps names that begin with two dots for itself. */
export function validateLocalPath(value: string, path: string): Errors {
  const reserved = value.startsWith("..") && !value.startsWith("../") && value !== "..";
  return [
    ...validateDescendingPath(value, path),
    ...(reserved ? [invalid(path, value, "must not start with '..'")] : []),
  ];
}
