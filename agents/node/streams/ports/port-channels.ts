// Port forwarding by channels: for each port one for its bytes and one for errors, and one connection in all.
// Source: kubelet pkg/cri/streaming/portforward/websocket.go, subprotocol v4.channel.k8s.io.
import type { Duplex } from "node:stream";

import type { Line } from "../line.ts";
import type { Dial } from "./serve-ports.ts";
import { writeTo } from "./serve-ports.ts";

const pieceBytes = 32 * 1024;

export async function serveChannels(line: Line, ports: readonly number[], dial: Dial): Promise<void> {
  const connections: (Duplex | undefined)[] = await Promise.all(
    ports.map(async (port, index) => {
      for (const channel of [2 * index, 2 * index + 1]) {
        await line.send(Buffer.of(channel, port & 0xff, port >> 8));
      }
      const dialled = await dial(port).catch((error: unknown) => ({ ok: false, message: String(error) }) as const);
      if (dialled.ok) return dialled.value;
      const text = `error forwarding port ${port} to pod: ${dialled.message}`;
      await line.send(Buffer.concat([Buffer.of(2 * index + 1), Buffer.from(text)]));
      return undefined;
    }),
  );
  void line.closed.then(() => {
    for (const connection of connections) connection?.destroy();
  });
  line.receive(async (message) => {
    const channel = message[0] ?? 0;
    const connection = channel % 2 === 0 ? connections[channel / 2] : undefined;
    if (connection !== undefined) await writeTo(connection, Buffer.from(message.subarray(1)));
  });
  await Promise.all(connections.map((connection, index) => send(connection, line, 2 * index)));
}

async function send(connection: Duplex | undefined, line: Line, channel: number): Promise<void> {
  if (connection === undefined) return;
  try {
    for await (const chunk of connection as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; at += pieceBytes) {
        await line.send(Buffer.concat([Buffer.of(channel), chunk.subarray(at, at + pieceBytes)]));
      }
    }
  } catch {
    // It broke off: the client sees its end.
  }
}
