// The kubeconfig of the administrator of a local cluster.
import { stringify } from "yaml";

export type KubeconfigFields = { readonly server: string; readonly authority: string; readonly token: string };

export function kubeconfig({ server, authority, token }: KubeconfigFields): string {
  const data = Buffer.from(authority).toString("base64");
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "lares", cluster: { server, "certificate-authority-data": data } }],
    users: [{ name: "lares-admin", user: { token } }],
    contexts: [{ name: "lares", context: { cluster: "lares", user: "lares-admin", namespace: "default" } }],
    "current-context": "lares",
  });
}
