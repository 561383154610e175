// Where a container may mount which of the pod's volumes.
// Source: pkg/apis/core/validation ValidateVolumeMounts, ValidateVolumeDevices.
import type { Container, VolumeDevice, VolumeMount } from "../container.ts";
import { forbidden, invalid, notFound, notSupported, required } from "../field-error.ts";
import type { Volume } from "../volume.ts";
import type { Errors, Repetitions } from "./each.ts";
import { eachOf, noErrors, repetitions } from "./each.ts";
import { hasBacksteps, validateDescendingPath } from "./paths.ts";

type Volumes = ReadonlyMap<string, Volume>;
type Mounting = Pick<Container, "volumeMounts" | "volumeDevices" | "securityContext">;

const propagations = ["Bidirectional", "HostToContainer", "None"];
const recursions = ["Disabled", "Enabled", "IfPossible"];

/** The mounts and devices of the container at `path`. */
export function validateMounts(container: Mounting, volumes: Volumes, path: string): Errors {
  return [
    ...validateVolumeMounts(container, volumes, `${path}.volumeMounts`),
    ...validateVolumeDevices(container, volumes, `${path}.volumeDevices`),
  ];
}

function validateVolumeMounts(container: Mounting, volumes: Volumes, path: string): Errors {
  const devices = container.volumeDevices ?? [];
  const isRepeated = repetitions();
  return eachOf(container.volumeMounts, path, (mount, mountPath) => {
    const { name, mountPath: target } = mount;
    return [
      ...(name === "" ? [required(`${mountPath}.name`)] : []),
      ...(volumes.has(name) ? [] : [notFound(`${mountPath}.name`, name)]),
      ...(target === "" ? [required(`${mountPath}.mountPath`)] : []),
      ...(isRepeated(target) ? [invalid(`${mountPath}.mountPath`, target, "must be unique")] : []),
      ...(devices.some((device) => device.name === name)
        ? [invalid(`${mountPath}.name`, name, "must not already exist in volumeDevices")]
        : []),
      ...(devices.some(({ devicePath }) => devicePath === target)
        ? [invalid(`${mountPath}.mountPath`, target, "must not already exist as a path in volumeDevices")]
        : []),
      ...validateImageMount(mount, volumes.get(name), mountPath),
      // Upstream leaves the index out of the paths of the rules that follow.
      ...validateSubPaths(mount, mountPath, path),
      ...validatePropagation(mount, container, `${path}.mountPropagation`),
      ...validateRecursion(mount, `${path}.recursiveReadOnly`),
    ];
  });
}

function validateImageMount({ subPath, subPathExpr }: VolumeMount, volume: Volume | undefined, path: string): Errors {
  if (volume?.image === undefined) return noErrors;
  const why = "not allowed in image volume sources";
  return [
    ...(subPath === undefined ? [] : [invalid(`${path}.subPath`, subPath, why)]),
    ...(subPathExpr === undefined ? [] : [invalid(`${path}.subPathExpr`, subPathExpr, why)]),
  ];
}

function validateSubPaths({ subPath, subPathExpr }: VolumeMount, mountPath: string, path: string): Errors {
  const exclusive = "subPathExpr and subPath are mutually exclusive";
  return [
    ...(subPath === undefined ? [] : validateDescendingPath(subPath, `${path}.subPath`)),
    ...(subPath === undefined || subPathExpr === undefined
      ? []
      : [invalid(`${mountPath}.subPathExpr`, subPathExpr, exclusive)]),
    ...(subPathExpr === undefined ? [] : validateDescendingPath(subPathExpr, `${path}.subPathExpr`)),
  ];
}

function validatePropagation({ mountPropagation }: VolumeMount, container: Mounting, path: string): Errors {
  if (mountPropagation === undefined) return noErrors;
  if (!propagations.includes(mountPropagation)) return [notSupported(path, mountPropagation, propagations)];
  if (mountPropagation !== "Bidirectional" || container.securityContext?.privileged === true) return noErrors;
  return [forbidden(path, "Bidirectional mount propagation is available only to privileged containers")];
}

function validateRecursion({ recursiveReadOnly, readOnly, mountPropagation }: VolumeMount, path: string): Errors {
  if (recursiveReadOnly === undefined || recursiveReadOnly === "Disabled") return noErrors;
  if (!recursions.includes(recursiveReadOnly)) return [notSupported(path, recursiveReadOnly, recursions)];
  const propagates = mountPropagation !== undefined && mountPropagation !== "None";
  return [
    ...(readOnly === true ? [] : [forbidden(path, "may only be specified when readOnly is true")]),
    ...(propagates ? [forbidden(path, "may only be specified when mountPropagation is None or not specified")] : []),
  ];
}

function validateVolumeDevices(container: Mounting, volumes: Volumes, path: string): Errors {
  const isNameRepeated = repetitions();
  const isPathRepeated = repetitions();
  return eachOf(container.volumeDevices, path, (device, devicePath) => [
    ...validateDeviceName(device, isNameRepeated, devicePath),
    ...validateDeviceVolume(device.name, volumes, devicePath),
    ...validateDevicePath(device, isPathRepeated, devicePath),
    ...validateNotMounted(device, container.volumeMounts ?? [], devicePath),
  ]);
}

function validateDeviceName({ name }: VolumeDevice, isRepeated: Repetitions, path: string): Errors {
  if (name === "") return [required(`${path}.name`)];
  return isRepeated(name) ? [invalid(`${path}.name`, name, "must be unique")] : noErrors;
}

function validateDeviceVolume(name: string, volumes: Volumes, path: string): Errors {
  const volume = volumes.get(name);
  if (volume === undefined) return [notFound(`${path}.name`, name)];
  if (volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined) return noErrors;
  const only = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
  return [invalid(`${path}.name`, name, only)];
}

function validateDevicePath({ devicePath: target }: VolumeDevice, isRepeated: Repetitions, path: string): Errors {
  const field = `${path}.devicePath`;
  return [
    ...(target === "" ? [required(field)] : []),
    ...(isRepeated(target) ? [invalid(field, target, "must be unique")] : []),
    ...(hasBacksteps(target) ? [invalid(field, target, "can not contain backsteps ('..')")] : []),
  ];
}

function validateNotMounted({ name, devicePath }: VolumeDevice, mounts: readonly VolumeMount[], path: string): Errors {
  return [
    ...(mounts.some((mount) => mount.name === name)
      ? [invalid(`${path}.name`, name, "must not already exist in volumeMounts")]
      : []),
    ...(mounts.some(({ mountPath }) => mountPath === devicePath)
      ? [invalid(`${path}.devicePath`, devicePath, "must not already exist as a path in volumeMounts")]
      : []),
  ];
}
