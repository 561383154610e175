// Where images come from, and what is told when they do not come.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";

import { busyboxImage } from "../../containers/image.ts";
import type { PodCase } from "./case.ts";
import { running } from "./case.ts";
import { follows, kept, keptMount, statusesOf } from "./endings.ts";
import type { RealPod } from "./real-pod.ts";

const pulledMessage =
  /^Successfully pulled image "(.*)" in ([0-9.]+m?s) \(\2 including waiting\)\. Image size: (\d+) bytes\.$/;

function messagesOf(pod: RealPod, reason: string, name = "main"): readonly string[] {
  return pod.events
    .filter((event) => event.reason === reason && /\{(.*)\}/.exec(event.fieldPath ?? "")?.[1] === name)
    .flatMap(({ message, count }) => Array.from({ length: count }, () => message));
}

const version = (number: number) =>
  busyboxImage({ files: [{ path: "/version", text: `${number}\n` }], labels: { version: `${number}` } });

/** Says the version of its image, and ends when it is told to. */
const shown = ["sh", "-c", "cat /version; while ! test -e /kept/go; do sleep 0.1; done; rm /kept/go"];

/** Two runs of one container, between which its image is pushed anew. */
function twoRuns(
  policy: "Always" | "IfNotPresent",
  rows: (image: (pod: RealPod) => string) => PodCase["rows"],
): PodCase {
  const name = `test/${policy.toLowerCase()}:1`;
  return {
    pod: `pulls-${policy.toLowerCase()}`,
    spec: async ({ registry, directory }) => ({
      hostNetwork: true,
      volumes: [kept(directory)],
      containers: [
        {
          name: "main",
          image: await registry.push(name, version(1)),
          imagePullPolicy: policy,
          command: shown,
          volumeMounts: [keptMount],
        },
      ],
    }),
    rows: rows(({ place }) => `${place.registry.host}/${name}`),
  };
}

async function runAgain(pod: RealPod, name: string): Promise<void> {
  await pod.untilSaid("1");
  await pod.place.registry.push(name, version(2));
  const go = join(pod.place.directory, "go");
  if (pod.container()?.restartCount === 0) writeFileSync(go, "");
  await follows(() => {
    expect(existsSync(go)).toBe(false);
    expect(pod.container()?.state.running, pod.explanation()).toBeDefined();
    expect(pod.container()?.restartCount).toBe(1);
  });
}

const always = twoRuns("Always", (image) => [
  {
    row: "imagePullPolicy Always: what is new in the registry runs after a restart",
    check: async (pod) => {
      await runAgain(pod, "test/always:1");
      await pod.untilSaid("2", "main", 1);
    },
  },
  {
    row: "imagePullPolicy Always: each pull is told, with how long it took and how large the image is",
    check: async (pod) => {
      await pod.until(() => expect(messagesOf(pod, "Pulled")).toHaveLength(2));
      expect(messagesOf(pod, "Pulling")).toEqual(Array(2).fill(`Pulling image "${image(pod)}"`));
      for (const message of messagesOf(pod, "Pulled")) {
        const [, what, , sizeBytes] = pulledMessage.exec(message) ?? [];
        expect(what, message).toBe(image(pod));
        expect(Number(sizeBytes)).toBeGreaterThan(100_000);
      }
    },
  },
]);

const ifNotPresent = twoRuns("IfNotPresent", (image) => [
  {
    row: "imagePullPolicy IfNotPresent: what was pulled once runs again after a restart",
    check: async (pod) => {
      await runAgain(pod, "test/ifnotpresent:1");
      await pod.untilSaid("1", "main", 1);
    },
  },
  {
    row: "imagePullPolicy IfNotPresent: one pull, and one told",
    check: async (pod) => {
      await pod.until(() => expect(messagesOf(pod, "Pulled")).toEqual([expect.stringMatching(pulledMessage)]));
      expect(messagesOf(pod, "Pulling")).toEqual([`Pulling image "${image(pod)}"`]);
    },
  },
]);

const forgotten: PodCase = {
  pod: "pulls-forgotten",
  spec: async ({ registry, directory }) => ({
    hostNetwork: true,
    volumes: [kept(directory)],
    containers: [
      {
        name: "main",
        image: await registry.push("test/forgotten:1", version(6)),
        imagePullPolicy: "Always",
        command: shown,
        volumeMounts: [keptMount],
      },
    ],
  }),
  rows: [
    {
      row: "imagePullPolicy Always: what the registry has no more does not run again, though the node has it",
      check: async (pod) => {
        await pod.untilSaid("6");
        await pod.place.registry.forget("test/forgotten:1", version(6));
        writeFileSync(join(pod.place.directory, "go"), "");
        await follows(() => expect(pod.container()?.state.waiting?.reason, pod.explanation()).toBe("ImagePullBackOff"));
        expect(pod.container()?.restartCount).toBe(0);
      },
    },
  ],
};

