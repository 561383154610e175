// What is asked of a session's relay, and what comes of it.
import type { Told } from "../store/event-recorder.ts";
import type { SessionOffer, SessionRefusal } from "./messages.ts";

export type Opening = {
  readonly node: string;
  readonly offer: Omit<SessionOffer, "id">;
  /**
   * What the pod's events tell of the session, once it has begun. Null: whoever asks cannot speak to the agent, and only
   * wants to know what would have become of it.
   */
  readonly told: Told | null;
};

/** `absent`: the agent is not connected, or did not come the last time. `silent`: it did not come in time. */
export type Opened =
  | { readonly outcome: "ready" | "absent" | "silent" }
  | { readonly outcome: "refused"; readonly refusal: SessionRefusal };
