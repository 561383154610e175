// Containers that must not run as root.
import { describe, expect, test } from "vitest";

import { noHeldObjects } from "../../agents/node/assignment/held-objects.ts";
import { definitionOf } from "../../agents/node/pod/definition.ts";
import { nonRootProblem } from "../../agents/node/pod/non-root.ts";
import type { Container } from "../../src/model/container.ts";
import type { PodSpec } from "../../src/model/pod-spec.ts";
import { assignedPod, container, template } from "./support/pods.ts";

type Own = NonNullable<Container["securityContext"]>;
type Shared = PodSpec["securityContext"];

function problem(image: { uid?: number; username?: string }, own: Own, shared: Shared = {}): string | null {
  const pod = {
    assigned: assignedPod(),
    definition: definitionOf(template({ securityContext: shared })),
    node: { name: "node-1", ips: [], allocatable: {} },
    podIp: "",
    objects: noHeldObjects,
  };
  return nonRootProblem(container({ securityContext: own }), pod, image);
}

const where = '(pod: "app-1_default(uid-1)", container: main)';

describe("a container that must not run as root", () => {
  test.each<readonly [string, string, { uid?: number; username?: string }, Own, Shared]>([
    [
      "whose image names nobody",
      "container has runAsNonRoot and image will run as root",
      {},
      { runAsNonRoot: true },
      {},
    ],
    [
      "whose image names root",
      "container has runAsNonRoot and image will run as root",
      { uid: 0 },
      { runAsNonRoot: true },
      {},
    ],
    ["whose pod says so", "container has runAsNonRoot and image will run as root", {}, {}, { runAsNonRoot: true }],
    [
      "whose image has a user by name",
      "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root",
      { username: "app" },
      { runAsNonRoot: true },
      {},
    ],
    [
      "that is to run as root",
      "container's runAsUser breaks non-root policy",
      { uid: 7 },
      { runAsNonRoot: true, runAsUser: 0 },
      {},
    ],
    [
      "whose pod is to run as root",
      "container's runAsUser breaks non-root policy",
      {},
      { runAsNonRoot: true },
      { runAsUser: 0 },
    ],
  ])("%s is not started", (_what, message, image, own, shared) => {
    expect(problem(image, own, shared)).toBe(`${message} ${where}`);
  });

  test.each<readonly [string, { uid?: number; username?: string }, Own, Shared]>([
    ["its image has another user", { uid: 7 }, { runAsNonRoot: true }, {}],
    ["it is to run as another user", {}, { runAsNonRoot: true, runAsUser: 7 }, {}],
    ["its pod is to run as another user", { username: "app" }, { runAsNonRoot: true }, { runAsUser: 7 }],
    ["it may run as root where its pod may not", { uid: 0 }, { runAsNonRoot: false }, { runAsNonRoot: true }],
    ["nobody minds", { uid: 0 }, {}, {}],
  ])("is started where %s", (_what, image, own, shared) => {
    expect(problem(image, own, shared)).toBeNull();
  });
});