const byTag: PodCase = {
  pod: "pulls-latest",
  spec: async ({ registry }) => ({
    hostNetwork: true,
    initContainers: [
      { name: "first", image: await registry.push("test/tagged:latest", version(3)), command: ["cat", "/version"] },
    ],
    containers: [{ name: "main", image: `${registry.host}/test/tagged`, command: running("cat /version") }],
  }),
  rows: [
    {
      row: "imagePullPolicy: of :latest, and without a tag, Always",
      check: async (pod) => {
        await pod.untilSaid("3");
        await pod.untilEvent("Pulled", /Successfully pulled image ".*:latest"/);
        await pod.untilEvent("Pulled", /Successfully pulled image ".*tagged" in/);
      },
    },
  ],
};

const never: PodCase = {
  pod: "pulls-never",
  spec: async ({ registry }) => ({
    hostNetwork: true,
    initContainers: [{ name: "first", image: await registry.push("test/never:1", version(4)), command: ["true"] }],
    containers: [
      {
        name: "main",
        image: `${registry.host}/test/never:1`,
        imagePullPolicy: "Never",
        command: running("cat /version"),
      },
      { name: "absent", image: `${registry.host}/test/absent:1`, imagePullPolicy: "Never", command: running() },
    ],
  }),
  rows: [
    {
      row: "imagePullPolicy Never: what is there runs, and no pull is told",
      check: async (pod) => {
        await pod.untilSaid("4");
        expect([...messagesOf(pod, "Pulling"), ...messagesOf(pod, "Pulled")]).toEqual([]);
      },
    },
    {
      row: "imagePullPolicy Never: what is not there is not asked for",
      check: async (pod) => {
        const image = `${pod.place.registry.host}/test/absent:1`;
        const message = `Container image "${image}" is not present with pull policy of Never`;
        await pod.until(() => {
          expect(pod.container("absent")?.state.waiting, pod.explanation()).toEqual({
            ...{ reason: "ErrImageNeverPull", message },
          });
        });
        const fieldPath = "spec.containers{absent}";
        expect(await pod.untilEvent("ErrImageNeverPull", /absent/)).toMatchObject({
          type: "Warning",
          message,
          fieldPath,
        });
        await pod.untilEvent("Failed", /^Error: .*policy of Never/);
        expect(pod.status?.phase).toBe("Pending");
        expect(messagesOf(pod, "Pulling", "absent")).toEqual([]);
      },
    },
  ],
};

