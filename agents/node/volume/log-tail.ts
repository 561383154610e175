// The end of a container's log, as the message of a container that failed without leaving one.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const longestBytes = 2048;
const longestLines = 80;
/** Runtimes write longer lines in several pieces. */
const longestPieceBytes = 16 * 1024;
/** What timestamps and stream names add to a line is read beyond the text itself, and a whole piece, whose text follows its name. */
const readBytes = longestBytes + longestLines * 64 + longestPieceBytes;

/** The texts of the last lines; empty when there is no log. */
export function logTail(path: string): string {
  try {
    const fd = openSync(path, "r");
    const sizeBytes = fstatSync(fd).size;
    const buffer = Buffer.alloc(Math.min(sizeBytes, readBytes));
    readSync(fd, buffer, 0, buffer.length, sizeBytes - buffer.length);
    closeSync(fd);
    const lines = buffer
      .toString("utf8")
      .split("\n")
      .slice(-longestLines - 1);
    const texts = lines.map((line) => {
      const [, tag, text] = /^\S+ (?:stdout|stderr) ([PF]) (.*)$/.exec(line) ?? [];
      if (text === undefined) return "";
      return tag === "P" ? text : `${text}\n`;
    });
    return Buffer.from(texts.join("")).subarray(-longestBytes).toString("utf8");
  } catch {
    return "";
  }
}
