// What Prometheus would see of a node-exporter.
import { request } from "node:http";

export type Scrape = {
  readonly status: number;
  /** The value of the first series that begins so; null when there is none. */
  readonly value: (series: string) => number | null;
  readonly text: string;
};

/** Status 0: nobody answered. Each is a connection of its own. */
export function scrape(address: string, password = "scrape-me"): Promise<Scrape> {
  return new Promise((resolve) => {
    const answered = (status: number, text: string) => {
      const value = (series: string) => {
        const line = text.split("\n").find((it) => it.startsWith(series));
        return line === undefined ? null : Number(line.split(" ").at(-1));
      };
      resolve({ status, value, text });
    };
    const auth = `prometheus:${password}`;
    const asked = request(
      { host: address, port: 9100, path: "/metrics", auth, agent: false, timeout: 10_000 },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (data) => {
          text += data;
        });
        response.on("end", () => answered(response.statusCode ?? 0, text));
        response.on("error", () => answered(0, ""));
      },
    );
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => answered(0, ""));
    asked.end();
  });
}
