// Whether the sender of a request may do what it asks for, and as whom.
// Source: apiserver pkg/endpoints/filters (authorization.go, impersonation.go), handlers/responsewriters/errors.go.
import type { Attributes, Policy } from "../core/authorization.ts";
import { decide, isMaster } from "../core/authorization.ts";
import { ApiError } from "../model/api-error.ts";
import type { Caller } from "./authentication.ts";

/** How the roles and bindings are had, once they are needed: nobody reads them for an administrator. */
export type PolicySource = () => Promise<Policy>;

export async function requireAllowed(caller: Caller, asked: Attributes, policy: PolicySource): Promise<void> {
  if (isMaster(caller)) return;
  const { allowed, reason } = decide(await policy(), caller, asked);
  if (!allowed) throw refusedError(caller, asked, reason);
}

/** The 403 for somebody who may not. */
function refusedError({ name }: Caller, asked: Attributes, reason: string): ApiError {
  const user = `User ${JSON.stringify(name)}`;
  const because = reason === "" ? "" : `: ${reason}`;
  if (asked.kind === "path")
    return new ApiError(
      "Forbidden",
      `forbidden: ${user} cannot ${asked.verb} path ${JSON.stringify(asked.path)}${because}`,
      {},
    );
  const { verb, group, resource, subresource, namespace } = asked;
  const whole = JSON.stringify(subresource === "" ? resource : `${resource}/${subresource}`);
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  const qualified = group === "" ? resource : `${resource}.${group}`;
  const which = asked.name === "" ? qualified : `${qualified} ${JSON.stringify(asked.name)}`;
  const what = `${user} cannot ${verb} resource ${whole} in API group ${JSON.stringify(group)} ${where}`;
  return new ApiError("Forbidden", `${which} is forbidden: ${what}${because}`, {
    ...(asked.name === "" ? {} : { name: asked.name }),
    ...(group === "" ? {} : { group }),
    kind: resource,
  });
}
