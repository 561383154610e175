import { describe } from "vitest";

import { c, checkTemplates, label } from "./template-errors.ts";

describe("containers", () => {
  checkTemplates([
    ["must be there", { containers: [] }, ["containers: Required value"]],
    ["have a name", { [`${c}.name`]: "" }, [`${c}.name: Required value`]],
    ["have a name of 63 letters at most", { [`${c}.name`]: "a".repeat(63) }, []],
    [
      "have a name that is no longer",
      { [`${c}.name`]: "a".repeat(64) },
      [`${c}.name: Invalid value: "${"a".repeat(64)}": must be no more than 63 characters`],
    ],
    ["have a label for a name", { [`${c}.name`]: "C" }, [`${c}.name: Invalid value: "C": ${label}`]],
    ["have a name without dots", { [`${c}.name`]: "a.b" }, [`${c}.name: Invalid value: "a.b": must not contain dots`]],
    ["have an image", { [`${c}.image`]: "" }, [`${c}.image: Required value`]],
    ["may have blanks around the image in a template", { [`${c}.image`]: " nginx " }, []],
    [
      "have names that differ from those of init containers",
      { initContainers: [{ name: "c", image: "i" }] },
      ['initContainers[0].name: Duplicate value: "c"'],
    ],
    [
      "do not say how they restart",
      { [`${c}.restartPolicy`]: "Always" },
      [`${c}.restartPolicy: Forbidden: may not be set for non-init containers`],
    ],
    [
      "are pulled by a policy that exists",
      { [`${c}.imagePullPolicy`]: "Sometimes" },
      [`${c}.imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"`],
    ],
    [
      "end with a message by a policy that exists",
      { [`${c}.terminationMessagePolicy`]: "Log" },
      [`${c}.terminationMessagePolicy: Unsupported value: "Log": supported values: "File", "FallbackToLogsOnError"`],
    ],
    [
      "are not ephemeral in a template",
      { ephemeralContainers: [{ name: "e", image: "i" }] },
      ["ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template"],
    ],
  ]);
});

