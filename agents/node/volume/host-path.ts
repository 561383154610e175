// Files and directories of the node itself.
// Source: kubelet pkg/volume/hostpath/host_path.go; core/v1 HostPathType.
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { isAbsolute } from "node:path";

/** Null when what is at `path` is as `type` wants it, having made it if it says so. */
export async function checkHostPath(path: string, type: string): Promise<string | null> {
  if (!isAbsolute(path)) return `hostPath type check failed: ${path} is not an absolute path`;
  const found = await stat(path).catch(() => undefined);
  // Some runtimes would make it, and others fail without it.
  if (type === "" && found === undefined) await mkdir(path, { recursive: true, mode: 0o755 });
  if (type === "") return null;
  if (found === undefined && type === "DirectoryOrCreate") {
    await mkdir(path, { recursive: true, mode: 0o755 });
    await chmod(path, 0o755);
    return null;
  }
  if (found === undefined && type === "FileOrCreate") {
    await writeFile(path, "", { flag: "a", mode: 0o644 });
    await chmod(path, 0o644);
    return null;
  }
  const expected = expectations[type];
  if (expected === undefined) return `${path} is an invalid volume type`;
  if (found !== undefined && expected.holds(found)) return null;
  return `hostPath type check failed: ${path} is not a ${expected.what}`;
}

type Found = Awaited<ReturnType<typeof stat>>;
type Expectation = { readonly what: string; readonly holds: (found: Found) => boolean };

const directory: Expectation = { what: "directory", holds: (found) => found.isDirectory() };
const file: Expectation = { what: "file", holds: (found) => found.isFile() };

const expectations: Readonly<Record<string, Expectation>> = {
  Directory: directory,
  DirectoryOrCreate: directory,
  File: file,
  FileOrCreate: file,
  Socket: { what: "socket file", holds: (found) => found.isSocket() },
  CharDevice: { what: "character device", holds: (found) => found.isCharacterDevice() },
  BlockDevice: { what: "block device", holds: (found) => found.isBlockDevice() },
};
