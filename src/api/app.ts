// The Worker's routes. Who asks is settled before anything else is looked at.
import type { ExecutionContext } from "hono";
import { Hono } from "hono";

import type { Env } from "../env.ts";
import { ApiError } from "../model/api-error.ts";
import { clusterRoles } from "../model/rbac.ts";
import { mastersGroup } from "../model/user-info.ts";
import { pokeAfter, pokeWatchHub } from "../pokes.ts";
import { aggregateClusterRoles } from "../store/aggregation.ts";
import { readMeter } from "../store/meter.ts";
import type { ServedKinds } from "../store/served-kinds.ts";
import { TemplateCache } from "../store/template-cache.ts";
import { paths as agentPaths } from "../sync/messages.ts";
import { agentRoutes } from "../sync/routes.ts";
import { sessionRoutes } from "../sync/session-routes.ts";
import { answer, refusal, withWarnings } from "./answer.ts";
import type { Caller, Credentials } from "./authentication.ts";
import { authenticate } from "./authentication.ts";
import { requireAllowed } from "./authorization.ts";
import type { RequestContext } from "./context.ts";
import { serverVersion } from "./discovery.ts";
import { discoveryRoutes, servedKinds } from "./discovery-routes.ts";
import { handle } from "./handle.ts";
import { actingAs } from "./impersonation.ts";
import { metricsText } from "./metrics.ts";
import { answerMirrors } from "./mirror-pods.ts";
import type { Ask } from "./node-requests.ts";
import { answerNodeRequest } from "./node-requests.ts";
import { answerReview } from "./node-review.ts";
import { answerPodToken } from "./pod-token.ts";
import { PolicyCache } from "./policy-cache.ts";
import { attributesOf } from "./request-attributes.ts";
import { seed } from "./seed.ts";
import { SigningKeys } from "./signing-keys.ts";
import { targetOf } from "./target.ts";
import { WatchBacklogs } from "./watch-backlog.ts";

/** Templates never change, so all requests of an isolate share what it has read. */
let templates: TemplateCache | null = null;
let signingKeys: SigningKeys | null = null;
const policies = new PolicyCache();
let seeded: Promise<void> | null = null;
const backlogs = new WatchBacklogs();

type Bindings = { Bindings: Env; Variables: { caller: Caller; credentials: Credentials } };

export const app = new Hono<Bindings>({ strict: false });

app.onError(refused);

function refused(error: unknown): Response {
  if (error instanceof ApiError) return refusal(error);
  const stack = error instanceof Error ? error.stack : undefined;
  console.error({ message: "a request failed", error: String(error), stack });
  return refusal(new ApiError("InternalError", "the server could not do this; what went wrong is in its log"));
}

app.notFound(() => new Response("404 page not found\n", { status: 404 }));

app.get("/version", () => answer(serverVersion));
for (const check of ["healthz", "livez", "readyz"]) {
  app.get(`/${check}`, ({ req }) => {
    const isVerbose = req.query("verbose") !== undefined;
    return new Response(isVerbose ? `[+]ping ok\n${check} check passed\n` : "ok");
  });
}

app.route("/", agentRoutes);
app.route("/", sessionRoutes);

app.post(agentPaths.token, (context) => {
  const { env, req } = context;
  return answerPodToken(req.raw, env, { db: env.DB, keys: keysOf(env), nowMs: Date.now() });
});

app.post(agentPaths.review, (context) => {
  const { env, req } = context;
  const nowMs = Date.now();
  const credentials = { db: env.DB, keys: keysOf(env), adminDigest: env.ADMIN_TOKEN_SHA256, nowMs };
  return answerReview(req.raw, credentials, () => policies.get(env.DB, nowMs));
});

/** Shared by all requests of the isolate. */
function keysOf(env: Env): SigningKeys {
  signingKeys ??= new SigningKeys(env.ADMIN_TOKEN_SHA256);
  return signingKeys;
}

app.post(agentPaths.node, async (context) => {
  const { env, executionCtx } = context;
  await ready(env);
  return answerNodeRequest(env, context.req.raw, askFor(env, executionCtx));
});

