// Which numbers JavaScript cannot keep as they were sent: whole ones beyond 2^53, and those that it takes for infinite.
// Where a schema says what a number is, the schema refuses them; what is kept as it came has nobody else to tell.
import { isPair, isScalar, isSeq, visit } from "yaml";

/** `path` is where it stands, `spec.containers[0].port` say; `text` how it was written. */
export type ChangedNumber = { readonly path: string; readonly text: string };

/** Whether there may be such a number in JSON. Looks no further than needed: nearly all that is sent has none. */
export function mayChangeInJson(text: string): boolean {
  return /[0-9]{16}|[0-9][eE]\+?[0-9]{3}/.test(text);
}

/** As above, for YAML, which has other ways to write numbers. */
function mayChangeInYaml(text: string): boolean {
  return mayChangeInJson(text) || /0x[0-9a-f]{14}|0o[0-7]{18}|\.(?:inf|nan)/i.test(text);
}

const wholeNumber = /^[-+]?(?:[0-9]+|0x[0-9a-f]+|0o[0-7]+)$/i;

/** Whether a number that was written so is another one, or none, once it is written again. */
export function isChanged(text: string, value = Number(text)): boolean {
  if (!Number.isFinite(value)) return true;
  if (Number.isSafeInteger(value) || !wholeNumber.test(text)) return false;
  const shown = String(value);
  return BigInt(shown.includes("e") ? value : shown) !== BigInt(text.replace("+", ""));
}

/** `root` is what was parsed of `text`. */
export function changedInYaml(root: Parameters<typeof visit>[0], text: string): readonly ChangedNumber[] {
  const found: ChangedNumber[] = [];
  if (!mayChangeInYaml(text)) return found;
  visit(root, {
    Scalar: (_key, node, ancestors) => {
      const { value, source = String(value) } = node;
      if (typeof value === "number" && isChanged(source, value)) {
        found.push({ path: pathOf([...ancestors, node]), text: source });
      }
    },
  });
  return found;
}

/** `nodes` from the document down. */
function pathOf(nodes: readonly unknown[]): string {
  return nodes.reduce<string>((path, node, depth) => {
    if (isSeq(node)) return `${path}[${node.items.indexOf(nodes[depth + 1])}]`;
    if (!isPair(node)) return path;
    const name = isScalar(node.key) ? String(node.key.value) : String(node.key);
    return path === "" ? name : `${path}.${name}`;
  }, "");
}
