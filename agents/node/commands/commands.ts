// The commands for somebody at the machine: `lares agent COMMAND`.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { CommandCode } from "./output.ts";
import { CommandError, commandCodes, durationMs } from "./output.ts";
import type { Places } from "./places.ts";
import { placesBelow } from "./places.ts";
import { readSettings } from "./settings.ts";

const commandsUsage = `Usage: lares agent COMMAND [options]

  run                       the agent itself; lares agent run --help tells what it takes
  install                   put this program where it belongs, with a systemd unit; again with another release: upgrade
      --dry-run             only say what would be done
  join TOKEN URL            install, and make this machine a node of the control plane at URL
      --node NAME           its name (default: this host's name)
      --runtime KIND        what runs its pods (default: Docker, Podman or a CRI where one answers, else auto)
      --label KEY=VALUE     a label of the node; may be repeated
      --ca-file FILE        PEM of the certificates to trust instead of the system's
      --timeout DURATION    how long to wait until it has joined (default: 5m)
  status                    whether it is connected, or since when it is not; its pods, hold and disks
      --output json         the same for programs
  hold --reason TEXT --for DURATION
                            not now: nothing new starts here and nothing that runs is replaced, until DURATION (2h, 1h30m) is over
  hold --release            now it may
  drain                     no new work, and what another node can run goes there; daemons stay
      --timeout DURATION    how long to wait for that (default: 5m)
      --undo                let it work again
  leave                     end all pods, delete the Node, forget the credential
      --purge               and remove the agent from this machine
      --force               though the control plane cannot be told, or pods do not end
      --timeout DURATION    how long to wait for pods (default: 5m)

  --root DIR                everything is below DIR instead of /
  --state-dir DIR           the agent's state directory (default: /var/lib/lares)

Exit codes: 0 done, or connected; 1 something went wrong; 2 the command line makes no sense; 4 not connected, or not yet
done; 5 no agent runs here, or the machine has not joined.
`;

const flags = {
  root: { type: "string", default: "/" },
  "state-dir": { type: "string" },
  "dry-run": { type: "boolean", default: false },
  node: { type: "string" },
  runtime: { type: "string" },
  label: { type: "string", multiple: true },
  "ca-file": { type: "string" },
  timeout: { type: "string", default: "5m" },
  output: { type: "string", short: "o", default: "text" },
  reason: { type: "string" },
  for: { type: "string" },
  release: { type: "boolean", default: false },
  undo: { type: "boolean", default: false },
  purge: { type: "boolean", default: false },
  force: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof flags; allowPositionals: true }>>["values"];

/** Runs one command; errors that are the caller's or the machine's are said in a line. */
export async function runCommand(name: string, args: readonly string[]): Promise<CommandCode> {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: flags,
      strict: true,
      allowPositionals: true,
    });
    if (values.help || name === "help") {
      process.stdout.write(commandsUsage);
      return commandCodes.done;
    }
    const { root } = values;
    const places = placesBelow(resolve(root));
    const state = values["state-dir"] ?? places.state;
    return await dispatch(name, { values, positionals, places: { ...places, state } });
  } catch (error) {
    if (error instanceof CommandError) return failed(error.message, error.code);
    // What parseArgs throws says in one line what is wrong with the command line.
    if (error instanceof TypeError && "code" in error) return failed(error.message, commandCodes.usage);
    return failed(error instanceof Error ? error.message : String(error), commandCodes.failed);
  }
}

function failed(message: string, code: CommandCode): CommandCode {
  process.stderr.write(`lares: ${message}\n`);
  return code;
}

type Asked = { readonly values: Values; readonly positionals: readonly string[]; readonly places: Places };

/** Each command is loaded when it is asked for: an agent that runs knows none of them. */
async function dispatch(name: string, { values, positionals, places }: Asked): Promise<CommandCode> {
  switch (name) {
    case "install": {
      const { install } = await import("./install.ts");
      install({ places, isDryRun: values["dry-run"], restarts: true });
      return commandCodes.done;
    }
    case "join":
      return (await import("./join.ts")).join(joinOptions({ values, positionals, places }));
    case "status":
      return (await import("./status.ts")).status(places.state, values.output === "json");
    case "hold":
      return (await import("./hold.ts")).hold(places.state, holdRequest(values));
    case "drain": {
      const { drain, undoDrain } = await import("./drain.ts");
      const known = await identified(values, places);
      return values.undo ? undoDrain(known) : drain({ ...known, timeoutMs: duration("--timeout", values.timeout) });
    }
    case "leave": {
      const { leave, leaveUnjoined } = await import("./leave.ts");
      const { purge, force } = values;
      if (purge && !existsSync(join(places.state, "credential"))) return leaveUnjoined(places);
      const known = await identified(values, places);
      const timeoutMs = duration("--timeout", values.timeout);
      return leave({ places, ...known, purge, force, timeoutMs });
    }
    default:
      throw new CommandError(`there is no command ${JSON.stringify(name)}; lares agent help`, commandCodes.usage);
  }
}

async function identified(values: Values, places: Places) {
  const { readIdentity } = await import("./settings.ts");
  // An agent that nobody installed has its authority where its command line says.
  const installed = readSettings(places)?.options ?? [];
  const named = installed[installed.indexOf("--ca-file") + 1];
  const own = installed.includes("--ca-file") && named !== undefined ? named : places.authority;
  return { identity: readIdentity(places.state), authorityFile: values["ca-file"] ?? own };
}

function joinOptions({ values, positionals, places }: Asked) {
  const [token, url, ...more] = positionals;
  if (token === undefined || url === undefined || more.length > 0) {
    throw new CommandError("join takes a token and a URL: lares agent join TOKEN URL", commandCodes.usage);
  }
  if (!/^laresjoin_/.test(token)) throw new CommandError("the first argument is no join token", commandCodes.usage);
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new CommandError(`${JSON.stringify(url)} is no http or https URL`, commandCodes.usage);
  }
  const authorityFile = values["ca-file"];
  if (authorityFile !== undefined && !existsSync(authorityFile)) {
    throw new CommandError(`--ca-file: there is no ${authorityFile}`, commandCodes.usage);
  }
  const { runtime } = values;
  const options = [
    ...(values.node === undefined ? [] : ["--node", values.node]),
    ...(values.label ?? []).flatMap((label) => ["--label", label]),
  ];
  const timeoutMs = duration("--timeout", values.timeout);
  return { places, token, server: url.replace(/\/+$/, ""), runtime, options, authorityFile, timeoutMs };
}

function holdRequest(values: Values) {
  if (values.release) return { release: true } as const;
  if (values.reason === undefined || values.reason === "" || values.for === undefined) {
    throw new CommandError("hold takes --reason TEXT and --for DURATION, or --release", commandCodes.usage);
  }
  return { reason: values.reason, forMs: duration("--for", values.for) };
}

function duration(flag: string, text: string): number {
  const ms = durationMs(text);
  if (ms !== null && ms > 0) return ms;
  throw new CommandError(`${flag}: ${JSON.stringify(text)} is no duration such as 90m or 1h30m`, commandCodes.usage);
}