describe("init containers", () => {
  checkTemplates([
    [
      "have no probes and hooks",
      {
        initContainers: [{ name: "i", image: "i", lifecycle: {}, readinessProbe: { exec: { command: ["true"] } } }],
      },
      [
        "initContainers[0].lifecycle: Forbidden: may not be set for init containers without restartPolicy=Always",
        "initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
      ],
    ],
    [
      "have them when they are sidecars",
      {
        initContainers: [
          { name: "i", image: "i", restartPolicy: "Always", readinessProbe: { exec: { command: ["true"] } } },
        ],
      },
      [],
    ],
    [
      "restart always or not at all",
      { initContainers: [{ name: "i", image: "i", restartPolicy: "Never" }] },
      ['initContainers[0].restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ],
  ]);
});

describe("ports", () => {
  const port = (value: object) => ({ [`${c}.ports`]: [value] });
  checkTemplates([
    ["have a number", port({}), [`${c}.ports[0].containerPort: Required value`]],
    ["reach to 65535", port({ containerPort: 65_535 }), []],
    [
      "and no further",
      port({ containerPort: 65_536 }),
      [`${c}.ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive`],
    ],
    [
      "of the host as well",
      port({ containerPort: 1, hostPort: -1 }),
      [`${c}.ports[0].hostPort: Invalid value: -1: must be between 1 and 65535, inclusive`],
    ],
    [
      "speak a protocol that exists",
      port({ containerPort: 1, protocol: "tcp" }),
      [`${c}.ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"`],
    ],
    ["have a name of 15 letters at most", port({ containerPort: 1, name: "a".repeat(15) }), []],
    [
      "have a name that is no longer",
      port({ containerPort: 1, name: "a".repeat(16) }),
      [`${c}.ports[0].name: Invalid value: "${"a".repeat(16)}": must be no more than 15 characters`],
    ],
    [
      "have a name of letters, digits and hyphens",
      port({ containerPort: 1, name: "A_" }),
      [
        `${c}.ports[0].name: Invalid value: "A_": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)`,
        `${c}.ports[0].name: Invalid value: "A_": must contain at least one letter (a-z)`,
      ],
    ],
    [
      "have a name with single hyphens inside",
      port({ containerPort: 1, name: "-a--b" }),
      [
        `${c}.ports[0].name: Invalid value: "-a--b": must not contain consecutive hyphens`,
        `${c}.ports[0].name: Invalid value: "-a--b": must not begin or end with a hyphen`,
      ],
    ],
    [
      "have a name of their own",
      {
        [`${c}.ports`]: [
          { containerPort: 1, name: "a" },
          { containerPort: 2, name: "a" },
        ],
      },
      [`${c}.ports[1].name: Duplicate value: "a"`],
    ],
    [
      "of the host are taken once",
      {
        containers: [
          { name: "a", image: "i", ports: [{ containerPort: 1, hostPort: 80 }] },
          { name: "b", image: "i", ports: [{ containerPort: 2, hostPort: 80 }] },
        ],
      },
      ['containers[1].ports[0].hostPort: Duplicate value: "TCP//80"'],
    ],
    [
      "of the host may be taken for another protocol or address",
      {
        [`${c}.ports`]: [
          { containerPort: 1, hostPort: 80 },
          { containerPort: 1, hostPort: 80, protocol: "UDP" },
          { containerPort: 1, hostPort: 80, hostIP: "10.0.0.1" },
        ],
      },
      [],
    ],
    ["of the host may be left open on its network", { hostNetwork: true, ...port({ containerPort: 80 }) }, []],
    [
      "of the host are the container's on its network",
      { hostNetwork: true, ...port({ containerPort: 80, hostPort: 81 }) },
      [`${c}.ports[0].hostPort: Invalid value: 81: must match \`containerPort\` when \`hostNetwork\` is true`],
    ],
  ]);
});

describe("probes", () => {
  const probe = (value: object) => ({ [`${c}.livenessProbe`]: value });
  const p = `${c}.livenessProbe`;
  checkTemplates([
    ["ask something", probe({}), [`${p}: Required value: must specify a handler type`]],
    [
      "ask one thing",
      probe({ exec: { command: ["a"] }, tcpSocket: { port: 80 } }),
      [`${p}.tcpSocket: Forbidden: may not specify more than 1 handler type`],
    ],
    ["run a command", probe({ exec: {} }), [`${p}.exec.command: Required value`]],
    [
      "ask at a port",
      probe({ httpGet: { port: 0 } }),
      [`${p}.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive`],
    ],
    [
      "ask over http",
      probe({ httpGet: { port: 80, scheme: "FTP" } }),
      [`${p}.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"`],
    ],
    [
      "send headers",
      probe({ httpGet: { port: 80, httpHeaders: [{ name: "a b", value: "" }] } }),
      [
        `${p}.httpGet.httpHeaders: Invalid value: "a b": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')`,
      ],
    ],
    [
      "wait no negative time",
      probe({ tcpSocket: { port: 80 }, periodSeconds: -1 }),
      [`${p}.periodSeconds: Invalid value: -1: must be greater than or equal to 0`],
    ],
    [
      "believe one success",
      probe({ tcpSocket: { port: 80 }, successThreshold: 2 }),
      [`${p}.successThreshold: Invalid value: 2: must be 1`],
    ],
    ["for readiness may want more", { [`${c}.readinessProbe`]: { tcpSocket: { port: 80 }, successThreshold: 2 } }, []],
    [
      "for readiness end nothing",
      { [`${c}.readinessProbe`]: { tcpSocket: { port: 80 }, terminationGracePeriodSeconds: 1 } },
      [`${c}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for readinessProbes`],
    ],
    [
      "give at least a second to end",
      probe({ tcpSocket: { port: 80 }, terminationGracePeriodSeconds: 0 }),
      [`${p}.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0`],
    ],
    [
      "and hooks do something",
      { [`${c}.lifecycle`]: { preStop: {} } },
      [`${c}.lifecycle.preStop: Required value: must specify a handler type`],
    ],
    ["and hooks may sleep", { [`${c}.lifecycle`]: { preStop: { sleep: { seconds: 30 } } } }, []],
    [
      "and hooks sleep no longer than they may",
      { [`${c}.lifecycle`]: { preStop: { sleep: { seconds: 31 } } } },
      [
        `${c}.lifecycle.preStop.sleep: Invalid value: 31: must be greater than 0 and less than terminationGracePeriodSeconds (30). Enable AllowPodLifecycleSleepActionZeroValue feature gate for zero sleep.`,
      ],
    ],
  ]);
});

describe("resources", () => {
  const resources = (value: object) => ({ [`${c}.resources`]: value });
  const r = `${c}.resources`;
  checkTemplates([
    ["may be asked for up to the limit", resources({ limits: { cpu: "0.5" }, requests: { cpu: "500m" } }), []],
    [
      "may not be asked for beyond",
      resources({ limits: { cpu: "500m" }, requests: { cpu: "1" } }),
      [`${r}.requests: Invalid value: "1": must be less than or equal to cpu limit of 500m`],
    ],
    [
      "are not negative",
      resources({ limits: { memory: "-1" } }),
      [`${r}.limits[memory]: Invalid value: "-1": must be greater than or equal to 0`],
    ],
    [
      "have names that are known",
      resources({ limits: { gpu: "1" } }),
      [
        `${r}.limits[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified`,
        `${r}.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers`,
      ],
    ],
    [
      "of vendors are whole and not overcommitted",
      resources({ limits: { "example.com/gpu": "1" }, requests: { "example.com/gpu": "500m" } }),
      [
        `${r}.requests[example.com/gpu]: Invalid value: "500m": must be an integer`,
        `${r}.requests: Invalid value: "500m": must be equal to example.com/gpu limit of 1`,
      ],
    ],
    [
      "of vendors have a limit",
      resources({ requests: { "example.com/gpu": "1" } }),
      [`${r}.limits: Required value: Limit must be set for non overcommitable resources`],
    ],
    [
      "in huge pages come with others",
      resources({ limits: { "hugepages-2Mi": "4Mi" }, requests: { "hugepages-2Mi": "4Mi" } }),
      [`${r}: Forbidden: HugePages require cpu or memory`],
    ],
    [
      "in huge pages come in whole pages",
      resources({ limits: { cpu: "1", "hugepages-2Mi": "3Mi" }, requests: { "hugepages-2Mi": "3Mi" } }),
      [
        `${r}.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi`,
        `${r}.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi`,
      ],
    ],
    [
      "by claim are claims of the pod",
      resources({ claims: [{ name: "gpu" }] }),
      [`${r}.claims[0]: Not found: "gpu": must be one of the names in pod.spec.resourceClaims which is empty`],
    ],
  ]);
});
