import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildImage, busyboxFiles, busyboxImage, pauseImage } from "../containers/image.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { Registry } from "../containers/registry.ts";
import { tar } from "../containers/tar.ts";

let dir: string;
let open: Registry;
let closed: Registry;

beforeAll(async () => {
  dir = ownDirectory("images");
  [open, closed] = await Promise.all([
    Registry.start(),
    Registry.start({ credentials: { username: "puller", password: "hunter2" } }),
  ]);
});

afterAll(async () => {
  await Promise.all([open?.remove(), closed?.remove()]);
  rmSync(dir, { recursive: true, force: true });
});

function manifestOf(reference: string, headers: Record<string, string> = {}): Promise<Response> {
  const [, host, repository, tag] = /^([^/]+)\/(.+?)[:@]((?:sha256:)?[^:@]+)$/.exec(reference) ?? [];
  const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
  return fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers: { accept, ...headers } });
}

it("an archive is one that tar reads, with owners, modes, links and long names as they were said", () => {
  const long = `/${"folder/".repeat(16)}file-with-a-name`;
  const archive = join(dir, "files.tar");
  const files = [
    { path: "/data/secret", text: "s3cret\n", mode: 0o640, uid: 1000, gid: 2000 },
    { path: "/data/now", link: "secret" },
    { path: "/tmp", folder: true, mode: 0o1777 },
    { path: long, text: "deep" },
  ] as const;
  writeFileSync(archive, tar(files));
  const listed = execFileSync("tar", ["--numeric-owner", "-tvf", archive], { encoding: "utf8" });
  expect(listed).toMatch(/^-rw-r----- 1000\/2000 +7 1970-01-01 00:00 data\/secret$/m);
  expect(listed).toMatch(/^lrwxrwxrwx 0\/0 +0 .* data\/now -> secret$/m);
  expect(listed).toMatch(/^drwxrwxrwt 0\/0 .* tmp\/$/m);
  execFileSync("tar", ["-xf", archive, "-C", dir]);
  expect(readFileSync(join(dir, long), "utf8")).toBe("deep");
  expect(statSync(join(dir, "data/secret")).mode & 0o777).toBe(0o640);
  expect(tar([...files].reverse()).equals(tar(files))).toBe(true);
});

it("a busybox image has a shell that starts without any library of the host", () => {
  const root = join(dir, "busybox");
  const archive = join(dir, "busybox.tar");
  const [layer] = busyboxImage().layers;
  writeFileSync(archive, gunzipSync(layer?.bytes ?? Buffer.alloc(0)));
  execFileSync("mkdir", [root]);
  execFileSync("tar", ["-xf", archive, "-C", root]);
  const script = "su app -c id; ls /bin/httpd; stat -c %u /home/app";
  expect(execFileSync("chroot", [root, "/bin/sh", "-c", script], { encoding: "utf8" })).toBe(
    "uid=1000(app) gid=1000(app) groups=1000(app),2000(logs)\n/bin/httpd\n1000\n",
  );
});

it.each(["oci", "docker"] as const)(
  "a pushed image is had back from the registry, in the media types of %s",
  async (format) => {
    const image = busyboxImage({ format, files: [{ path: "/etc/greeting", text: format }], user: "app" });
    const reference = await open.push(`test/${format}:1`, image);
    const answer = await manifestOf(reference);
    expect(answer.headers.get("docker-content-digest")).toBe(image.manifest.digest);
    expect(await answer.text()).toBe(image.manifest.bytes.toString());
    const byDigest = await manifestOf(open.byDigest(`test/${format}:1`, image));
    expect(byDigest.status).toBe(200);
    expect(open.manifestRequests(`test/${format}:1`)).toBe(1);
    await open.forget(`test/${format}:1`, image);
    expect((await manifestOf(reference)).status).toBe(404);
  },
);

it("the same options give the same image, and another file another one", () => {
  const layers = [busyboxFiles()];
  expect(buildImage({ layers }).manifest.digest).toBe(buildImage({ layers }).manifest.digest);
  expect(busyboxImage({ files: [{ path: "/v", text: "2" }] }).manifest.digest).not.toBe(busyboxImage().manifest.digest);
});

it("a registry with a password gives nothing to those who do not know it", async () => {
  const reference = await closed.push("test/private:1", pauseImage());
  expect((await manifestOf(reference)).status).toBe(401);
  const wrong = Buffer.from("puller:wrong").toString("base64");
  expect((await manifestOf(reference, { authorization: `Basic ${wrong}` })).status).toBe(401);
  const right = Buffer.from("puller:hunter2").toString("base64");
  expect((await manifestOf(reference, { authorization: `Basic ${right}` })).status).toBe(200);
});

it("a registry that was out of reach has what it had, at the same place", async () => {
  const reference = await open.push("test/pause:1", pauseImage());
  await open.stop();
  await expect(manifestOf(reference)).rejects.toThrow();
  await open.resume();
  expect((await manifestOf(reference)).status).toBe(200);
});
