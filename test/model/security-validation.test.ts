import { describe } from "vitest";

import { c, checkTemplates } from "./template-errors.ts";

describe("rights", () => {
  const context = (value: object) => ({ [`${c}.securityContext`]: value });
  const s = `${c}.securityContext`;
  checkTemplates([
    ["may be root's", context({ runAsUser: 0 }), []],
    [
      "are of a user that can be",
      context({ runAsUser: -1 }),
      [`${s}.runAsUser: Invalid value: -1: must be between 0 and 4294967295, inclusive`],
    ],
    [
      "are not given and refused at once",
      context({ privileged: true, allowPrivilegeEscalation: false }),
      [
        `${s}: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set \`allowPrivilegeEscalation\` to false and \`privileged\` to true`,
      ],
    ],
    [
      "are not given by capability either",
      context({ allowPrivilegeEscalation: false, capabilities: { add: ["CAP_SYS_ADMIN"] } }),
      [
        `${s}: Invalid value: {"capabilities":{"add":["CAP_SYS_ADMIN"]},"allowPrivilegeEscalation":false}: cannot set \`allowPrivilegeEscalation\` to false and \`capabilities.Add\` CAP_SYS_ADMIN`,
      ],
    ],
    [
      "need a seccomp profile that exists",
      context({ seccompProfile: { type: "Localhost" } }),
      [`${s}.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost`],
    ],
    [
      "show all of proc with own users only",
      context({ procMount: "Unmasked" }),
      [`${s}.procMount: Invalid value: "Unmasked": \`hostUsers\` must be false to use \`Unmasked\``],
    ],
    [
      "of the pod: one way to share processes",
      { shareProcessNamespace: true, hostPID: true },
      [
        "securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled",
      ],
    ],
    [
      "of the pod: own users or the host's namespaces",
      { hostUsers: false, hostNetwork: true },
      ["hostNetwork: Forbidden: when `pod.Spec.HostUsers` is false"],
    ],
    [
      "of the pod: the host's network is not to be tuned",
      { hostNetwork: true, "securityContext.sysctls": [{ name: "net.core.somaxconn", value: "1" }] },
      [
        "securityContext.sysctls[0].name: Invalid value: \"net.core.somaxconn\": may not be specified when 'hostNetwork' is true",
      ],
    ],
    [
      "of the pod: settings of the kernel have names",
      { "securityContext.sysctls": [{ name: "A", value: "1" }] },
      [
        'securityContext.sysctls[0].name: Invalid value: "A": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
      ],
    ],
    [
      "on Windows are Windows' own",
      { os: { name: "windows" }, "securityContext.runAsUser": 1 },
      ["securityContext.runAsUser: Forbidden: cannot be set for a windows pod"],
    ],
    [
      "are for a system that exists",
      { os: { name: "plan9" } },
      ['os: Unsupported value: "plan9": supported values: "linux", "windows"'],
    ],
  ]);
});
