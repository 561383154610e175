// Passwords as registries and exporters of Prometheus keep them.
import { execFileSync } from "node:child_process";

/** Node has no bcrypt, and Debian's C library has; perl is part of every Debian. */
export function bcrypt(password: string): string {
  const salt = "$2a$05$laresTestsRegistrySal.";
  const hash = execFileSync("perl", ["-e", "print crypt($ARGV[0], $ARGV[1])", password, salt], { encoding: "utf8" });
  if (!hash.startsWith("$2a$")) throw new Error("the C library knows no bcrypt");
  return hash;
}
