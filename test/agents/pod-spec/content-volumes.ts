// Volumes that are made of what the API holds.
import { expect } from "vitest";

import type { PodCase } from "./case.ts";
import { follows } from "./endings.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

const objects = [
  {
    kind: "ConfigMap" as const,
    name: "files",
    data: { "a.conf": "a = 1\n", "b.conf": "b = 2\n" },
    binaryData: { blob: Buffer.from([0, 255, 1]).toString("base64") },
  },
  {
    kind: "Secret" as const,
    name: "hidden",
    type: "Opaque",
    binaryData: { user: base64("root"), word: base64("s3cret") },
  },
];

const mounted = (...names: readonly string[]) => names.map((name) => ({ name, mountPath: `/v/${name}` }));

const content: PodCase = {
  pod: "content",
  labels: { app: "content", tier: 'a"b' },
  annotations: { note: "two\nlines" },
  objects,
  spec: () => ({
    serviceAccountName: "reader",
    volumes: [
      { name: "map", configMap: { name: "files" } },
      {
        name: "items",
        configMap: {
          name: "files",
          defaultMode: 0o440,
          items: [
            { key: "a.conf", path: "deep/er/first" },
            { key: "b.conf", path: "second", mode: 0o600 },
          ],
        },
      },
      { name: "optional", configMap: { name: "nowhere", optional: true } },
      { name: "lacking", configMap: { name: "files", items: [{ key: "c.conf", path: "c" }], optional: true } },
      { name: "secret", secret: { secretName: "hidden", defaultMode: 0o400 } },
      { name: "no-secret", secret: { secretName: "nowhere", optional: true } },
      {
        name: "downward",
        downwardAPI: {
          items: [
            { path: "name", fieldRef: { fieldPath: "metadata.name" } },
            { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
            { path: "annotations", fieldRef: { fieldPath: "metadata.annotations" } },
            {
              path: "memory",
              mode: 0o600,
              resourceFieldRef: { containerName: "main", resource: "limits.memory", divisor: "1Mi" },
            },
          ],
        },
      },
      {
        name: "all",
        projected: {
          defaultMode: 0o444,
          sources: [
            { configMap: { name: "files", items: [{ key: "a.conf", path: "config/a" }] } },
            { secret: { name: "hidden", items: [{ key: "word", path: "secret/word", mode: 0o400 }] } },
            { downwardAPI: { items: [{ path: "pod/uid", fieldRef: { fieldPath: "metadata.uid" } }] } },
            { serviceAccountToken: { path: "tokens/vault", audience: "vault", expirationSeconds: 7200 } },
            { secret: { name: "nowhere", optional: true } },
          ],
        },
      },
    ],
    containers: [
      {
        name: "main",
        resources: { limits: { memory: "64Mi" } },
        volumeMounts: [
          ...mounted("map", "items", "optional", "lacking", "secret", "no-secret", "downward", "all"),
          { name: "map", mountPath: "/etc/a.conf", subPath: "a.conf" },
        ],
      },
    ],
  }),
  rows: [
    {
      row: "configMap: each key a file, 0644",
      shows: "cd /v/map; cat a.conf b.conf; stat -L -c %a a.conf",
      is: "a = 1\nb = 2\n644",
    },
    { row: "configMap: binaryData", shows: "od -An -tx1 /v/map/blob", is: /00 ff 01/ },
    {
      row: "configMap: files are links into one folder that is changed as a whole",
      shows: "readlink /v/map/a.conf; readlink /v/map/..data",
      is: /^\.\.data\/a\.conf\n\.\.\d{4}/,
    },
    {
      row: "configMap: items, defaultMode and mode",
      shows:
        "cd /v/items; find . -follow -type f | grep -v '\\.\\.' | sort; cat deep/er/first second; stat -L -c %a deep/er/first second",
      is: "./deep/er/first\n./second\na = 1\nb = 2\n440\n600",
    },
    { row: "configMap: optional", shows: "ls /v/optional /v/lacking", is: "/v/lacking:\n\n/v/optional:" },
    { row: "configMap: cannot be written", shows: "echo x 2>/dev/null >/v/map/new || echo no", is: /no$/ },
    {
      row: "configMap: subPath of one key",
      shows: "cat /etc/a.conf; test -L /etc/a.conf || echo file",
      is: "a = 1\nfile",
    },
    {
      row: "secret: in memory, with its defaultMode",
      shows: "stat -f -c %T /v/secret; cat /v/secret/word; echo; stat -L -c %a /v/secret/word",
      is: "tmpfs\ns3cret\n400",
    },
    { row: "secret: optional", shows: "ls /v/no-secret", is: "" },
    {
      row: "downwardAPI: fields of the pod",
      shows: "cd /v/downward; cat name; echo; cat labels; echo; cat annotations",
      is: 'content\napp="content"\ntier="a\\"b"\nnote="two\\nlines"',
    },
    {
      row: "downwardAPI: resourceFieldRef and mode",
      shows: "cat /v/downward/memory; echo; stat -L -c %a /v/downward/memory",
      is: "64\n600",
    },
    {
      row: "projected: configMap, secret and downwardAPI in one folder",
      shows: "cd /v/all; cat config/a secret/word; echo; cat pod/uid; echo; stat -L -c %a config/a secret/word",
      is: "a = 1\ns3cret\nuid-content\n444\n400",
    },
    { row: "projected: serviceAccountToken", shows: "cat /v/all/tokens/vault", is: /^token-\d+$/ },
    {
      row: "projected: the token is for whom and as long as the pod says",
      check: async (pod) => {
        await pod.untilReady();
        const asked = pod.plane.tokenRequests.filter(({ podUid }) => podUid === pod.uid);
        expect(asked).toEqual([{ podUid: pod.uid, audience: "vault", expirationSeconds: 7200 }]);
      },
    },
  ],
};

const watching = (path: string) => [
  "sh",
  "-c",
  `trap 'exit 0' TERM; was=; while :; do is=$(cat ${path}); test "$is" = "$was" || echo "$is"; was=$is; sleep 0.1; done`,
];

const changing: PodCase = {
  pod: "changing",
  objects: [
    { kind: "ConfigMap", name: "changing", data: { word: "before", gone: "x" } },
    { kind: "Secret", name: "changing", type: "Opaque", binaryData: { word: base64("old") } },
  ],
  spec: () => ({
    volumes: [
      { name: "map", configMap: { name: "changing" } },
      { name: "secret", projected: { sources: [{ secret: { name: "changing" } }] } },
    ],
    containers: [
      { name: "map", command: watching("/v/map/word"), volumeMounts: mounted("map") },
      { name: "secret", command: watching("/v/secret/word"), volumeMounts: mounted("secret") },
      {
        name: "pinned",
        command: watching("/pinned"),
        volumeMounts: [{ name: "map", mountPath: "/pinned", subPath: "word" }],
      },
    ],
  }),
  rows: [
    {
      row: "configMap, secret: what changes is seen in the running container, but not through a subPath",
      check: async (pod) => {
        await pod.untilSaid("before", "map");
        await pod.untilSaid("before", "pinned");
        await pod.untilSaid("old", "secret");
        pod.plane.put({ kind: "ConfigMap", name: "changing", data: { word: "after" } });
        pod.plane.put({ kind: "Secret", name: "changing", type: "Opaque", binaryData: { word: base64("new") } });
        await follows(() => expect(pod.lines("map")).toContain("after"));
        await follows(() => expect(pod.lines("secret")).toContain("new"));
        expect(pod.lines("map")).toEqual(["before", "after"]);
        expect(pod.lines("secret")).toEqual(["old", "new"]);
        expect(pod.lines("pinned")).toEqual(["before"]);
        for (const name of ["map", "secret", "pinned"]) expect(pod.container(name)?.restartCount).toBe(0);
      },
    },
  ],
};

const missing: PodCase = {
  pod: "missing",
  objects: [{ kind: "Secret", name: "half", type: "Opaque", binaryData: { there: base64("x") } }],
  spec: () => ({
    volumes: [
      { name: "map", configMap: { name: "coming" } },
      { name: "secret", secret: { secretName: "half", items: [{ key: "not-there", path: "x" }] } },
    ],
    containers: [{ name: "main", volumeMounts: mounted("map", "secret") }],
  }),
  rows: [
    {
      row: "configMap, secret: a pod waits for an object or a key that is not there, and says so",
      check: async (pod) => {
        const map = await pod.untilEvent("FailedMount", /"coming"/);
        expect(map.message).toBe('MountVolume.SetUp failed for volume "map" : configmap "coming" not found');
        const secret = await pod.untilEvent("FailedMount", /"secret"/);
        expect(secret.message).toMatch(/volume "secret" : references non-existent secret key: not-there/);
        expect(pod.status?.phase).toBe("Pending");
      },
    },
    {
      row: "configMap, secret: the pod starts as soon as they are",
      check: async (pod) => {
        pod.plane.put({ kind: "ConfigMap", name: "coming", data: {} });
        pod.plane.put({ kind: "Secret", name: "half", type: "Opaque", binaryData: { "not-there": base64("x") } });
        await follows(() => expect(pod.condition("Ready"), pod.explanation()).toBe("True"));
      },
    },
  ],
};

export const contentVolumeCases: readonly PodCase[] = [content, changing, missing];
