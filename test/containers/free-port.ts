// A port that nobody listens at, for programs that have to be told one.
import { createServer } from "node:net";

export async function freePort(address = "127.0.0.1"): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const bound = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (bound === null || typeof bound === "string") throw new Error("a TCP server has a port");
  return bound.port;
}
