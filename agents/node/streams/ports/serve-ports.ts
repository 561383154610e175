// Port forwarding, in the framing that the client speaks.
import type { Duplex } from "node:stream";

import type { SessionWish } from "../../../../src/sync/messages.ts";
import type { Result, RuntimeStreams } from "../../runtime/runtime.ts";
import type { Line } from "../line.ts";
import { untilRoom } from "../until-room.ts";
import { serveChannels } from "./port-channels.ts";
import { serveSpdy } from "./port-spdy.ts";

type PortWish = Extract<SessionWish, { kind: "portforward" }>;

/** Connects to a port of the pod. */
export type Dial = (port: number) => Promise<Result<Duplex>>;

export type PortServing = { readonly streams: RuntimeStreams; readonly sandboxId: string };

export async function servePorts(line: Line, wish: PortWish, { streams, sandboxId }: PortServing): Promise<void> {
  const dial = async (port: number): Promise<Result<Duplex>> => {
    const dialled = await streams.portForward(sandboxId, port);
    if (!dialled.ok) return dialled;
    // Whoever reads and writes it hears of the end of it; an error of its own says no more.
    dialled.value.on("error", () => {});
    return dialled;
  };
  if (wish.framing === "channels") await serveChannels(line, wish.ports, dial);
  else await serveSpdy(line, dial);
}

/** Bytes that a connection's reader may be behind before everything waits for it. */
const mostWaitingBytes = 1024 * 1024;

/** Done when there is room for more. */
export async function writeTo(connection: Duplex, content: Buffer): Promise<void> {
  if (connection.destroyed || connection.writableEnded) return;
  if (connection.write(content) || connection.writableLength < mostWaitingBytes) return;
  await untilRoom(connection);
}
