// How a fake container behaves: init containers end at once, others go on; else by its image's name, by the pod's
// annotation, or as the one who runs the fake says.
import { annotations } from "../pod/labels.ts";
import type { ContainerConfig, PodSandboxConfig } from "./runtime.ts";

export type FakeBehaviour = {
  readonly sandboxMs: number;
  readonly pullMs: number;
  readonly startMs: number;
  /** From being asked to end until it ends. */
  readonly stopMs: number;
  readonly sandboxError?: string;
  readonly pullError?: string;
  readonly createError?: string;
  readonly startError?: string;
  /** It ends by itself this long after it started. */
  readonly exitAfterMs?: number;
  readonly exitCode: number;
  /** Which attempts end by themselves: those below; absent: all. */
  readonly exits?: number;
  /** How it ends when asked to. */
  readonly stopExitCode: number;
  /** False: it fails its probes. */
  readonly healthy: boolean;
  /** False: it is never ready, whatever its probes say. */
  readonly ready: boolean;
  /** It turns ready this long after it started. */
  readonly readyAfterMs: number;
};

const defaultBehaviour: FakeBehaviour = {
  sandboxMs: 0,
  pullMs: 0,
  startMs: 0,
  stopMs: 0,
  exitCode: 1,
  stopExitCode: 0,
  healthy: true,
  ready: true,
  readyAfterMs: 0,
};

/** What is different from the default; `config` is absent when the sandbox is made or an image is pulled. */
export type FakeScript = (
  image: string,
  sandbox: PodSandboxConfig,
  config: ContainerConfig | undefined,
) => Partial<FakeBehaviour>;

/** A pod annotation with a JSON object of the fields above. */
export const behaviourAnnotation = "fake.lares.dev/behaviour";

export function behaviourOf(
  image: string,
  sandbox: PodSandboxConfig,
  script: { readonly config: ContainerConfig | undefined; readonly script: FakeScript | undefined },
): FakeBehaviour {
  return {
    ...defaultBehaviour,
    ...(script.config?.annotations[annotations.kind] === "init" ? { exitAfterMs: 0, exitCode: 0 } : {}),
    ...byImage(image),
    ...byAnnotation(sandbox.annotations[behaviourAnnotation]),
    ...script.script?.(image, sandbox, script.config),
  };
}

function byImage(image: string): Partial<FakeBehaviour> {
  if (image.includes("never") || image.includes("non-existent")) {
    return { pullError: `failed to pull and unpack image "${image}": not found` };
  }
  return image.includes("unready") ? { ready: false } : {};
}

const parsed = new Map<string, Partial<FakeBehaviour>>();

function byAnnotation(text: string | undefined): Partial<FakeBehaviour> {
  if (text === undefined) return {};
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const behaviour = readBehaviour(text);
  parsed.set(text, behaviour);
  return behaviour;
}

/** Fields of the wrong type are as good as absent. */
function readBehaviour(text: string): Partial<FakeBehaviour> {
  try {
    const fields: unknown = JSON.parse(text);
    if (typeof fields !== "object" || fields === null) return {};
    const kept = Object.entries(fields).filter(([field, value]) => typeof value === fieldTypes[field]);
    // Each field was just checked against its own type.
    return Object.fromEntries(kept) as Partial<FakeBehaviour>;
  } catch {
    return {};
  }
}

const fieldTypes: Readonly<Record<string, string>> = {
  sandboxMs: "number",
  pullMs: "number",
  startMs: "number",
  stopMs: "number",
  sandboxError: "string",
  pullError: "string",
  createError: "string",
  startError: "string",
  exitAfterMs: "number",
  exitCode: "number",
  exits: "number",
  stopExitCode: "number",
  healthy: "boolean",
  ready: "boolean",
  readyAfterMs: "number",
};
