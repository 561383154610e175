// Who somebody is to the API, as reviews and requests for certificates tell it.
// Source: authentication.k8s.io/v1 UserInfo.
import * as z from "zod";

import { mapOf, string, strings, struct, text } from "./fields.ts";

/** Whoever is in it may do everything, whatever roles say. */
export const mastersGroup = "system:masters";
export const authenticatedGroup = "system:authenticated";

/** What is known of a user beyond name and groups: lists of texts by key. */
export const extraValues = mapOf(z.array(string));

/** A user, as the API works with one. */
export type User = {
  readonly name: string;
  /** Empty: none is known. */
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
};

export const UserInfo = struct(
  "io.k8s.api.authentication.v1.UserInfo",
  { username: text, uid: text, groups: strings, extra: extraValues },
  {
    about: "Who somebody is.",
    username: "The name that tells this user from all others now.",
    uid: "Tells this user from others that had the same name at another time.",
    groups: "The groups that the user is in.",
    extra: "What else is known of the user, such as the pod that a token was made for.",
  },
);

export function userInfoOf({ name, uid, groups, extra }: User) {
  return UserInfo.parse({ username: name, uid, groups, extra });
}