const absent: PodCase = {
  pod: "pulls-absent",
  spec: ({ registry }) => ({
    hostNetwork: true,
    containers: [{ name: "main", image: `${registry.host}/test/coming:1`, command: running("cat /version") }],
  }),
  rows: [
    {
      row: "image: one that is not there is told as ErrImagePull, then as ImagePullBackOff with what went wrong",
      check: async (pod) => {
        const image = `${pod.place.registry.host}/test/coming:1`;
        const waiting = () => statusesOf(pod).map(({ state }) => state.waiting);
        await pod.until(() => {
          expect(waiting(), pod.explanation()).toContainEqual({
            ...{ reason: "ImagePullBackOff" },
            message: expect.stringMatching(
              new RegExp(`^Back-off pulling image "${image}": ErrImagePull: .*${image}`, "s"),
            ),
          });
        });
        // Of two that follow each other at once only the latter may be told; there is an event of each.
        await pod.untilEvent("Pulling", new RegExp(`^Pulling image "${image}"$`));
        expect(await pod.untilEvent("Failed", /^Failed to pull image /)).toMatchObject({ type: "Warning" });
        await pod.untilEvent("Failed", /^Error: ErrImagePull$/);
        expect(await pod.untilEvent("BackOff", /^Back-off pulling image "[^"]*"$/)).toMatchObject({ type: "Normal" });
        await pod.untilEvent("Failed", /^Error: ImagePullBackOff$/);
      },
    },
    {
      row: "image: is pulled when the time to hold off is over and it is there",
      check: async (pod) => {
        await pod.place.registry.push("test/coming:1", version(5));
        await follows(() => expect(pod.condition("Ready"), pod.explanation()).toBe("True"));
        await pod.untilSaid("5");
        expect(pod.container()?.restartCount).toBe(0);
      },
    },
  ],
};

const unreachable: PodCase = {
  pod: "pulls-nowhere",
  spec: () => ({
    hostNetwork: true,
    containers: [{ name: "main", image: "127.0.0.1:1/test/nobody:1", command: running() }],
  }),
  rows: [
    {
      row: "image: a registry that does not answer is told, and held off from as well",
      check: async (pod) => {
        await pod.until(() => {
          expect(pod.container()?.state.waiting, pod.explanation()).toMatchObject({
            ...{ reason: "ImagePullBackOff" },
            message: expect.stringMatching(
              /^Back-off pulling image .*: (RegistryUnavailable|ErrImagePull): .*127.0.0.1:1/s,
            ),
          });
        });
      },
    },
  ],
};

const names = ["Upper/Case:1", "busybox:not:a:tag", "busybox@sha256:1234", "a b"];

const misnamed: PodCase = {
  pod: "pulls-misnamed",
  spec: () => ({
    hostNetwork: true,
    containers: names.map((image, index) => ({ name: `c-${index}`, image, command: running() })),
  }),
  rows: names.map((image, index) => ({
    row: `image: ${image} is no name, told as InvalidImageName`,
    check: async (pod) => {
      const problem = `couldn't parse image name ${JSON.stringify(image)}: invalid reference format`;
      const message = `Failed to apply default image tag ${JSON.stringify(image)}: ${problem}`;
      await pod.until(() => {
        const { waiting } = pod.container(`c-${index}`)?.state ?? {};
        expect(waiting, pod.explanation()).toEqual({ reason: "InvalidImageName", message });
      });
      await pod.until(() => {
        expect(messagesOf(pod, "InspectFailed", `c-${index}`)).toContain(message);
        expect(messagesOf(pod, "Failed", `c-${index}`)).toContain("Error: InvalidImageName");
      });
      expect(messagesOf(pod, "Pulling", `c-${index}`)).toEqual([]);
    },
  })),
};

function pullSecret(name: string, host: string, password: string) {
  const auths = { [host]: { auth: Buffer.from(`puller:${password}`).toString("base64") } };
  const text = JSON.stringify({ auths });
  const binaryData = { ".dockerconfigjson": Buffer.from(text).toString("base64") };
  return { kind: "Secret" as const, name, type: "kubernetes.io/dockerconfigjson", binaryData };
}

type Guarded = { readonly secrets: readonly string[]; readonly account?: boolean; readonly tag: number };

/** Each has an image of its own: what is on the node needs no password. */
function guarded(pod: string, { secrets, account = false, tag }: Guarded, rows: PodCase["rows"]): PodCase {
  const imagePullSecrets = secrets.map((name) => ({ name }));
  return {
    pod,
    ...(account ? { serviceAccount: { imagePullSecrets: [...secrets] } } : {}),
    spec: async ({ guarded: registry }) => ({
      hostNetwork: true,
      ...(account ? {} : { imagePullSecrets }),
      containers: [
        {
          name: "main",
          image: await registry.push(`test/guarded:1${tag}`, version(10 + tag)),
          command: running("cat /version"),
        },
      ],
    }),
    rows,
  };
}

/** The registry has a port of its own each time, so that they are made late. */
function putSecrets({ plane, place: { guarded: registry } }: RealPod): void {
  for (const [name, password] of [["right-pull", "secret"] as const, ["wrong-pull", "guess"] as const]) {
    if (!plane.objects.has(`Secret/default/${name}`)) plane.put(pullSecret(name, registry.host, password));
  }
}

async function isLetIn(pod: RealPod): Promise<void> {
  putSecrets(pod);
  await follows(() => expect(pod.container()?.state.running, pod.explanation()).toBeDefined());
  await pod.untilSaid(/:(\d+)$/.exec(pod.container()?.image ?? "")?.[1] ?? "");
}

async function isKeptOut(pod: RealPod): Promise<void> {
  putSecrets(pod);
  await follows(() => {
    const { waiting } = pod.container()?.state ?? {};
    expect(waiting?.reason, pod.explanation()).toBe("ImagePullBackOff");
    expect(waiting?.message).toMatch(/unauthorized|authoriz|authentic|credential|basic auth/i);
  });
  await pod.untilEvent("Failed", /^Failed to pull image /);
}

const secrets: readonly PodCase[] = [
  guarded("pulls-let-in", { secrets: ["right-pull"], tag: 1 }, [
    { row: "imagePullSecrets: the right one lets in", check: isLetIn },
  ]),
  guarded("pulls-second-try", { secrets: ["wrong-pull", "right-pull"], tag: 2 }, [
    { row: "imagePullSecrets: several are tried", check: isLetIn },
  ]),
  guarded("pulls-by-account", { secrets: ["right-pull"], account: true, tag: 3 }, [
    { row: "imagePullSecrets: the ServiceAccount's where the pod names none", check: isLetIn },
  ]),
  guarded("pulls-wrong", { secrets: ["wrong-pull"], tag: 4 }, [
    { row: "imagePullSecrets: the wrong one does not let in, and it is told", check: isKeptOut },
  ]),
  guarded("pulls-without", { secrets: [], tag: 5 }, [
    { row: "imagePullSecrets: none does not let in, and it is told", check: isKeptOut },
  ]),
  guarded("pulls-missing", { secrets: ["no-such-pull"], tag: 6 }, [
    {
      row: "imagePullSecrets: one that is not there is told, and the pull tried without",
      check: async (pod) => {
        const event = await pod.untilEvent("FailedToRetrieveImagePullSecret", /no-such-pull/);
        expect(event).toMatchObject({
          type: "Warning",
          message:
            "Unable to retrieve some image pull secrets (no-such-pull); attempting to pull the image may not succeed.",
        });
        await isKeptOut(pod);
      },
    },
  ]),
];

export const imageCases: readonly PodCase[] = [
  always,
  ifNotPresent,
  forgotten,
  byTag,
  never,
  absent,
  unreachable,
  misnamed,
  ...secrets,
];
