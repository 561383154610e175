// Sessions with containers that do not run: a few commands that do in memory what their namesakes do, and ports that echo.
import type { Duplex } from "node:stream";
import { PassThrough } from "node:stream";

import type { ContainerStreams, Result, RuntimeContainerStatus, RuntimeStreams, StreamOptions } from "./runtime.ts";
import { fail, ok } from "./runtime.ts";

export type FakeContainers = {
  status(id: string): RuntimeContainerStatus | undefined;
  /** Tells when the container ends. */
  onEnd(id: string, told: () => void): void;
  hasSandbox(id: string): boolean;
};

type Ends = { readonly stdin: PassThrough; readonly stdout: PassThrough; readonly stderr: PassThrough };
/** Resolves to the exit code. */
type FakeCommand = (args: readonly string[], ends: Ends) => Promise<number>;

const commands: Readonly<Record<string, FakeCommand>> = {
  true: async () => 0,
  false: async () => 1,
  echo: async (args, { stdout }) => {
    stdout.write(`${args.join(" ")}\n`);
    return 0;
  },
  exit: async ([code = "0"]) => Number(code),
  cat: async (_args, { stdin, stdout }) => {
    for await (const chunk of stdin) {
      if (!stdout.write(chunk)) await new Promise((resolve) => stdout.once("drain", resolve));
    }
    return 0;
  },
};

export function fakeStreams(containers: FakeContainers): RuntimeStreams {
  const isRunning = (id: string) => containers.status(id)?.state === "running";
  return {
    exec: async (id, command, options) => {
      if (!isRunning(id)) return fail("not-found", `container ${id} is not running`);
      // `sh -c "exit 3"` as well as `exit 3`.
      const words = command[0] === "sh" && command[1] === "-c" ? (command[2] ?? "").split(" ") : command;
      const [name = "", ...args] = words;
      const known = Object.hasOwn(commands, name) ? commands[name] : undefined;
      if (known === undefined)
        return fail("failed", `exec: ${JSON.stringify(name)}: executable file not found in $PATH`);
      return ok(run((ends) => known(args, ends), options));
    },
    attach: async (id, options) => {
      if (!isRunning(id)) return fail("not-found", `container ${id} is not running`);
      const ended = new Promise<number>((resolve) => containers.onEnd(id, () => resolve(0)));
      return ok(run(() => ended, options));
    },
    portForward: async (id): Promise<Result<Duplex>> =>
      containers.hasSandbox(id) ? ok(new PassThrough()) : fail("not-found", `there is no sandbox ${id}`),
  };
}

function run(command: (ends: Ends) => Promise<number>, options: StreamOptions): ContainerStreams {
  const ends = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const exit = (async (): Promise<Result<number>> => {
    const code = await command(ends);
    ends.stdout.end();
    ends.stderr.end();
    return ok(code);
  })();
  if (!options.stdin) ends.stdin.end();
  return {
    ...(options.stdin ? { stdin: ends.stdin } : {}),
    ...(options.stdout ? { stdout: ends.stdout } : {}),
    ...(options.stderr ? { stderr: ends.stderr } : {}),
    resize: () => {},
    exit,
    close: () => {
      for (const end of Object.values(ends)) end.destroy();
    },
  };
}
