// Something that happened to a pod and is worth telling a person, in the kubelet's words.

export type PodEvent = {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** The container it is about. */
  readonly fieldPath?: string;
};

export function warning(reason: string, message: string, fieldPath?: string): PodEvent {
  return fieldPath === undefined
    ? { type: "Warning", reason, message }
    : { type: "Warning", reason, message, fieldPath };
}

export function normal(reason: string, message: string, fieldPath: string): PodEvent {
  return { type: "Normal", reason, message, fieldPath };
}

/** `spec.containers{name}`. */
export function containerFieldPath(name: string, isInit: boolean): string {
  return `spec.${isInit ? "initContainers" : "containers"}{${name}}`;
}
