// Which credentials a registry is shown.
import { describe, expect, test } from "vitest";

import type { HeldObject } from "../../agents/node/assignment/objects.ts";
import { definitionOf } from "../../agents/node/pod/definition.ts";
import { pullSecretsOf } from "../../agents/node/pod/named-objects.ts";
import { credentialsFor } from "../../agents/node/pod/pull-credentials.ts";
import { assignedPod, template } from "./support/pods.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

function secret(type: string, key: string, content: unknown): HeldObject {
  const binaryData = { [key]: base64(typeof content === "string" ? content : JSON.stringify(content)) };
  return { kind: "Secret", namespace: "default", name: "s", uid: "u", version: "1", type, data: {}, binaryData };
}

const config = (auths: object) => secret("kubernetes.io/dockerconfigjson", ".dockerconfigjson", { auths });
const login = (username: string) => ({ username, password: `of-${username}` });

/** The names that are tried, in their order. */
function tried(image: string, auths: object): readonly string[] {
  return credentialsFor(image, [config(auths)]).map(({ username }) => username);
}

describe("credentials", () => {
  test.each<readonly [string, string, object, readonly string[]]>([
    ["of the image's registry", "registry.example/app:1", { "registry.example": login("a") }, ["a"]],
    ["of no other registry", "registry.example/app:1", { "other.example": login("a") }, []],
    ["of a registry by its port", "registry.example:5000/app", { "registry.example:5000": login("a") }, ["a"]],
    ["of another port", "registry.example:5000/app", { "registry.example": login("a") }, []],
    ["written as an address", "registry.example/app", { "https://registry.example/v2/": login("a") }, ["a"]],
    ["of the old form of an address", "registry.example/x/app", { "https://registry.example/v1/x": login("a") }, ["a"]],
    [
      "closest first",
      "registry.example/team/app:1",
      {
        "registry.example": login("all"),
        "registry.example/team": login("team"),
        "registry.example/other": login("x"),
      },
      ["team", "all"],
    ],
    ["of all hosts of a pattern", "eu.example.com/app", { "*.example.com": login("a") }, ["a"]],
    ["of a pattern within a part", "eu-west.example.com/app", { "eu-*.example.com": login("a") }, ["a"]],
    ["of hosts of one level", "a.eu.example.com/app", { "*.example.com": login("a") }, []],
    ["of the default registry", "busybox", { "https://index.docker.io/v1/": login("hub") }, ["hub"]],
    [
      "of the default registry, named",
      "docker.io/library/busybox",
      { "https://index.docker.io/v1/": login("hub") },
      ["hub"],
    ],
    ["of the default registry, for a user", "someone/app:2", { "index.docker.io": login("hub") }, ["hub"]],
    ["of the default registry, for another", "registry.example/app", { "index.docker.io": login("hub") }, []],
    ["of a local registry", "localhost/app", { "index.docker.io": login("hub") }, []],
  ])("%s", (_what, image, auths, expected) => {
    expect(tried(image, auths)).toEqual(expected);
  });

  test("are read from one field or two, and the one goes before", () => {
    const auths = { "a.example": { auth: base64("robot:pass:word"), username: "not", password: "these" } };
    expect(credentialsFor("a.example/app", [config(auths)])).toEqual([{ username: "robot", password: "pass:word" }]);
  });

  test("may be a token", () => {
    const auths = { "a.example": { auth: base64("00000000-0000:"), identitytoken: "id" } };
    expect(credentialsFor("a.example/app", [config(auths)])).toEqual([
      { username: "00000000-0000", password: "", identityToken: "id" },
    ]);
  });

  test("of several Secrets are tried in turn, each once", () => {
    const auths = { "a.example": login("first") };
    const older = secret("kubernetes.io/dockercfg", ".dockercfg", { "a.example": login("older") });
    const found = credentialsFor("a.example/app", [config(auths), older, config(auths)]);
    expect(found.map(({ username }) => username)).toEqual(["first", "older"]);
  });

  test.each<readonly [string, HeldObject]>([
    ["is no JSON", secret("kubernetes.io/dockerconfigjson", ".dockerconfigjson", "{")],
    ["has no credentials", secret("kubernetes.io/dockerconfigjson", ".dockerconfigjson", {})],
    ["has odd credentials", config({ "a.example": 1, "b.example": null })],
    ["has empty credentials", config({ "a.example": {} })],
    ["has them under another key", secret("kubernetes.io/dockerconfigjson", ".dockercfg", { "a.example": login("a") })],
    ["is for something else", secret("Opaque", ".dockerconfigjson", { auths: { "a.example": login("a") } })],
  ])("are none in a Secret that %s", (_what, odd) => {
    expect(credentialsFor("a.example/app", [odd])).toEqual([]);
  });
});

describe("the Secrets to pull with", () => {
  const serviceAccount = { imagePullSecrets: ["of-account"] };
  const names = (spec: object, assigned: object) =>
    pullSecretsOf({ assigned: assignedPod(assigned), definition: definitionOf(template(spec)) }).map(
      ({ name }) => name,
    );

  test("are the pod's own, or else its ServiceAccount's", () => {
    const own = { imagePullSecrets: [{ name: "own" }, {}] };
    expect(names(own, { serviceAccount })).toEqual(["own"]);
    expect(names({}, { serviceAccount })).toEqual(["of-account"]);
    expect(names({}, {})).toEqual([]);
  });
});
