// The agent as a systemd service. Source: systemd.service(5), systemd.exec(5), systemd.kill(5), systemd.resource-control(5).

import { engineEnvironment, engineFlags } from "../engine/lean-start.ts";

export type UnitOptions = {
  /** Node's program. */
  readonly engine: string;
  /** Pods are children of this service, and whatever it may not do they may not either. */
  readonly podsAreChildren: boolean;
};

/** What whoever starts the agent on a machine without systemd has to run, in a shell's words. */
export function startCommand(engine: string): string {
  return `. /etc/lares/agent.env && exec env ${environmentText} ${runCommand(engine)}`;
}

/** `LARES_OPTIONS` is several words, for systemd and for a shell. */
function runCommand(engine: string): string {
  const agent = `${engine} ${engineFlags.join(" ")} /opt/lares/current/lares-agent.cjs agent run`;
  return `${agent} --server \${LARES_SERVER} --join-token-file /etc/lares/join-token $LARES_OPTIONS`;
}

/** Runtimes whose pods belong to somebody else, so that the agent can be shut in. */
const shutIn = `
# Pods are started by the container runtime: what the agent may not do is no loss to them.
NoNewPrivileges=yes
# For volumes (ownership, mounts), the network of the local API and of pods, and scores of containers that are short of memory.
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_SYS_ADMIN CAP_SYS_PTRACE CAP_SYS_RESOURCE
SystemCallFilter=@system-service @mount
SystemCallErrorNumber=EPERM
SystemCallArchitectures=native
ProtectClock=yes
RestrictRealtime=yes
LockPersonality=yes
RestrictNamespaces=mnt net
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
KeyringMode=private
`;

const open = `
# Nothing more is shut off here: pods may be children of this service, and would be shut in with it.
`;

const environmentText = Object.entries(engineEnvironment)
  .map(([name, value]) => `${name}=${value}`)
  .join(" ");

export function unitText({ engine, podsAreChildren }: UnitOptions): string {
  return `# The node agent. Written by \`lares agent install\`, and written anew by it: put changes into
# lares-agent.service.d/*.conf beside this file.
[Unit]
Description=Lares node agent
# Not network-online.target: pods start without a network, and the agent tries until there is one.
After=local-fs.target network.target docker.service containerd.service crio.service podman.socket
StartLimitIntervalSec=120
StartLimitBurst=5
OnFailure=lares-agent-rollback.service

[Service]
Type=exec
EnvironmentFile=/etc/lares/agent.env
Environment=${environmentText}
ExecStart=${runCommand(engine)}
Restart=always
RestartSec=2
# A command line that makes no sense does not get better by itself.
RestartPreventExitStatus=2
TimeoutStopSec=20
# The agent says that it is alive by systemd-notify, a child of its own.
NotifyAccess=all
WatchdogSec=3min

# Pods outlive the agent: stopping or restarting the service ends the agent alone, and the next one takes them over.
KillMode=process
# Control groups below this one are the agent's to make.
Delegate=yes
# The agent rests at half of that. Containers have groups of their own and do not count.
MemoryMax=96M
OOMScoreAdjust=-900
# A pod that runs out of memory is the agent's business and not a reason to stop the service.
OOMPolicy=continue
# Pods may count as tasks of this service.
TasksMax=infinity
LimitNOFILE=65536

StateDirectory=lares
StateDirectoryMode=0700
UMask=0027
# Mounts that the agent makes for pods must be seen by whoever runs them.
PrivateMounts=no
${podsAreChildren ? open : shutIn}
[Install]
WantedBy=multi-user.target
`;
}

/** Runs once the agent has failed too often: a release that does not start makes room for the one before. */
export const rollbackUnitText = `# Written by \`lares agent install\`.
[Unit]
Description=Go back to the release of the Lares node agent that ran before
ConditionPathIsSymbolicLink=/opt/lares/previous

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'mv -T /opt/lares/previous /opt/lares/current && systemctl reset-failed lares-agent.service && systemctl start --no-block lares-agent.service'
`;
