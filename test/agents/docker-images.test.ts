// What it means that an engine could not pull an image, which it says in words alone.
import { expect, test } from "vitest";

import { pullFailure } from "../../agents/node/runtime/docker/images.ts";

const head = 'Get "https://r/v2/":';

test.each([
  [`${head} dial tcp 10.0.0.1:443: connect: connection refused`, "registry-unavailable"],
  [`${head} dial tcp 10.0.0.1:443: connect: connection timed out`, "registry-unavailable"],
  [`${head} dial tcp: lookup r on 1.1.1.1:53: no such host`, "registry-unavailable"],
  [
    `${head} net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)`,
    "registry-unavailable",
  ],
  ["received unexpected HTTP status: 503 Service Unavailable", "registry-unavailable"],
  ["manifest for r/econnrefused:1 not found: manifest unknown", "not-found"],
  [`${head} unauthorized: authentication required`, "failed"],
  [`Head "https://r/v2/econnrefused/manifests/1": denied: requested access to the resource is denied`, "failed"],
  ["toomanyrequests: You have reached your pull rate limit", "failed"],
])("a pull that fails with %j is of the kind %s", (cause, reason) => {
  expect(pullFailure("r/econnrefused:1", cause)).toMatchObject({ ok: false, reason });
});
