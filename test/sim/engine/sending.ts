// What befalls a message that somebody sends into a socket: there is no answer, so it is told of nothing but the break.
import type { Actor } from "./actor.ts";
import type { Faults } from "./faults.ts";
import type { Kernel } from "./kernel.ts";

/** A number: it is sent, and comes this many milliseconds later. */
export type Fate = "send" | "break" | number;

export type SendingParts = { readonly kernel: Kernel; readonly faults: Faults };

export function fateOfMessage({ kernel, faults }: SendingParts, sender: Actor): Fate {
  const allows = ["crash-before", "before", "crash-after", "delay"] as const;
  const strike = faults.strike({ name: "socket.send", caller: sender, allows });
  if (strike !== null) kernel.note(`FAULT ${strike} socket.send of ${sender.name}`);
  switch (strike) {
    case "crash-before":
      sender.die("crashed before it sent a message");
      return "break";
    case "crash-after":
      kernel.schedule(0, { actor: sender, label: "" }, () => sender.die("crashed after it sent a message"));
      return "send";
    case "before":
      return "break";
    case "delay":
      return faults.delayMs();
    default:
      return "send";
  }
}
