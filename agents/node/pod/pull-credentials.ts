// Which credentials a registry is shown when an image is pulled, out of the Secrets that hold them.
// Source: pkg/credentialprovider keyring.go (BasicDockerKeyring, URLsMatch, isDefaultRegistryMatch), config.go, secrets.

import type { HeldObject } from "../assignment/objects.ts";
import { isFields, parseJson } from "../connection/protocol.ts";
import type { RegistryCredentials } from "../runtime/runtime.ts";
import { textOf } from "./object-text.ts";

/** Where images come from that name no registry. */
const defaultRegistry = "index.docker.io";

type Place = { readonly host: string; readonly port: string; readonly path: string };
type Entry = { readonly key: string; readonly credentials: RegistryCredentials };

/** Those that are meant for the image, the closest match first; each once. */
export function credentialsFor(image: string, secrets: readonly HeldObject[]): readonly RegistryCredentials[] {
  const entries = secrets.flatMap(entriesOf);
  const target = placeOf(image);
  // A longer key comes after its own beginning, and so before it here.
  const keys = [...new Set(entries.map(({ key }) => key))].sort().reverse();
  const matching = keys.filter((key) => isWithin(target, placeOf(key)));
  if (matching.length === 0 && isOfDefaultRegistry(image)) matching.push(defaultRegistry);
  const found = matching.flatMap((key) => entries.filter((entry) => entry.key === key));
  return [...new Map(found.map(({ credentials }) => [JSON.stringify(credentials), credentials])).values()];
}

function entriesOf(secret: HeldObject): readonly Entry[] {
  const places = placesIn(secret);
  if (!isFields(places)) return [];
  return Object.entries(places).flatMap(([place, entry]) => {
    const credentials = credentialsIn(entry);
    return credentials === null ? [] : [{ key: keyOf(place), credentials }];
  });
}

/** Credentials by place, in the two forms that Secrets have them in. */
function placesIn(secret: HeldObject): unknown {
  switch (secret.type) {
    case "kubernetes.io/dockerconfigjson": {
      const config = parseJson(textOf(secret, ".dockerconfigjson") ?? "");
      return isFields(config) ? config["auths"] : undefined;
    }
    case "kubernetes.io/dockercfg":
      return parseJson(textOf(secret, ".dockercfg") ?? "");
    default:
      return undefined;
  }
}

/** Null for what is none. `auth` is name and password in one, and goes before the two by themselves. */
function credentialsIn(entry: unknown): RegistryCredentials | null {
  if (!isFields(entry)) return null;
  const [ofAuth, ...rest] = Buffer.from(stringOf(entry["auth"]), "base64").toString("utf8").split(":");
  const isWhole = rest.length > 0;
  const identityToken = stringOf(entry["identitytoken"]);
  const registryToken = stringOf(entry["registrytoken"]);
  const credentials = {
    username: isWhole ? (ofAuth ?? "") : stringOf(entry["username"]),
    // Docker itself pads passwords with zeros.
    password: isWhole ? rest.join(":").replace(/\0+$/, "") : stringOf(entry["password"]),
    ...(identityToken === "" ? {} : { identityToken }),
    ...(registryToken === "" ? {} : { registryToken }),
  };
  const isEmpty = credentials.username === "" && identityToken === "" && registryToken === "";
  return isEmpty ? null : credentials;
}

function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** `https://host/v1/path/` is written `host/path/`. */
function keyOf(place: string): string {
  const { host, port, path } = placeOf(place.replace(/^https?:\/\//, ""));
  const below = /^\/v[12]\//.test(path) ? path.slice(3) : path;
  return `${host}${port === "" ? "" : `:${port}`}${below === "/" ? "" : below}`;
}

function placeOf(text: string): Place {
  const slash = text.indexOf("/");
  const [authority, path] = slash === -1 ? [text, ""] : [text.slice(0, slash), text.slice(slash)];
  const [, host = authority, port = ""] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? [];
  return { host, port, path };
}

/** Parts of a host may be patterns: `*.example.com` is for all hosts one level below. */
function isWithin(target: Place, glob: Place): boolean {
  const [globParts, targetParts] = [glob.host.split("."), target.host.split(".")];
  return (
    glob.port === target.port &&
    globParts.length === targetParts.length &&
    target.path.startsWith(glob.path) &&
    globParts.every((part, index) => matches(part, targetParts[index] ?? ""))
  );
}

function matches(glob: string, text: string): boolean {
  if (!glob.includes("*")) return glob === text;
  const pattern = glob.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${pattern.join(".*")}$`).test(text);
}

function isOfDefaultRegistry(image: string): boolean {
  const [first = "", ...rest] = image.split("/");
  if (first === "") return false;
  if (rest.length === 0 || first === "docker.io" || first === defaultRegistry) return true;
  return !/[.:]/.test(first) && first !== "localhost";
}
