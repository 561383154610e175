// The rules of the files that a volume shows.
// Source: pkg/apis/core/validation validateKeyToPath, validateDownwardAPIVolumeFile.
import { invalid, required } from "../field-error.ts";
import type { DownwardAPIVolumeFile, KeyToPath } from "../volume.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import { validateFieldSelector, validateResourceFieldSelector } from "./env.ts";
import { validateLocalPath } from "./paths.ts";

const fileFieldPaths = [
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
];
const highestMode = 0o777;

export function validateFileMode(mode: number | undefined, path: string): Errors {
  if (mode === undefined || (mode >= 0 && mode <= highestMode)) return noErrors;
  return [invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive")];
}

export function validateKeyToPath({ key, path: target, mode }: KeyToPath, path: string): Errors {
  return [
    ...(key === "" ? [required(`${path}.key`)] : []),
    ...(target === "" ? [required(`${path}.path`)] : []),
    ...validateLocalPath(target, `${path}.path`),
    ...validateFileMode(mode, `${path}.mode`),
  ];
}

/** `path` is the volume's, as upstream has it. */
export function validateDownwardFile(file: DownwardAPIVolumeFile, path: string): Errors {
  const { fieldRef, resourceFieldRef, mode } = file;
  return [
    ...(file.path === "" ? [required(`${path}.path`)] : []),
    ...validateLocalPath(file.path, `${path}.path`),
    ...(fieldRef === undefined ? [] : validateFieldSelector(fieldRef, fileFieldPaths, `${path}.fieldRef`)),
    ...(fieldRef !== undefined && resourceFieldRef !== undefined
      ? [invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")]
      : []),
    ...(fieldRef === undefined && resourceFieldRef !== undefined
      ? validateFileResource(resourceFieldRef, `${path}.resourceFieldRef`)
      : []),
    ...(fieldRef === undefined && resourceFieldRef === undefined
      ? [required(path, "one of fieldRef and resourceFieldRef is required")]
      : []),
    ...validateFileMode(mode, `${path}.mode`),
  ];
}

/** A file belongs to no container, so it has to say whose resource it means. */
function validateFileResource(selector: NonNullable<DownwardAPIVolumeFile["resourceFieldRef"]>, path: string): Errors {
  if (selector.containerName === undefined) return [required(`${path}.containerName`)];
  return validateResourceFieldSelector(selector, path);
}
