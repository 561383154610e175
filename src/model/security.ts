// With which rights a pod and its containers run.
// Source: core/v1 types SecurityContext, PodSecurityContext.
import * as z from "zod";

import { always, boolean, core, int64, list, omitempty, pointer, string, strings, struct, text } from "./fields.ts";

const SELinuxOptions = struct(core("SELinuxOptions"), { user: text, role: text, type: text, level: text });

const WindowsSecurityContextOptions = struct(core("WindowsSecurityContextOptions"), {
  gmsaCredentialSpecName: pointer(string),
  gmsaCredentialSpec: pointer(string),
  runAsUserName: pointer(string),
  hostProcess: pointer(boolean),
});
export type WindowsSecurityContextOptions = z.output<typeof WindowsSecurityContextOptions>;

const SeccompProfile = struct(core("SeccompProfile"), { type: always(string, ""), localhostProfile: pointer(string) });
export type SeccompProfile = z.output<typeof SeccompProfile>;

const AppArmorProfile = struct(core("AppArmorProfile"), {
  type: always(string, ""),
  localhostProfile: pointer(string),
});
export type AppArmorProfile = z.output<typeof AppArmorProfile>;

export const SecurityContext = struct(core("SecurityContext"), {
  capabilities: pointer(struct(core("Capabilities"), { add: strings, drop: strings })),
  privileged: pointer(boolean),
  seLinuxOptions: pointer(SELinuxOptions),
  windowsOptions: pointer(WindowsSecurityContextOptions),
  runAsUser: pointer(int64),
  runAsGroup: pointer(int64),
  runAsNonRoot: pointer(boolean),
  readOnlyRootFilesystem: pointer(boolean),
  allowPrivilegeEscalation: pointer(boolean),
  procMount: pointer(string),
  seccompProfile: pointer(SeccompProfile),
  appArmorProfile: pointer(AppArmorProfile),
});
export type SecurityContext = z.output<typeof SecurityContext>;

export const PodSecurityContext = struct(core("PodSecurityContext"), {
  seLinuxOptions: pointer(SELinuxOptions),
  windowsOptions: pointer(WindowsSecurityContextOptions),
  runAsUser: pointer(int64),
  runAsGroup: pointer(int64),
  runAsNonRoot: pointer(boolean),
  supplementalGroups: omitempty(z.array(int64)),
  supplementalGroupsPolicy: pointer(string),
  fsGroup: pointer(int64),
  sysctls: list(struct(core("Sysctl"), { name: always(string, ""), value: always(string, "") })),
  fsGroupChangePolicy: pointer(string),
  seccompProfile: pointer(SeccompProfile),
  appArmorProfile: pointer(AppArmorProfile),
  seLinuxChangePolicy: pointer(string),
});
export type PodSecurityContext = z.output<typeof PodSecurityContext>;
