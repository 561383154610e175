// The kinds that are questions: what is posted is answered and not kept.
// Source: pkg/registry/authentication, pkg/registry/authorization.
import type { Attributes } from "../core/authorization.ts";
import { decide, isMaster, rulesFor } from "../core/authorization.ts";
import type {
  NonResourceAttributes,
  ResourceAttributes,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
} from "../model/access-reviews.ts";
import {
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
} from "../model/access-reviews.ts";
import { ApiError } from "../model/api-error.ts";
import type { TokenReview } from "../model/authentication.ts";
import { selfSubjectReviews, tokenReviews } from "../model/authentication.ts";
import { goTime } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";
import type { PolicyRule } from "../model/rbac.ts";
import type { Resource } from "../model/resource.ts";
import type { User } from "../model/user-info.ts";
import { userInfoOf } from "../model/user-info.ts";
import { whoseToken } from "./authentication.ts";
import type { RequestContext } from "./context.ts";
import { tokenIssuer } from "./service-account-tokens.ts";

/** Fills in the answer to a question that was decoded and checked. */
export type Answerer = (context: RequestContext, question: KubeObject) => Promise<KubeObject>;

// Each is given what was decoded as its own kind.
const answerers: ReadonlyMap<string, Answerer> = new Map([
  [selfSubjectReviews.plural, answerWho],
  [tokenReviews.plural, (context, question) => answerToken(context, question as TokenReview)],
  [selfSubjectAccessReviews.plural, (context, question) => answerSelf(context, question as SelfSubjectAccessReview)],
  [subjectAccessReviews.plural, (context, question) => answerSubject(context, question as SubjectAccessReview)],
  [localSubjectAccessReviews.plural, (context, question) => answerSubject(context, question as SubjectAccessReview)],
  [selfSubjectRulesReviews.plural, (context, question) => answerRules(context, question as SelfSubjectRulesReview)],
] satisfies readonly (readonly [string, Answerer])[]);

/** Undefined: objects of this resource are kept. */
export function answererOf({ plural, group }: Resource): Answerer | undefined {
  const isReview = group === selfSubjectReviews.group || group === subjectAccessReviews.group;
  return isReview ? answerers.get(plural) : undefined;
}

async function answerWho({ caller, nowMs }: RequestContext, question: KubeObject): Promise<KubeObject> {
  const metadata = { ...question.metadata, creationTimestamp: goTime(nowMs) };
  return { ...question, metadata, status: { userInfo: userInfoOf(caller) } };
}

async function answerToken({ credentials }: RequestContext, question: TokenReview): Promise<KubeObject> {
  const { token, audiences } = question.spec;
  if (token === undefined) throw new ApiError("BadRequest", "token is required for TokenReview in authentication");
  const found = await whoseToken(token, audiences ?? [tokenIssuer], credentials);
  if (found === null) return { ...question, status: { user: {}, error: "invalid bearer token" } };
  const status = { authenticated: true, user: userInfoOf(found.user), audiences: found.audiences };
  return { ...question, status };
}

async function answerSelf(context: RequestContext, question: SelfSubjectAccessReview): Promise<KubeObject> {
  return { ...question, status: await access(context, context.caller, question.spec) };
}

async function answerSubject(context: RequestContext, question: SubjectAccessReview): Promise<KubeObject> {
  const { user = "", uid = "", groups = [], extra = {} } = question.spec;
  return { ...question, status: await access(context, { name: user, uid, groups, extra }, question.spec) };
}

type Asked = {
  readonly resourceAttributes?: ResourceAttributes | undefined;
  readonly nonResourceAttributes?: NonResourceAttributes | undefined;
};

async function access({ policy }: RequestContext, user: User, asked: Asked) {
  const attributes = attributesOf(asked);
  const { allowed, reason } = isMaster(user) ? { allowed: true, reason: "" } : decide(await policy(), user, attributes);
  return { allowed, ...(reason === "" ? {} : { reason }) };
}

function attributesOf({ resourceAttributes, nonResourceAttributes }: Asked): Attributes {
  if (resourceAttributes === undefined) {
    const { path = "", verb = "" } = nonResourceAttributes ?? {};
    return { kind: "path", path, verb };
  }
  const { verb = "", namespace = "", group = "", resource = "", subresource = "", name = "" } = resourceAttributes;
  return { kind: "resource", verb, namespace, group, resource, subresource, name };
}

const masterRules: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

async function answerRules({ policy, caller }: RequestContext, question: SelfSubjectRulesReview): Promise<KubeObject> {
  const { namespace } = question.spec;
  if (namespace === undefined) throw new ApiError("BadRequest", "no namespace on request");
  const { rules, missing } = rulesFor(await policy(), caller, namespace);
  const all = isMaster(caller) ? [...masterRules, ...rules] : rules;
  const ofUrls = all.filter(({ nonResourceURLs = [] }) => nonResourceURLs.length > 0);
  const ofResources = all.filter(({ resources = [] }) => resources.length > 0);
  const status = {
    resourceRules: ofResources.map(({ nonResourceURLs: _urls, ...rule }) => rule),
    nonResourceRules: ofUrls.map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
    ...(missing.length === 0 ? {} : { evaluationError: [...new Set(missing)].join(", ") }),
  };
  return { ...question, spec: {}, status };
}
