// Reads single files out of a ZIP archive.
// Source: APPNOTE.TXT, 4.3 (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT).
import { inflateRawSync } from "node:zlib";

const endOfDirectory = 0x06054b50;
const directoryEntry = 0x02014b50;

/** A function from the path of a file in the archive to its content; null: there is none. Large (ZIP64) archives are not read. */
export function unzip(archive: Buffer): (path: string) => Buffer | null {
  const entries = new Map<string, () => Buffer>();
  const end = archive.lastIndexOf(le32(endOfDirectory));
  if (end < 0) throw new Error("not a ZIP archive");
  let at = archive.readUInt32LE(end + 16);
  for (let count = archive.readUInt16LE(end + 10); count > 0; count -= 1) {
    if (archive.readUInt32LE(at) !== directoryEntry) throw new Error("the directory of the ZIP archive is broken");
    const nameLength = archive.readUInt16LE(at + 28);
    const name = archive.toString("utf8", at + 46, at + 46 + nameLength);
    const entry = {
      method: archive.readUInt16LE(at + 10),
      size: archive.readUInt32LE(at + 20),
      at: archive.readUInt32LE(at + 42),
    };
    entries.set(name, () => content(archive, entry));
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return (path) => entries.get(path)?.() ?? null;
}

function content(
  archive: Buffer,
  { method, size, at }: { readonly method: number; readonly size: number; readonly at: number },
): Buffer {
  const start = at + 30 + archive.readUInt16LE(at + 26) + archive.readUInt16LE(at + 28);
  const stored = archive.subarray(start, start + size);
  if (method === 0) return stored;
  if (method === 8) return inflateRawSync(stored);
  throw new Error(`compression ${method} is not known`);
}

function le32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
