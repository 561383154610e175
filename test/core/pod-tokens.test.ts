import { describe, expect, it } from "vitest";

import type { AccountTerms } from "../../src/core/named-objects.ts";
import { podTokens } from "../../src/core/pod-tokens.ts";
import type { PodTemplate } from "../../src/model/pod-template.ts";
import { template } from "../agents/support/pods.ts";

const projected = (...audiences: readonly (string | undefined)[]) => ({
  volumes: [
    {
      name: "tokens",
      projected: {
        defaultMode: 0o644,
        sources: audiences.map((audience) => ({
          serviceAccountToken: {
            path: "token",
            expirationSeconds: 3600,
            ...(audience === undefined ? {} : { audience }),
          },
        })),
      },
    },
  ],
});

describe("a pod uses tokens", () => {
  it.each<readonly [string, Partial<PodTemplate["spec"]>, AccountTerms | undefined, readonly string[]]>([
    ["for the API", {}, undefined, [""]],
    ["for nobody if it says so", { automountServiceAccountToken: false }, { automountServiceAccountToken: true }, []],
    ["for nobody if its ServiceAccount says so", {}, { automountServiceAccountToken: false }, []],
    [
      "for the API if its ServiceAccount's word does not count",
      { automountServiceAccountToken: true },
      { automountServiceAccountToken: false },
      [""],
    ],
    ["for whom its volumes say", projected("vault", "vault", "bank"), undefined, ["", "vault", "bank"]],
    [
      "for the API where its volumes name nobody",
      { ...projected(undefined), automountServiceAccountToken: false },
      undefined,
      [""],
    ],
  ])("%s", (_what, spec, terms, audiences) => {
    expect(podTokens(template(spec), terms)).toEqual({ serviceAccount: "default", audiences });
  });

  it("of the ServiceAccount that it names", () => {
    expect(podTokens(template({ serviceAccountName: "robot" }), undefined).serviceAccount).toBe("robot");
  });

  it("of none when its node made it", () => {
    const mirror = template({}, { annotations: { "kubernetes.io/config.mirror": "x" } });
    expect(podTokens(mirror, undefined).audiences).toEqual([]);
  });
});
