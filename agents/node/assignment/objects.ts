// ConfigMaps and Secrets as an agent has them: those that its pods name, sent along with the assignment.

export type ObjectKind = "ConfigMap" | "Secret";

export type HeldObject = {
  readonly kind: ObjectKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** The object's resourceVersion: another one means other content. */
  readonly version: string;
  /** Of a Secret; empty for a ConfigMap. */
  readonly type: string;
  /** Text, as it is. Of a Secret there is none. */
  readonly data: Readonly<Record<string, string>>;
  /** Base64: `binaryData` of a ConfigMap, `data` of a Secret. */
  readonly binaryData: Readonly<Record<string, string>>;
};

export type ObjectLookup = {
  /** Null: the control plane says that there is none. Undefined: nobody has said anything of it yet. */
  get(kind: ObjectKind, namespace: string, name: string): HeldObject | null | undefined;
  /** The control plane has told of the object, and is still to send what is in it. */
  isOnItsWay(kind: ObjectKind, namespace: string, name: string): boolean;
};

export type TokenRequest = {
  readonly podUid: string;
  /** Empty: the API's own. */
  readonly audience: string;
  readonly expirationSeconds: number;
};

/** `expiresAtMs` is wall time of this node, and so is `issuedAtMs`. */
export type IssuedToken = { readonly token: string; readonly issuedAtMs: number; readonly expiresAtMs: number };

/** The control plane has heard the request, and gives no token. */
export class TokenRefused extends Error {}

/** Tokens of the pods' ServiceAccounts. */
export type TokenSource = {
  /** Throws when none can be had, as when the control plane is away; TokenRefused when there is none to be had. */
  token(request: TokenRequest): Promise<IssuedToken>;
};
