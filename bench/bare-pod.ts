// The least that a runtime is asked for to run a pod of one container, without an agent.
import { join } from "node:path";
import type { ContainerConfig, Mount, PodSandboxConfig, Runtime } from "../agents/node/runtime/runtime.ts";

type BarePod = {
  readonly name: string;
  readonly directory: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly mounts?: readonly Mount[];
};

/** Resolves with the id of its sandbox once the container was started. Throws when it was not. */
export async function runBarePod(runtime: Runtime, pod: BarePod): Promise<{ sandboxId: string; id: string }> {
  const sandbox = sandboxOf(pod);
  const sandboxed = await runtime.runPodSandbox(sandbox);
  const sandboxId = sandboxed.ok ? sandboxed.value : "";
  const made = await runtime.createContainer(sandboxId, containerOf(pod), sandbox);
  const id = made.ok ? made.value : "";
  const started = await runtime.startContainer(id);
  if (!started.ok) throw new Error(`the runtime alone starts nothing: ${started.message}`);
  return { sandboxId, id };
}

function sandboxOf({ name, directory }: BarePod): PodSandboxConfig {
  return {
    metadata: { name, uid: name, namespace: "default", attempt: 0 },
    ...{ hostname: name, logDirectory: join(directory, "log/pods", name), portMappings: [] },
    ...{ labels: {}, annotations: {}, sysctls: {} },
    ...{ hostNetwork: true, hostIpc: false, pidNamespace: "container" },
    securityContext: { privileged: false, supplementalGroups: [] },
  };
}

function containerOf({ name, image, command, mounts = [] }: BarePod): ContainerConfig {
  const security = { privileged: false, supplementalGroups: [], noNewPrivileges: true, addCapabilities: [] };
  return {
    metadata: { name, attempt: 0 },
    ...{ image, command, args: [], workingDir: "", envs: [], mounts, labels: {}, annotations: {} },
    ...{ logPath: `${name}/0.log`, stdin: false, stdinOnce: false, tty: false },
    linux: {
      resources: { cpuShares: 2, oomScoreAdjust: 1000 },
      securityContext: { ...security, dropCapabilities: [], readonlyRootfs: false, unmaskedProc: false },
    },
  };
}
