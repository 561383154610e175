// Acting as somebody else: whoever may impersonate a user is that user for one request.
// Source: apiserver pkg/endpoints/filters/impersonation.go.
import type { Attributes } from "../core/authorization.ts";
import { ApiError } from "../model/api-error.ts";
import { authenticatedGroup } from "../model/user-info.ts";
import type { Caller } from "./authentication.ts";
import type { PolicySource } from "./authorization.ts";
import { requireAllowed } from "./authorization.ts";

const prefix = "impersonate-";
const extraPrefix = "impersonate-extra-";
const authentication = "authentication.k8s.io";
const serviceAccount = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** Whom a request is made as: its sender, or whom its headers name. Throws Forbidden. */
export async function actingAs(caller: Caller, headers: Headers, policy: PolicySource): Promise<Caller> {
  const wanted = wantedUser(headers);
  if (wanted === null) return caller;
  for (const asked of rightsFor(wanted)) await requireAllowed(caller, asked, policy);
  return { ...wanted, groups: [...wanted.groups, ...impliedGroups(wanted)] };
}

/** Null: nobody. */
function wantedUser(headers: Headers): Caller | null {
  const name = headers.get(`${prefix}user`) ?? "";
  const groups = valuesOf(headers, `${prefix}group`);
  const uid = headers.get(`${prefix}uid`) ?? "";
  const extra = extraOf(headers);
  if (name !== "") return { name, uid, groups, extra };
  if (groups.length === 0 && uid === "" && Object.keys(extra).length === 0) return null;
  const what = `requested ${JSON.stringify({ groups, uid, extra })} without impersonating a user`;
  throw new ApiError("InternalError", what);
}

/** A header that is sent several times is one text with commas. */
function valuesOf(headers: Headers, name: string): readonly string[] {
  const text = headers.get(name);
  return text === null ? [] : text.split(",").map((value) => value.trim());
}

function extraOf(headers: Headers): Caller["extra"] {
  const found: [string, readonly string[]][] = [];
  for (const [header] of headers) {
    const name = header.toLowerCase();
    if (name.startsWith(extraPrefix)) found.push([decoded(name.slice(extraPrefix.length)), valuesOf(headers, header)]);
  }
  return Object.fromEntries(found);
}

/** Keys may hold what headers may not, and are then escaped as in URLs. */
function decoded(key: string): string {
  try {
    return decodeURIComponent(key).toLowerCase();
  } catch {
    return key;
  }
}

/** Every right that it takes to be this user. */
function rightsFor({ name, uid, groups, extra }: Caller): readonly Attributes[] {
  const asked = { kind: "resource", verb: "impersonate", group: "", namespace: "", subresource: "" } as const;
  const [, namespace, account] = serviceAccount.exec(name) ?? [];
  return [
    namespace !== undefined && account !== undefined
      ? { ...asked, resource: "serviceaccounts", namespace, name: account }
      : { ...asked, resource: "users", name },
    ...groups.map((group) => ({ ...asked, resource: "groups", name: group })),
    ...(uid === "" ? [] : [{ ...asked, group: authentication, resource: "uids", name: uid }]),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => ({
        ...asked,
        group: authentication,
        resource: "userextras",
        subresource: key,
        name: value,
      })),
    ),
  ];
}

/** Groups that a user is in without being told to be. */
function impliedGroups({ name, groups }: Caller): readonly string[] {
  if (name === "system:anonymous") return groups.includes("system:unauthenticated") ? [] : ["system:unauthenticated"];
  const [, namespace] = serviceAccount.exec(name) ?? [];
  const ofAccount = namespace === undefined ? [] : ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
  // Groups that were asked for take the place of those of a service account.
  const implied = groups.length === 0 ? [...ofAccount, authenticatedGroup] : [authenticatedGroup];
  return implied.filter((group) => !groups.includes(group));
}
