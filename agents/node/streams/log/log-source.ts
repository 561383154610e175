// Where logs are read from: the files that runtimes leave in the kubelet's layout, or what a fake container would have said.
import { join } from "node:path";
import type { Directories } from "../../pod/container-config.ts";
import { podLogDirectory } from "../../pod/container-config.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { LogTarget } from "./log-target.ts";
import type { LogRecord } from "./record.ts";

type LogReading = {
  readonly tailLines?: number;
  readonly follow: boolean;
  /** Whether the container may have more to say. */
  isRunning(): Promise<boolean>;
  readonly signal: AbortSignal;
};

export type LogSource = {
  /** In batches. */
  read(target: LogTarget, reading: LogReading, runtime: Runtime): AsyncIterable<readonly LogRecord[]>;
};

export function fileLogs(directories: Pick<Directories, "logs">): LogSource {
  return {
    async *read({ pod, container, attempt }, reading) {
      const { readLog } = await import("./read-log.ts");
      yield* readLog({ ...reading, path: join(podLogDirectory(directories, pod), container, `${attempt}.log`) });
    },
  };
}

/** A fake container says that it started, and that it ended. */
export const fakeLogs: LogSource = {
  async *read(
    { container, containerId },
    { tailLines = Number.POSITIVE_INFINITY, follow, isRunning, signal },
    runtime,
  ) {
    const before = await runtime.containerStatus(containerId);
    const said = [
      ...(before?.startedAtMs === undefined ? [] : [record(before.startedAtMs, `${container} started`)]),
      ...(before?.finishedAtMs === undefined ? [] : [record(before.finishedAtMs, `${container} ended`)]),
    ];
    yield said.slice(Math.max(0, said.length - tailLines));
    if (!follow || before?.finishedAtMs !== undefined) return;
    while (!signal.aborted && (await isRunning())) await changed(runtime, signal);
    const after = await runtime.containerStatus(containerId);
    if (after?.finishedAtMs !== undefined) yield [record(after.finishedAtMs, `${container} ended`)];
  },
};

function record(atMs: number, text: string): LogRecord {
  return { time: new Date(atMs).toISOString(), stream: "stdout", isPartial: false, text: Buffer.from(text) };
}

function changed(runtime: Runtime, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const off = runtime.onChange(() => done());
    const done = () => {
      off();
      signal.removeEventListener("abort", done);
      resolve();
    };
    signal.addEventListener("abort", done);
  });
}
