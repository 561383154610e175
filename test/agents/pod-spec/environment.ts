// Environment variables from all their sources.
import { expect } from "vitest";

import type { PodCase } from "./case.ts";
import { follows } from "./endings.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const amount = (name: string, resource: string, rest: object = {}) => ({
  name,
  valueFrom: { resourceFieldRef: { resource, ...rest } },
});

const environment: PodCase = {
  pod: "environment",
  labels: { app: "environment", "example.com/tier": "back" },
  annotations: { note: "of interest" },
  objects: [
    {
      kind: "ConfigMap",
      name: "settings",
      data: { colour: "blue", "log.level": "warn", "1st=": "no name", OWN: "map" },
    },
    { kind: "Secret", name: "keys", type: "Opaque", binaryData: { password: base64("s3cret"), OWN: base64("secret") } },
  ],
  spec: () => ({
    serviceAccountName: "reader",
    containers: [
      {
        name: "main",
        resources: { limits: { cpu: "1500m", memory: "64Mi" }, requests: { cpu: "250m", memory: "32Mi" } },
        envFrom: [
          { configMapRef: { name: "settings" } },
          { prefix: "MAP_", configMapRef: { name: "settings" } },
          { secretRef: { name: "keys" } },
          { configMapRef: { name: "nowhere", optional: true } },
        ],
        env: [
          { name: "FIRST", value: "one" },
          { name: "SECOND", value: "$(FIRST) two $$(FIRST) $(THIRD) $(colour)" },
          { name: "THIRD", value: "three" },
          { name: "EMPTY" },
          { name: "TWICE", value: "before" },
          { name: "TWICE", value: "after" },
          { name: "OWN", value: "mine" },
          field("POD", "metadata.name"),
          field("NAMESPACE", "metadata.namespace"),
          field("POD_UID", "metadata.uid"),
          field("TIER", "metadata.labels['example.com/tier']"),
          field("NOTE", "metadata.annotations['note']"),
          field("NODE", "spec.nodeName"),
          field("ACCOUNT", "spec.serviceAccountName"),
          field("HOST_IP", "status.hostIP"),
          field("POD_IP", "status.podIP"),
          field("POD_IPS", "status.podIPs"),
          amount("LIMIT_CPU", "limits.cpu"),
          amount("LIMIT_MILLI", "limits.cpu", { divisor: "1m" }),
          amount("LIMIT_MEMORY", "limits.memory", { divisor: "1Mi" }),
          amount("REQUEST_MEMORY", "requests.memory"),
          amount("OTHERS_CPU", "requests.cpu", { containerName: "other", divisor: "1m" }),
          { name: "COLOUR", valueFrom: { configMapKeyRef: { name: "settings", key: "colour" } } },
          { name: "PASSWORD", valueFrom: { secretKeyRef: { name: "keys", key: "password" } } },
          { name: "LACKING", valueFrom: { configMapKeyRef: { name: "settings", key: "size", optional: true } } },
          { name: "NOBODYS", valueFrom: { secretKeyRef: { name: "nowhere", key: "size", optional: true } } },
        ],
      },
      {
        name: "other",
        resources: { requests: { cpu: "20m" } },
        env: [amount("LIMIT_MEMORY", "limits.memory", { divisor: "1Ki" }), amount("LIMIT_CPU", "limits.cpu")],
      },
    ],
  }),
  rows: [
    {
      row: "env.value: $(VAR) of those before, $$ escaped, others left as they are",
      shows: 'echo "$SECOND"',
      is: "one two $(FIRST) $(THIRD) blue",
    },
    {
      row: "env: empty is set, and the last of one name counts",
      shows: `echo "[\${EMPTY-unset}] $TWICE"`,
      is: "[] after",
    },
    {
      row: "fieldRef: metadata",
      shows: 'echo "$POD $NAMESPACE $POD_UID $TIER $NOTE"',
      is: "environment default uid-environment back of interest",
    },
    { row: "fieldRef: spec", shows: 'echo "$NODE $ACCOUNT"', is: "node-1 reader" },
    {
      row: "fieldRef: status",
      shows: 'echo "$HOST_IP $POD_IP $POD_IPS"',
      is: ({ status }) => `${status?.hostIP} ${status?.podIP} ${status?.podIP}`,
    },
    {
      row: "resourceFieldRef: limits and requests, divided and rounded up, of other containers too",
      shows: 'echo "$LIMIT_CPU $LIMIT_MILLI $LIMIT_MEMORY $REQUEST_MEMORY $OTHERS_CPU"',
      is: "2 1500 64 33554432 20",
    },
    {
      row: "resourceFieldRef: what the node can give where there is no limit",
      in: "other",
      shows:
        'test "$LIMIT_CPU" = "$(nproc)" && test "$LIMIT_MEMORY" -le "$(sed -n "s/MemTotal: *\\([0-9]*\\) kB/\\1/p" /proc/meminfo)" && test "$LIMIT_MEMORY" -gt 1024 && echo fits',
      is: "fits",
    },
    { row: "configMapKeyRef, secretKeyRef", shows: 'echo "$COLOUR $PASSWORD"', is: "blue s3cret" },
    {
      row: "configMapKeyRef, secretKeyRef: an optional one that is not there sets nothing",
      shows: `echo "\${LACKING-unset} \${NOBODYS-unset}"`,
      is: "unset unset",
    },
    {
      row: "envFrom: all keys, with a prefix too; the later source and env win",
      shows: `echo "$colour $MAP_colour $MAP_OWN $password $OWN"; tr '\\0' '\\n' </proc/1/environ | grep log.level | sort`,
      is: "blue blue map s3cret mine\nMAP_log.level=warn\nlog.level=warn",
    },
    {
      row: "envFrom: a key that can be no name is left out and told",
      check: async (pod) => {
        const event = await pod.untilEvent("InvalidEnvironmentVariableNames", /1st=/);
        expect(event.type).toBe("Warning");
      },
    },
  ],
};

const lacking: PodCase = {
  pod: "lacking",
  spec: () => ({
    containers: [
      { name: "main", env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "not-yet", key: "a" } } }] },
      { name: "secret", envFrom: [{ secretRef: { name: "never" } }] },
    ],
  }),
  rows: [
    {
      row: "configMapKeyRef, envFrom: the container waits for what is not there, and says for what",
      check: async (pod) => {
        await pod.until(() => {
          const reason = "CreateContainerConfigError";
          const waiting = (message: string) => ({ state: { waiting: { reason, message } } });
          expect(pod.container()).toMatchObject(waiting('configmap "not-yet" not found'));
          expect(pod.container("secret")).toMatchObject(waiting('secret "never" not found'));
        });
        const { fieldPath, type } = await pod.untilEvent("Failed", /configmap "not-yet" not found/);
        expect({ fieldPath, type }).toEqual({ fieldPath: "spec.containers{main}", type: "Warning" });
      },
    },
    {
      row: "configMapKeyRef: the container starts once it is there",
      check: async (pod) => {
        pod.plane.put({ kind: "ConfigMap", name: "not-yet", data: { a: "there" } });
        await follows(() => expect(pod.container()).toMatchObject({ ready: true }));
      },
    },
  ],
};

export const environmentCases: readonly PodCase[] = [environment, lacking];