app.post(agentPaths.mirror, async (context) => {
  const { env, executionCtx } = context;
  await ready(env);
  return answerMirrors(env, context.req.raw, askFor(env, executionCtx));
});

/** What a node may ask for is settled before anything is asked in its name. */
function askFor(env: Env, executionCtx: ExecutionContext): Ask {
  const caller = { name: "lares:node-request", uid: "", groups: [mastersGroup], extra: {} };
  return async (method, path, body) => {
    const answer = await respond({ env, executionCtx, request: internalRequest(method, path, body), caller });
    return { status: answer.status, json: await answer.json() };
  };
}

function internalRequest(method: string, path: string, body: unknown): Request {
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  return new Request(`https://lares.internal${path}`, { method, headers: { "content-type": type }, ...content });
}

app.use("*", async (context, next) => {
  const { env } = context;
  const { method, headers, url } = context.req.raw;
  const nowMs = Date.now();
  const credentials = credentialsOf(env, nowMs);
  const sender = await authenticate(headers, credentials);
  await ready(env);
  const policy = () => policies.get(env.DB, nowMs);
  const caller = await actingAs(sender, headers, policy);
  await requireAllowed(caller, attributesOf(method, new URL(url)), policy);
  context.set("caller", caller);
  context.set("credentials", credentials);
  await next();
});

app.route("/", discoveryRoutes);

/** Of this isolate alone: elsewhere there may be others. */
app.get(
  "/metrics",
  () => new Response(metricsText(readMeter()), { headers: { "content-type": "text/plain; version=0.0.4" } }),
);

app.all("*", ({ env, executionCtx, req, get }) =>
  respond({ env, executionCtx, request: req.raw, caller: get("caller") }),
);

type Asking = {
  readonly env: Env;
  readonly executionCtx: ExecutionContext;
  readonly request: Request;
  /** Who may do what is asked. */
  readonly caller: Caller;
};

async function respond({ env, executionCtx, request: asked, caller }: Asking): Promise<Response> {
  const url = new URL(asked.url);
  const nowMs = Date.now();
  const kinds = servedKinds(env);
  const target = await targetOf(url.pathname, kinds);
  if (target === null) return notServed(url.pathname, kinds);
  templates ??= new TemplateCache(env.DB);
  const warnings: string[] = [];
  const request: RequestContext = {
    env,
    request: asked,
    url,
    target,
    caller,
    policy: () => policies.get(env.DB, nowMs),
    credentials: credentialsOf(env, nowMs),
    policyChanged: () => {
      policies.forget();
      if (target.resource.plural === clusterRoles.plural) later(executionCtx, aggregate(env));
    },
    nowMs,
    templates,
    backlogs,
    warn: (text) => warnings.push(text),
    kinds,
    touched: (touched) => later(executionCtx, pokeAfter(env, touched)),
  };
  return withWarnings(await handle(request).catch(refused), warnings);
}

function credentialsOf(env: Env, nowMs: number): Credentials {
  return { db: env.DB, keys: keysOf(env), adminDigest: env.ADMIN_TOKEN_SHA256, nowMs };
}

/** Brings the rules that ClusterRoles are put together from up to date, for those who read them. */
async function aggregate(env: Env): Promise<void> {
  if (await aggregateClusterRoles(env.DB, Date.now())) await pokeWatchHub(env);
}

function later(context: ExecutionContext, work: Promise<unknown>): void {
  context.waitUntil(work);
}

/** Makes what every cluster has, once for each isolate. */
async function ready(env: Env): Promise<void> {
  seeded ??= seed(env.DB, Date.now());
  try {
    await seeded;
  } catch (error) {
    seeded = null;
    throw error;
  }
}

/** A resource that is not served, within a group that is, is told so in the API's own words. */
async function notServed(path: string, served: ServedKinds): Promise<Response> {
  const [, root, first, second] = path.split("/");
  const isServed = (await served.all()).some(({ group, version }) =>
    root === "api" ? group === "" && version === first : root === "apis" && group === first && version === second,
  );
  if (!isServed) return new Response("404 page not found\n", { status: 404 });
  return refusal(new ApiError("NotFound", "the server could not find the requested resource", {}));
}
