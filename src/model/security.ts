// With which rights a pod and its containers run.
// Source: core/v1 types SecurityContext, PodSecurityContext.
import * as z from "zod";

import {
  always,
  boolean,
  core,
  int64,
  list,
  omitempty,
  oneOf,
  pointer,
  string,
  strings,
  struct,
  text,
} from "./fields.ts";

const SELinuxOptions = struct(
  core("SELinuxOptions"),
  { user: text, role: text, type: text, level: text },
  {
    about: "The SELinux context of a process.",
    user: "The SELinux user.",
    role: "The SELinux role.",
    type: "The SELinux type.",
    level: "The SELinux level.",
  },
);
export type SELinuxOptions = z.output<typeof SELinuxOptions>;

const WindowsSecurityContextOptions = struct(
  core("WindowsSecurityContextOptions"),
  {
    gmsaCredentialSpecName: pointer(string),
    gmsaCredentialSpec: pointer(string),
    runAsUserName: pointer(string),
    hostProcess: pointer(boolean),
  },
  {
    about: "With which rights a container runs on Windows.",
    gmsaCredentialSpecName: "The name of the GMSA credential spec to use.",
    gmsaCredentialSpec: "The content of the GMSA credential spec.",
    runAsUserName: "The user to run as. Absent: as the image says.",
    hostProcess: "Whether it runs as a process of the host. All containers of a pod agree on that.",
  },
);
export type WindowsSecurityContextOptions = z.output<typeof WindowsSecurityContextOptions>;

const SeccompProfile = struct(
  core("SeccompProfile"),
  { type: always(oneOf("Localhost", "RuntimeDefault", "Unconfined"), ""), localhostProfile: pointer(string) },
  {
    about: "Which system calls a process may make.",
    type: "Localhost: a profile of the node; RuntimeDefault: that of the container runtime; Unconfined: all.",
    localhostProfile: "The file of the profile, below the node's folder of them. For type Localhost only.",
  },
);
export type SeccompProfile = z.output<typeof SeccompProfile>;

const AppArmorProfile = struct(
  core("AppArmorProfile"),
  {
    type: always(oneOf("Localhost", "RuntimeDefault", "Unconfined"), ""),
    localhostProfile: pointer(string),
  },
  {
    about: "What AppArmor lets a process do.",
    type: "Localhost: a profile of the node; RuntimeDefault: that of the container runtime; Unconfined: everything.",
    localhostProfile: "The name of the profile, which is loaded on the node. For type Localhost only.",
  },
);
export type AppArmorProfile = z.output<typeof AppArmorProfile>;

export const SecurityContext = struct(
  core("SecurityContext"),
  {
    capabilities: pointer(
      struct(
        core("Capabilities"),
        { add: strings, drop: strings },
        {
          about: "Which rights of root a container has on Linux.",
          add: "Rights to give it, such as NET_ADMIN.",
          drop: "Rights to take from it; ALL is every one.",
        },
      ),
    ),
    privileged: pointer(boolean),
    seLinuxOptions: pointer(SELinuxOptions),
    windowsOptions: pointer(WindowsSecurityContextOptions),
    runAsUser: pointer(int64),
    runAsGroup: pointer(int64),
    runAsNonRoot: pointer(boolean),
    readOnlyRootFilesystem: pointer(boolean),
    allowPrivilegeEscalation: pointer(boolean),
    procMount: pointer(oneOf("Default", "Unmasked")),
    seccompProfile: pointer(SeccompProfile),
    appArmorProfile: pointer(AppArmorProfile),
  },
  {
    about: "With which rights a container runs. What is set here goes before what the pod says.",
    capabilities: "Which rights of root it has.",
    privileged: "Whether it may do what root on the node may do.",
    seLinuxOptions: "Its SELinux context.",
    windowsOptions: "What counts on Windows nodes.",
    runAsUser: "The uid it runs as. Absent: as the image says.",
    runAsGroup: "The gid it runs as. Absent: as the runtime does.",
    runAsNonRoot: "Whether it must not run as root. If it would, it is not started.",
    readOnlyRootFilesystem: "Whether it cannot write to its own root file system.",
    allowPrivilegeEscalation: "Whether a process in it may come to have more rights than the one that started it.",
    procMount: "How much of /proc it sees: Default or Unmasked.",
    seccompProfile: "Which system calls it may make.",
    appArmorProfile: "What AppArmor lets it do.",
  },
);
export type SecurityContext = z.output<typeof SecurityContext>;

export const PodSecurityContext = struct(
  core("PodSecurityContext"),
  {
    seLinuxOptions: pointer(SELinuxOptions),
    windowsOptions: pointer(WindowsSecurityContextOptions),
    runAsUser: pointer(int64),
    runAsGroup: pointer(int64),
    runAsNonRoot: pointer(boolean),
    supplementalGroups: omitempty(z.array(int64)),
    supplementalGroupsPolicy: pointer(oneOf("Merge", "Strict")),
    fsGroup: pointer(int64),
    sysctls: list(
      struct(
        core("Sysctl"),
        { name: always(string, ""), value: always(string, "") },
        { about: "A setting of the kernel.", name: "The name of the setting.", value: "Its value." },
      ),
    ),
    fsGroupChangePolicy: pointer(oneOf("Always", "OnRootMismatch")),
    seccompProfile: pointer(SeccompProfile),
    appArmorProfile: pointer(AppArmorProfile),
    seLinuxChangePolicy: pointer(string),
  },
  {
    about: "With which rights all containers of a pod run, unless a container says otherwise.",
    seLinuxOptions: "The SELinux context of the containers.",
    windowsOptions: "What counts on Windows nodes.",
    runAsUser: "The uid the containers run as. Absent: as the image says.",
    runAsGroup: "The gid the containers run as. Absent: as the runtime does.",
    runAsNonRoot: "Whether no container may run as root. One that would is not started.",
    supplementalGroups: "Further groups that the first process of each container is in.",
    supplementalGroupsPolicy:
      "Whether the groups that the image names for the user count as well: Merge, or Strict for no.",
    fsGroup: "A group that owns the files of volumes which allow that, and that every container is in.",
    sysctls: "Settings of the kernel for the pod.",
    fsGroupChangePolicy:
      "When the files of a volume are given to fsGroup: Always, or OnRootMismatch if its root is not yet.",
    seccompProfile: "Which system calls the containers may make.",
    appArmorProfile: "What AppArmor lets the containers do.",
    seLinuxChangePolicy: "How volumes get the pod's SELinux label: MountOption or Recursive.",
  },
);
export type PodSecurityContext = z.output<typeof PodSecurityContext>;
