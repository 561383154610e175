import { describe, expect, it } from "vitest";

import type { PodNeeds } from "../../src/core/named-objects.ts";
import { accountTerms, objectsOfTerms, podNeeds } from "../../src/core/named-objects.ts";
import type { Container } from "../../src/model/container.ts";
import type { PodTemplate } from "../../src/model/pod-template.ts";
import { container, template } from "../agents/support/pods.ts";

type Spec = Partial<PodTemplate["spec"]>;

function named(spec: Spec): readonly string[] {
  return podNeeds(template(spec)).objects.map(({ kind, name }) => `${kind}/${name}`);
}

function inContainer(fields: Partial<Container>): Spec {
  return { containers: [container(fields)] };
}

describe("a pod names", () => {
  const keyRefs: Partial<Container> = {
    env: [
      { name: "A", valueFrom: { configMapKeyRef: { name: "settings", key: "a" } } },
      { name: "B", valueFrom: { secretKeyRef: { name: "password", key: "b", optional: true } } },
      { name: "C", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } },
      { name: "D", value: "plain" },
    ],
  };
  const from: Partial<Container> = {
    envFrom: [{ configMapRef: { name: "all-settings" } }, { prefix: "P_", secretRef: { name: "all-secrets" } }],
  };

  it.each<readonly [string, Spec, readonly string[]]>([
    ["nothing", {}, []],
    ["what its env refers to, optional or not", inContainer(keyRefs), ["ConfigMap/settings", "Secret/password"]],
    ["what its envFrom refers to", inContainer(from), ["ConfigMap/all-settings", "Secret/all-secrets"]],
    [
      "what its init containers refer to",
      { initContainers: [container(keyRefs)] },
      ["ConfigMap/settings", "Secret/password"],
    ],
    [
      "what its volumes hold",
      {
        volumes: [
          { name: "a", configMap: { name: "files", defaultMode: 0o644 } },
          { name: "b", secret: { secretName: "certificate", defaultMode: 0o644 } },
          { name: "c", emptyDir: {} },
        ],
      },
      ["ConfigMap/files", "Secret/certificate"],
    ],
    [
      "the sources of a projected volume",
      {
        volumes: [
          {
            name: "all",
            projected: {
              defaultMode: 0o644,
              sources: [
                { configMap: { name: "files" } },
                { secret: { name: "certificate" } },
                { serviceAccountToken: { path: "token", expirationSeconds: 3600 } },
                { downwardAPI: {} },
              ],
            },
          },
        ],
      },
      ["ConfigMap/files", "Secret/certificate"],
    ],
    [
      "the Secrets to pull its images with",
      { imagePullSecrets: [{ name: "registry" }, { name: "mirror" }, {}] },
      ["Secret/registry", "Secret/mirror"],
    ],
    [
      "each object once",
      { ...inContainer({ ...keyRefs, envFrom: [{ configMapRef: { name: "settings" } }] }) },
      ["ConfigMap/settings", "Secret/password"],
    ],
  ])("%s", (_what, spec, expected) => {
    expect(named(spec)).toEqual(expected);
  });

  it("nothing at all when a node made it itself", () => {
    const mirror = template(inContainer(from), { annotations: { "kubernetes.io/config.mirror": "x" } });
    expect(podNeeds(mirror)).toEqual({ objects: [], account: null });
  });
});

describe("a ServiceAccount", () => {
  const account = { imagePullSecrets: [{ name: "registry" }], automountServiceAccountToken: false };
  const terms = (spec: Spec) => accountTerms(podNeeds(template(spec)), account);

  it("is the default one unless the pod names another", () => {
    expect(podNeeds(template()).account?.name).toBe("default");
    expect(podNeeds(template({ serviceAccountName: "robot" })).account?.name).toBe("robot");
  });

  it("says what the pod does not say itself", () => {
    expect(terms({})).toEqual(account);
    expect(objectsOfTerms(terms({}))).toEqual([{ kind: "Secret", name: "registry" }]);
  });

  it.each<readonly [string, Spec, object | undefined]>([
    ["of Secrets to pull with", { imagePullSecrets: [{ name: "own" }] }, { automountServiceAccountToken: false }],
    ["of the token", { automountServiceAccountToken: true }, { imagePullSecrets: [{ name: "registry" }] }],
    ["of both", { imagePullSecrets: [{ name: "own" }], automountServiceAccountToken: true }, undefined],
  ])("is not asked where the pod speaks %s", (_what, spec, expected) => {
    expect(terms(spec)).toEqual(expected);
  });

  it("that is not there, or has nothing to say, says nothing", () => {
    const needs: PodNeeds = podNeeds(template());
    expect(accountTerms(needs, null)).toBeUndefined();
    expect(accountTerms(needs, {})).toBeUndefined();
    expect(objectsOfTerms(undefined)).toEqual([]);
  });
});
