// Requests for certificates: what may be asked of whom, and who may approve and sign.
// Source: plugin/pkg/admission/certificates (approval, signing, subjectrestriction).
import { decide, isMaster } from "../core/authorization.ts";
import { forbiddenError } from "../model/api-error.ts";
import { parseCertificateRequest } from "../model/certificate-request.ts";
import { nodeEnrolmentSigner } from "../model/certificate-signers.ts";
import type { CertificateSigningRequest } from "../model/certificate-signing-request.ts";
import { certificateSigningRequests, requestText } from "../model/certificate-signing-request.ts";
import { goTime } from "../model/instant.ts";
import { mastersGroup, userInfoOf } from "../model/user-info.ts";
import type { RequestContext } from "./context.ts";

const clientSigner = "kubernetes.io/kube-apiserver-client";

/** Throws unless the sender may make the request, or decide about it. `before`: null when it is new. */
export async function requireMayCertify(
  context: RequestContext,
  request: CertificateSigningRequest,
  before: CertificateSigningRequest | null,
): Promise<void> {
  if (before === null) return requireMayAsk(request);
  switch (context.target.subresource) {
    case "approval":
      return requireSigner(context, request, before, "approve");
    case "status":
      return requireSigner(context, request, before, "sign");
    default:
  }
}

function requireMayAsk(request: CertificateSigningRequest): void {
  const { signerName } = request.spec;
  const refused = (why: string) => forbiddenError(certificateSigningRequests, request.metadata.name ?? "", why);
  if (signerName === nodeEnrolmentSigner) {
    throw refused(`requests to ${signerName} are made for agents that show a join token, and by nobody else`);
  }
  const parsed = parseCertificateRequest(requestText(request));
  if (signerName === clientSigner && parsed.ok && parsed.subject.organizations.includes(mastersGroup)) {
    throw refused(`use of ${clientSigner} signer with ${mastersGroup} group is not allowed`);
  }
}

async function requireSigner(
  { caller, policy }: RequestContext,
  request: CertificateSigningRequest,
  before: CertificateSigningRequest,
  verb: "approve" | "sign",
): Promise<void> {
  if (isMaster(caller) || JSON.stringify(request.status) === JSON.stringify(before.status)) return;
  const { signerName } = before.spec;
  const asked = { kind: "resource", verb, group: certificateSigningRequests.group, resource: "signers" } as const;
  const held = await policy();
  // A right may be to one signer, or to all of a domain.
  const isAllowed = [signerName, `${signerName.split("/")[0]}/*`].some(
    (name) => decide(held, caller, { ...asked, subresource: "", namespace: "", name }).allowed,
  );
  if (isAllowed) return;
  const why = `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`;
  throw forbiddenError(certificateSigningRequests, request.metadata.name ?? "", why);
}

/** A new request, with whom it comes from: nobody says that of themselves. */
export function signedBySender({ caller }: RequestContext, request: CertificateSigningRequest) {
  const { username: _name, uid: _uid, groups: _groups, extra: _extra, ...spec } = request.spec;
  return { ...request, spec: { ...spec, ...userInfoOf(caller) } };
}

/** What was decided just now, dated. */
export function dated({ nowMs }: RequestContext, request: CertificateSigningRequest): CertificateSigningRequest {
  const now = goTime(nowMs);
  const conditions = request.status.conditions?.map((condition) => ({
    ...condition,
    lastUpdateTime: condition.lastUpdateTime ?? now,
    lastTransitionTime: condition.lastTransitionTime ?? now,
  }));
  return { ...request, status: { ...request.status, ...(conditions === undefined ? {} : { conditions }) } };
}
