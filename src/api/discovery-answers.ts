// `/api` and `/apis` as they go out: aggregated, with a tag by which clients find that nothing has changed, or in the
// old form.
// Source: apiserver pkg/endpoints/discovery/aggregated etag.go.
import type { ServedKind } from "../model/resource.ts";
import { answer, answerText } from "./answer.ts";
import type { Catalogue } from "./discovery.ts";
import { apiGroupDiscoveryList, apiGroupList, apiVersions } from "./discovery.ts";
import type { Representation } from "./negotiation.ts";
import { negotiate } from "./negotiation.ts";
import type { OpenApiDocument as TaggedText } from "./openapi.ts";
import { entityTag, hashOf, isUnchanged } from "./openapi.ts";

type Which = "core" | "named";
type Version = "v2" | "v2beta1";

export function answerDiscovery(request: Request, which: Which, served: Catalogue): Response {
  const representation = negotiate(request.headers.get("accept"), ["discovery", "discoveryBeta"]);
  switch (representation.form) {
    case "discovery":
      return aggregated(request, representation, listOf(served, which, "v2"));
    case "discoveryBeta":
      return aggregated(request, representation, listOf(served, which, "v2beta1"));
    default:
      return answer(which === "core" ? apiVersions() : apiGroupList(served), { representation });
  }
}

function aggregated(request: Request, representation: Representation, list: TaggedText): Response {
  // The same path has other forms, so what is kept of it is kept by what was asked for.
  const headers = { etag: entityTag(list), vary: "Accept", "cache-control": "public" };
  if (isUnchanged(request.headers.get("if-none-match"), list)) return new Response(null, { status: 304, headers });
  return answerText(list.text, { representation, headers });
}

const written = new WeakMap<readonly ServedKind[], Map<string, TaggedText>>();

/** Written when it is first asked for, and kept for as long as the same kinds are served. */
function listOf(served: Catalogue, which: Which, version: Version): TaggedText {
  const known = written.get(served.resources) ?? new Map<string, TaggedText>();
  written.set(served.resources, known);
  const key = `${which} ${version}`;
  const list = known.get(key) ?? tagged(JSON.stringify(apiGroupDiscoveryList(served, { which, version })));
  known.set(key, list);
  return list;
}

function tagged(text: string): TaggedText {
  return { text, hash: hashOf(text) };
}
