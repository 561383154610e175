// Stands in for node:fs/promises in the program that ships. Node's own brings its line reader, its history of commands and
// its watchers with it: a megabyte and a half in an agent that never uses them. Same functions, made of node:fs.
import fs from "node:fs";
import { promisify } from "node:util";

export const constants = fs.constants;
export const access = promisify(fs.access);
export const appendFile = promisify(fs.appendFile);
export const chmod = promisify(fs.chmod);
export const chown = promisify(fs.chown);
export const copyFile = promisify(fs.copyFile);
export const lchown = promisify(fs.lchown);
export const link = promisify(fs.link);
export const lstat = promisify(fs.lstat);
export const lutimes = promisify(fs.lutimes);
export const mkdir = promisify(fs.mkdir);
export const mkdtemp = promisify(fs.mkdtemp);
export const opendir = promisify(fs.opendir);
export const readFile = promisify(fs.readFile);
export const readdir = promisify(fs.readdir);
export const readlink = promisify(fs.readlink);
export const realpath = promisify(fs.realpath.native);
export const rename = promisify(fs.rename);
export const rm = promisify(fs.rm);
export const rmdir = promisify(fs.rmdir);
export const stat = promisify(fs.stat);
export const statfs = promisify(fs.statfs);
export const symlink = promisify(fs.symlink);
export const truncate = promisify(fs.truncate);
export const unlink = promisify(fs.unlink);
export const utimes = promisify(fs.utimes);
export const writeFile = promisify(fs.writeFile);

/** What can be asked of an open file, by the function that is given its descriptor first. */
const byDescriptor = {
  appendFile: promisify(fs.appendFile),
  chmod: promisify(fs.fchmod),
  chown: promisify(fs.fchown),
  datasync: promisify(fs.fdatasync),
  read: promisify(fs.read),
  readFile: promisify(fs.readFile),
  stat: promisify(fs.fstat),
  sync: promisify(fs.fsync),
  truncate: promisify(fs.ftruncate),
  utimes: promisify(fs.futimes),
  write: promisify(fs.write),
  writeFile: promisify(fs.writeFile),
};

type OfDescriptor = (fd: number, ...args: readonly unknown[]) => Promise<unknown>;

/** Like a FileHandle, it is closed once what was asked of it before is done: its number may be another file's then. */
class OpenFile {
  fd: number;
  readonly #running = new Set<Promise<unknown>>();

  constructor(fd: number) {
    this.fd = fd;
  }

  ask(ofDescriptor: OfDescriptor, args: readonly unknown[]): Promise<unknown> {
    const asked = ofDescriptor(this.fd, ...args);
    this.#running.add(asked);
    const done = () => this.#running.delete(asked);
    asked.then(done, done);
    return asked;
  }

  async close(): Promise<void> {
    const { fd } = this;
    if (fd < 0) return;
    this.fd = -1;
    await Promise.allSettled(this.#running);
    await promisify(fs.close)(fd);
  }
}

for (const [name, ofDescriptor] of Object.entries(byDescriptor)) {
  Object.defineProperty(OpenFile.prototype, name, {
    value(this: OpenFile, ...args: readonly unknown[]) {
      // The signatures of a dozen functions: callers are checked against those of node:fs/promises.
      return this.ask(ofDescriptor as OfDescriptor, args);
    },
  });
}

export async function open(path: fs.PathLike, flags: fs.OpenMode = "r", mode?: fs.Mode): Promise<OpenFile> {
  return new OpenFile(await promisify(fs.open)(path, flags, mode));
}
