// What bytes an archive of these files has: the same for the same files, on every machine.
import { readFileSync } from "node:fs";

/** One entry of an image's file system. Owned by root unless it says otherwise. */
export type ImageFile = {
  /** Absolute, in the image. Folders on the way need no entries of their own. */
  readonly path: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Permission bits; default 0755 for folders and programs of the host, 0644 for text. */
  readonly mode?: number;
} & (
  | { readonly text: string }
  /** A file of this machine, copied with what its links lead to. */
  | { readonly hostFile: string }
  | { readonly link: string }
  | { readonly folder: true }
);

const blockBytes = 512;

/** A tar archive (ustar). Throws when a path is too long for it. */
export function tar(files: readonly ImageFile[]): Buffer {
  const named = new Map(files.map((file) => [file.path.replace(/\/+$/, ""), file]));
  for (const path of named.keys()) {
    for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) {
      const folder = path.slice(0, at);
      if (!named.has(folder)) named.set(folder, { path: folder, folder: true });
    }
  }
  // Sorted, so a folder comes before what is in it.
  const paths = [...named.keys()].sort();
  const parts = paths.flatMap((path) => {
    const file = named.get(path);
    return file === undefined ? [] : entry(path.slice(1), file);
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * blockBytes)]);
}

function entry(name: string, file: ImageFile): readonly Buffer[] {
  if ("link" in file) return [header(name, file, { type: "2", link: file.link, bytes: 0, mode: 0o777 })];
  if ("folder" in file) return [header(`${name}/`, file, { type: "5", link: "", bytes: 0, mode: 0o755 })];
  const content = "text" in file ? Buffer.from(file.text) : readFileSync(file.hostFile);
  const mode = "text" in file ? 0o644 : 0o755;
  const padding = Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes);
  return [header(name, file, { type: "0", link: "", bytes: content.length, mode }), content, padding];
}

type Kind = { readonly type: string; readonly link: string; readonly bytes: number; readonly mode: number };

function header(name: string, { uid, gid, mode }: ImageFile, kind: Kind): Buffer {
  const block = Buffer.alloc(blockBytes);
  const [prefix, rest] = split(name);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  block.write(rest, 0);
  block.write(octal(mode ?? kind.mode, 7), 100);
  block.write(octal(uid ?? 0, 7), 108);
  block.write(octal(gid ?? 0, 7), 116);
  block.write(octal(kind.bytes, 11), 124);
  block.write(octal(0, 11), 136);
  block.write(" ".repeat(8), 148);
  block.write(kind.type, 156);
  block.write(kind.link, 157, 100);
  block.write("ustar\x0000", 257);
  block.write(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** A name has 100 bytes, and 155 more for the folders before one of its slashes. */
function split(name: string): readonly [string, string] {
  if (name.length <= 100) return ["", name];
  const slash = name.indexOf("/", name.length - 101);
  if (slash < 0 || slash > 155) throw new Error(`${name} is too long for a tar archive`);
  return [name.slice(0, slash), name.slice(slash + 1)];
}
