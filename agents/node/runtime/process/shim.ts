// The shell scripts that start a container's command and stay with it. They are what lets it outlive the agent: the shim
// is no child that dies with its parent, it keeps the log pipes open, and it writes the exit code down.

/**
 * Run as `sh shim DIR` with the log pipes as its output and the pipe `life` as descriptor 3.
 *
 * DIR is named after the container's id, by which the command and all its children are known from their first moment.
 *
 * It leaves in DIR: `shim`, its own pid and start time; then, by `run`, `pid` of the command; at last `exit`. It ends when
 * the agent has said on `ack` that it has the logs: the last one to close a pipe takes what is unread with it.
 * What the shell itself has to say (that a command was terminated, say) is kept out of the log: its own descriptor 2
 * leads nowhere, and `run` takes the pipe from descriptor 4.
 * Signals are caught and not ignored, as the command would inherit signals that are ignored.
 * SIGTERM comes to the shim itself when the machine goes down: there is no agent left to wait for, and a shutdown would
 * wait for the shim.
 */
export const shimScript = `D=$1 T=
trap : HUP INT QUIT
trap T=1 TERM
read -r st </proc/$$/stat || exit 125
set -- \${st##*) }
printf '%s %s\\n' $$ "\${20}" >"$D/shim.tmp" && mv "$D/shim.tmp" "$D/shim" || exit 125
exec 4>&2 2>/dev/null
setsid env "LARES_CONTAINER_ID=\${D##*/}" sh "$D/run"
rc=$?
printf '%s\\n' $rc >"$D/exit.tmp" && mv "$D/exit.tmp" "$D/exit"
printf 'exit\\n' >&3
trap 'exit 0' TERM
[ -n "$T" ] || read -r _ <"$D/ack"
`;

export type RunScript = {
  /** Where the container's files are. */
  readonly directory: string;
  readonly workingDirectory: string;
  readonly environment: readonly (readonly [name: string, value: string])[];
  /** What sets the command's rights, and runs it. */
  readonly prefix: readonly string[];
  readonly command: readonly string[];
  /** Their directories, to be joined. */
  readonly controlGroups: readonly string[];
  readonly oomScoreAdjust: number;
};

/**
 * The script that becomes the command. It holds the environment, so that no other program is started with it: to see it
 * takes the right to read the file.
 */
export function runScript(run: RunScript): string {
  const environment = run.environment.map(([name, value]) => quote(`${name}=${value}`));
  const words = [...run.prefix.map(quote), "env", "-i", ...environment, ...run.command.map(quote)];
  return `exec 2>&4 4>&-
D=${quote(run.directory)}
${run.controlGroups.map((directory) => `echo $$ >${quote(`${directory}/cgroup.procs`)} || exit 125\n`).join("")}\
{ echo ${run.oomScoreAdjust} >/proc/self/oom_score_adj; } 2>/dev/null
read -r st </proc/$$/stat || exit 125
set -- \${st##*) }
printf '%s %s\\n' $$ "\${20}" >"$D/pid.tmp" && mv "$D/pid.tmp" "$D/pid" || exit 125
cd ${quote(run.workingDirectory)} || exit 126
printf 'started\\n' >&3
exec 3>&-
exec ${words.join(" ")}
`;
}

export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
