// The connection of the kind that was asked for.
import type { ConnectionKind } from "../options.ts";
import type { Connection, ConnectionListener } from "../ports.ts";
import type { AutoOptions } from "./auto.ts";
import { AutoConnection } from "./auto.ts";
import { PollConnection } from "./poll.ts";
import { SocketConnection } from "./socket.ts";

export function connector(kind: ConnectionKind, options: AutoOptions): (listener: ConnectionListener) => Connection {
  return (listener) => {
    switch (kind) {
      case "auto":
        return new AutoConnection(listener, options);
      case "socket":
        return new SocketConnection(listener, options);
      case "long-poll":
        return new PollConnection(listener, { ...options, holds: true });
      case "poll":
        return new PollConnection(listener, { ...options, holds: false });
      default:
        return kind satisfies never;
    }
  };
}
