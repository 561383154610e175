// Whether the name of an image may mean another image tomorrow, which decides how it is pulled by default.
// Source: pkg/util/parsers ParseImageName; the grammar of github.com/distribution/reference.

const domainLabel = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const domain = `(?:${domainLabel}(?:\\.${domainLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const pathPart = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const tag = ":(?<tag>\\w[\\w.-]{0,127})";
const digest = "@(?<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})";
const imageName = new RegExp(`^(?:${domain}/)?${pathPart}(?:/${pathPart})*(?:${tag})?(?:${digest})?$`);
const bareDigest = /^[a-f0-9]{64}$/;
const longestName = 512;

/** The tag of an image name: `latest` when it has neither tag nor digest, empty when it has no tag or is no name. */
function imageTag(image: string): string {
  if (image.length > longestName || bareDigest.test(image)) return "";
  const groups = imageName.exec(image)?.groups;
  if (groups === undefined) return "";
  return groups["tag"] ?? (groups["digest"] === undefined ? "latest" : "");
}

export function defaultPullPolicy(image: string): "Always" | "IfNotPresent" {
  return imageTag(image) === "latest" ? "Always" : "IfNotPresent";
}
