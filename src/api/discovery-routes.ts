// What is served, told to clients that look before they ask.
import { Hono } from "hono";

import type { Env } from "../env.ts";
import { ApiError } from "../model/api-error.ts";
import { resources } from "../model/resources.ts";
import { ServedKinds } from "../store/served-kinds.ts";
import { answer, answerDocument } from "./answer.ts";
import type { Credentials } from "./authentication.ts";
import type { Catalogue } from "./discovery.ts";
import { apiGroup, apiResourceList } from "./discovery.ts";
import { answerDiscovery } from "./discovery-answers.ts";
import { answerVersionTwo } from "./openapi/answer-version-two.ts";
import { documentOf, everyKind, indexOf } from "./openapi/custom-documents.ts";
import { entityTag, isUnchanged } from "./openapi.ts";
import { tokenIssuer } from "./service-account-tokens.ts";
import { subresources } from "./subresources.ts";

const kinds = new WeakMap<D1Database, ServedKinds>();

/** What is served, for all requests of an isolate: it has one database. */
export function servedKinds({ DB }: Env): ServedKinds {
  const known = kinds.get(DB) ?? new ServedKinds(DB);
  kinds.set(DB, known);
  return known;
}

async function catalogue(env: Env): Promise<Catalogue> {
  return { resources: await servedKinds(env).all(), subresources };
}

export const discoveryRoutes = new Hono<{ Bindings: Env; Variables: { credentials: Credentials } }>({ strict: false });

discoveryRoutes.get("/", () =>
  answer({
    paths: [
      "/.well-known/openid-configuration",
      "/api",
      "/api/v1",
      "/apis",
      "/healthz",
      "/livez",
      "/openapi/v2",
      "/openapi/v3",
      "/openid/v1/jwks",
      "/readyz",
      "/version",
    ],
  }),
);
discoveryRoutes.get("/api", ({ req }) => answerDiscovery(req.raw, "core", { resources, subresources }));
discoveryRoutes.get("/apis", async ({ req, env }) => answerDiscovery(req.raw, "named", await catalogue(env)));

discoveryRoutes.get("/api/v1", () =>
  answer(apiResourceList({ resources, subresources }, { group: "", version: "v1" })),
);
discoveryRoutes.get("/apis/:group", async ({ req, env }) => found(apiGroup(await catalogue(env), req.param("group"))));
discoveryRoutes.get("/apis/:group/:version", async ({ req, env }) =>
  found(apiResourceList(await catalogue(env), { group: req.param("group"), version: req.param("version") })),
);

function found(document: unknown): Response {
  if (document === undefined) return new Response("404 page not found\n", { status: 404 });
  return answer(document);
}

discoveryRoutes.get("/openapi/v3", async ({ req, env }) =>
  openApi(await indexOf(servedKinds(env)), req.header("if-none-match") ?? null),
);
discoveryRoutes.get("/openapi/v3/*", async ({ req, env }) => {
  const document = await documentOf(servedKinds(env), req.path.slice("/openapi/v3/".length));
  if (document === undefined) throw new ApiError("NotFound", "the server could not find the requested resource", {});
  const hash = req.query("hash");
  if (hash !== undefined && hash !== document.hash) {
    return new Response(null, { status: 301, headers: { location: `${req.path}?hash=${document.hash}` } });
  }
  return openApi(document, req.header("if-none-match") ?? null, hash !== undefined);
});

function openApi(
  document: { readonly text: string; readonly hash: string },
  ifNoneMatch: string | null,
  isFixed = false,
): Response {
  const headers = {
    "content-type": "application/json",
    etag: entityTag(document),
    "cache-control": isFixed ? "public, max-age=31536000, immutable" : "no-cache, private",
  };
  if (isUnchanged(ifNoneMatch, document)) return new Response(null, { status: 304, headers });
  return answerDocument(document.text, headers);
}

/** Where those who are shown service account tokens find out what they are signed with. */
discoveryRoutes.get("/.well-known/openid-configuration", ({ req }) =>
  answer({
    issuer: tokenIssuer,
    jwks_uri: new URL("/openid/v1/jwks", req.url).href,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  }),
);
discoveryRoutes.get("/openid/v1/jwks", async (context) => {
  const { db, keys, nowMs } = context.get("credentials");
  return answer({ keys: await keys.published(db, nowMs) });
});

discoveryRoutes.get("/openapi/v2", async ({ req, env }) =>
  answerVersionTwo(await everyKind(servedKinds(env)), req.raw),
);
