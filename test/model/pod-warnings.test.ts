import { describe, expect, it } from "vitest";

import { cronJobs } from "../../src/model/cron-job.ts";
import { daemonSets } from "../../src/model/daemonset.ts";
import { decodeObject } from "../../src/model/decode.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import { pods } from "../../src/model/pod.ts";
import type { Resource } from "../../src/model/resource.ts";

function make<T extends KubeObject>(resource: Resource<T>, json: object): T {
  const decoded = decodeObject(resource, json);
  if (!decoded.ok) throw new Error(decoded.message);
  return decoded.object;
}

const container = { name: "c", image: "example/app:1" };

describe("a pod is warned of", () => {
  it.each<readonly [string, object, readonly string[]]>([
    [
      "labels of nodes that have other names today",
      {
        nodeSelector: { "beta.kubernetes.io/os": "linux", disk: "ssd" },
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: "x", operator: "Exists" }] },
                { matchExpressions: [{ key: "failure-domain.beta.kubernetes.io/zone", operator: "Exists" }] },
              ],
            },
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 1,
                preference: { matchExpressions: [{ key: "beta.kubernetes.io/arch", operator: "Exists" }] },
              },
            ],
          },
        },
      },
      [
        'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
        'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[1].matchExpressions[0].key: deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
        'spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].key: deprecated since v1.14; use "kubernetes.io/arch" instead',
      ],
    ],
    [
      "volumes of old",
      { volumes: [{ name: "a" }, { name: "b", gitRepo: { repository: "x" } }] },
      ["spec.volumes[1].gitRepo: deprecated in v1.11"],
    ],
    [
      "a host's address without a port of the host",
      { containers: [{ ...container, ports: [{ containerPort: 80, hostIP: "10.0.0.1" }] }] },
      [
        "spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:10.0.0.1}",
      ],
    ],
    [
      "a variable that is told in nothing but its own terms",
      {
        containers: [
          {
            ...container,
            env: [
              { name: "X", value: "1" },
              { name: "X", value: "$(X)" },
            ],
          },
        ],
      },
      ['spec.containers[0].env[1]: hides previous definition of "X", which may be dropped when using apply'],
    ],
    [
      "a variable that hides another, but not of one that is told in its terms",
      {
        containers: [
          {
            ...container,
            env: [
              { name: "PATH", value: "/bin" },
              { name: "PATH", value: "$(PATH):/sbin" },
              { name: "PATH", value: "/" },
              { name: "PATH", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
            ],
          },
        ],
      },
      [2, 3].map(
        (index) =>
          `spec.containers[0].env[${index}]: hides previous definition of "PATH", which may be dropped when using apply`,
      ),
    ],
    [
      "ports that are told twice, also in another container",
      {
        initContainers: [{ ...container, name: "i", ports: [{ containerPort: 80, hostPort: 8080 }] }],
        containers: [
          {
            ...container,
            ports: [{ containerPort: 80 }, { containerPort: 80 }, { containerPort: 80, protocol: "UDP" }],
          },
        ],
      },
      [
        "spec.containers[0].ports[0]: overlapping port definition with spec.initContainers[0].ports[0]",
        "spec.containers[0].ports[1]: overlapping port definition with spec.initContainers[0].ports[0]",
        "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
      ],
    ],
    [
      "parts of bytes",
      {
        containers: [
          { ...container, resources: { limits: { memory: "1.5", cpu: "100m" }, requests: { memory: "1000m" } } },
        ],
      },
      ['spec.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer'],
    ],
    ["nothing else", {}, []],
  ])("%s", (_what, spec, texts) => {
    const pod = make(pods, { metadata: { name: "p" }, spec: { containers: [container], ...spec } });
    expect(pods.warnings(pod, null)).toEqual(texts);
    expect(pods.warnings(pod, pod)).toEqual([]);
  });
});

describe("of profiles in annotations", () => {
  const annotations = {
    "seccomp.security.alpha.kubernetes.io/pod": "runtime/default",
    "container.seccomp.security.alpha.kubernetes.io/c": "runtime/default",
    "container.apparmor.security.beta.kubernetes.io/c": "unconfined",
    "container.apparmor.security.beta.kubernetes.io/another": "unconfined",
  };
  const warned = (spec: object) =>
    pods.warnings(
      make(pods, { metadata: { name: "p", annotations }, spec: { containers: [container], ...spec } }),
      null,
    );
  const ofPod =
    'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead';
  const seccomp =
    'metadata.annotations[container.seccomp.security.alpha.kubernetes.io/c]: non-functional in v1.27+; use the "seccompProfile" field instead';
  const appArmor =
    'metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead';
  const [seccompProfile, appArmorProfile] = [{ type: "RuntimeDefault" }, { type: "Unconfined" }];

  it.each<readonly [string, object, readonly string[]]>([
    ["no field says it", {}, [ofPod, seccomp, appArmor]],
    ["the pod's fields say it", { securityContext: { seccompProfile, appArmorProfile } }, [seccomp]],
    [
      "the container's fields say it",
      { containers: [{ ...container, securityContext: { seccompProfile, appArmorProfile } }] },
      [ofPod],
    ],
  ])("where %s", (_where, spec, texts) => {
    expect(warned(spec)).toEqual(texts);
  });
});

describe("who makes pods by a template is warned of it", () => {
  const spec = { nodeSelector: { "beta.kubernetes.io/os": "linux" }, containers: [container] };
  const why = 'nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead';

  it("when it is new, and when the template changes", () => {
    const template = { metadata: { annotations: { "scheduler.alpha.kubernetes.io/critical-pod": "" } }, spec };
    const old = daemonSets.prepareForCreate(make(daemonSets, { metadata: { name: "d" }, spec: { template } }));
    const texts = [
      `spec.template.spec.${why}`,
      'spec.template.metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
    ];
    expect(daemonSets.warnings(old, null)).toEqual(texts);
    const slower = daemonSets.prepareForUpdate({ ...old, spec: { ...old.spec, minReadySeconds: 5 } }, old);
    expect(daemonSets.warnings(slower, old)).toEqual([]);
    const changed = { ...old.spec.template, spec: { ...old.spec.template.spec, hostNetwork: true } };
    const next = daemonSets.prepareForUpdate({ ...old, spec: { ...old.spec, template: changed } }, old);
    expect(daemonSets.warnings(next, old)).toEqual(texts);
  });

  it("also where it is deep inside", () => {
    const made = make(cronJobs, { metadata: { name: "c" }, spec: { jobTemplate: { spec: { template: { spec } } } } });
    expect(cronJobs.warnings(made, null)).toEqual([`spec.jobTemplate.spec.template.spec.${why}`]);
  });
});
