// What the tests' Worker is given: the Worker's own environment, and the migrations.
declare namespace Cloudflare {
  interface Env extends TestEnv {}
  interface GlobalProps {
    mainModule: typeof import("../../../src/index.ts");
  }
}

type TestEnv = import("../../../src/env.ts").Env & {
  readonly TEST_MIGRATIONS: import("cloudflare:test").D1Migration[];
};
