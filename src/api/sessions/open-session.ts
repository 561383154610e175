// Has the pod's node take on a session, or says why there is none.
import type { SessionDeed } from "../../core/session-policy.ts";
import { sessionHappening, sessionSource } from "../../core/session-policy.ts";
import { ApiError } from "../../model/api-error.ts";
import type { Pod } from "../../model/pod.ts";
import type { SessionRefusal, SessionWish } from "../../sync/messages.ts";
import type { Opened } from "../../sync/session-opening.ts";
import type { RequestContext } from "../context.ts";

type Asked = {
  readonly pod: Pod;
  readonly node: string;
  readonly container: string;
  readonly wish: SessionWish;
  /** False: only to hear what would become of it. */
  readonly isWanted: boolean;
};

type Session =
  /** `join` opens the way to the agent, which is there. */
  | { readonly ok: true; join(protocol: string | null): Promise<Response> }
  | { readonly ok: false; readonly refusal: SessionRefusal };

/** Throws Timeout and ServiceUnavailable when the agent does not come. */
export async function openSession({ env, caller }: RequestContext, asked: Asked): Promise<Session> {
  const { pod, node, container, wish, isWanted } = asked;
  const { namespace = "", name = "", uid = "" } = pod.metadata;
  const deed: SessionDeed = {
    user: caller.name,
    pod: { namespace, name, uid },
    container,
    isInitContainer: (pod.spec.initContainers ?? []).some((one) => one.name === container),
    what: wish,
  };
  const relay = env.SESSION_RELAYS.get(env.SESSION_RELAYS.newUniqueId());
  const opened = await relay.open({
    node,
    offer: { podUid: uid, container, wish },
    told: isWanted ? { happening: sessionHappening(deed), source: sessionSource } : null,
  });
  if (opened.outcome === "refused") return { ok: false, refusal: opened.refusal };
  if (opened.outcome !== "ready") throw unreachable(node, opened.outcome);
  return {
    ok: true,
    join: (protocol) => {
      const headers = { upgrade: "websocket", ...(protocol === null ? {} : { "sec-websocket-protocol": protocol }) };
      return relay.fetch("https://relay/", { headers });
    },
  };
}

/** In the words of an API server that cannot reach a kubelet, as far as they fit. */
function unreachable(node: string, why: Exclude<Opened["outcome"], "ready" | "refused">): ApiError {
  const who = `the agent of node ${JSON.stringify(node)}`;
  return why === "absent"
    ? new ApiError("ServiceUnavailable", `error dialing backend: ${who} is not connected, or does not answer`)
    : new ApiError("Timeout", `error dialing backend: ${who} did not answer in time`);
}
