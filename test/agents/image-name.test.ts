import { expect, test } from "vitest";

import { isImageName } from "../../agents/node/pod/image-name.ts";

const digest = `sha256:${"a1".repeat(32)}`;

test.each([
  "busybox",
  "busybox:1.36",
  "library/busybox",
  "docker.io/library/busybox:latest",
  "127.0.0.1:5000/test/app:1",
  "[::1]:5000/app",
  "Registry.example/team/app__one/b-c.d:V1_2-x",
  `registry.example/app@${digest}`,
  `registry.example:443/app:1@${digest}`,
  digest,
])("%s is the name of an image", (name) => {
  expect(isImageName(name)).toBe(true);
});

test.each([
  "",
  " busybox",
  "Busybox",
  "registry.example/App",
  "busybox:",
  "busybox:a:b",
  "busybox:.1",
  `busybox:${"x".repeat(129)}`,
  "busybox@sha256:1234",
  "a//b",
  "/a",
  "a/",
  "http://registry.example/app",
  "app-",
  "a b",
])("'%s' is none", (name) => {
  expect(isImageName(name)).toBe(false);
});
