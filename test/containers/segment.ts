// The network that machines and what serves them are on: a bridge with a subnet of its own, and this machine at `.1`.
import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";

import { nameOf } from "./own-directory.ts";

function ip(...args: readonly string[]): string {
  return execFileSync("ip", [...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

export class Segment {
  readonly bridge: string;
  readonly #prefix: string;
  #addresses = 10;

  private constructor(bridge: string, prefix: string) {
    this.bridge = bridge;
    this.#prefix = prefix;
  }

  /** `directory` is that of its owner, with whom it goes at the latest. */
  static open(directory: string): Segment {
    const taken = ip("-o", "-4", "addr");
    let prefix = "";
    do prefix = `10.${randomInt(200, 250)}.${randomInt(1, 250)}`;
    while (taken.includes(`${prefix}.`));
    const segment = new Segment(nameOf(directory), prefix);
    ip("link", "add", segment.bridge, "type", "bridge");
    ip("addr", "add", `${segment.gateway}/24`, "dev", segment.bridge);
    ip("link", "set", segment.bridge, "up");
    return segment;
  }

  /** Where machines reach what listens here for them. */
  get gateway(): string {
    return `${this.#prefix}.1`;
  }

  newAddress(): string {
    this.#addresses += 1;
    return `${this.#prefix}.${this.#addresses}`;
  }

  /** Gives a machine, by the process that holds its network, its interface. */
  connect({ name, address, pid }: { readonly name: string; readonly address: string; readonly pid: number }): void {
    const outside = this.#interface(name);
    this.disconnect(name);
    ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", String(pid));
    ip("link", "set", outside, "master", this.bridge, "up");
    const inside = [
      `ip addr add ${address}/24 dev eth0`,
      "ip link set eth0 up",
      `ip route add default via ${this.gateway}`,
    ];
    execFileSync("nsenter", ["--target", String(pid), "--net", "sh", "-ec", inside.join("\n")]);
  }

  /** Gives a virtual machine its interface, by what is this end of it. */
  openTap(name: string): string {
    const outside = this.#interface(name);
    this.disconnect(name);
    ip("tuntap", "add", outside, "mode", "tap");
    ip("link", "set", outside, "master", this.bridge, "up");
    return outside;
  }

  /** Nothing comes through. */
  cut(name: string): void {
    ip("link", "set", this.#interface(name), "down");
  }

  mend(name: string): void {
    ip("link", "set", this.#interface(name), "up");
  }

  disconnect(name: string): void {
    try {
      ip("link", "del", this.#interface(name));
    } catch {
      // It has gone with the machine's network already.
    }
  }

  close(): void {
    ip("link", "del", this.bridge);
  }

  /** Names of interfaces have 15 characters at most. */
  #interface(name: string): string {
    return `${this.bridge.slice("lares-".length)}${name}`.slice(0, 15);
  }
}
