// Whether whoever shows a token to a node may read what the node itself serves.
// Source: pkg/kubelet/server/auth.go NodeRequestAttributesGetter.
import type { Policy } from "../core/authorization.ts";
import { decide, isMaster } from "../core/authorization.ts";
import { findNodeCredential, isSameDigest } from "../store/credentials.ts";
import type { ReviewAnswer } from "../sync/messages.ts";
import { ReviewRequest } from "../sync/messages.ts";
import { nodeOf, problemOf, readJson, refuse } from "../sync/routes.ts";
import type { Credentials } from "./authentication.ts";
import { whoseToken } from "./authentication.ts";
import { tokenIssuer } from "./service-account-tokens.ts";

/** Parts of a Node that stand for what its kubelet serves; `proxy` for all of it. */
const parts = ["configz", "healthz", "log", "metrics", "pods", "proxy", "stats"] as const;

export async function answerReview(
  request: Request,
  credentials: Credentials,
  policy: () => Promise<Policy>,
): Promise<Response> {
  const caller = nodeOf(request.headers);
  if (caller === null) return refuse(401, "a node credential is required");
  const known = await findNodeCredential(credentials.db, caller.node);
  if (known === null || !isSameDigest(known.digest, caller.digest)) return refuse(401, "the credential is not known");
  const parsed = ReviewRequest.safeParse(await readJson(request));
  if (!parsed.success) return refuse(400, `not a question about a token: ${problemOf(parsed.error)}`);
  const found = await whoseToken(parsed.data.token, [tokenIssuer], credentials);
  if (found === null) return Response.json({ user: null, parts: [] } satisfies ReviewAnswer);
  const { user } = found;
  const rules = await policy();
  const about = {
    kind: "resource",
    verb: "get",
    namespace: "",
    group: "",
    resource: "nodes",
    name: caller.node,
  } as const;
  const allowed = parts.filter(
    (subresource) => isMaster(user) || decide(rules, user, { ...about, subresource }).allowed,
  );
  return Response.json({ user: user.name, parts: allowed } satisfies ReviewAnswer);
}
