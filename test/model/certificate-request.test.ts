// What is read of requests for certificates, and which texts are none.
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { newCredential, requestFor } from "../../agents/node/host/certificate-request.ts";
import { parseCertificateRequest } from "../../src/model/certificate-request.ts";
import { certificateRequest, pem } from "../support/certificate-request.ts";

/** Made by OpenSSL: O=team, CN=jane. */
const byOpenSsl = `-----BEGIN CERTIFICATE REQUEST-----
MIHaMIGAAgEAMB4xDTALBgNVBAoMBHRlYW0xDTALBgNVBAMMBGphbmUwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAAQjB1y6+SPWLpTk1eYHHk55IO7QBPzCsr73R0ZF
V5LreDzIMk6pE19UMfP0A2UvgV/KvYkNmjFHP4C8OPkLj5EAoAAwCgYIKoZIzj0E
AwIDSQAwRgIhAOuTlCwKZb9H6kQ3YCNsAIkg2sKdcLTLKT2JaN/dxatEAiEA6wzL
2JwT2eO/f9j6YcZe5jmAZ9QPyUfzteCd7q8rzoo=
-----END CERTIFICATE REQUEST-----
`;
const malformed = { ok: false, problem: "x509: malformed certificate request" };
const wrongType = { ok: false, problem: "PEM block type must be CERTIFICATE REQUEST" };

describe("a request", () => {
  it("of OpenSSL is read", () => {
    const subject = { commonName: "jane", organizations: ["team"], serialNumber: "" };
    expect(parseCertificateRequest(byOpenSsl)).toEqual({ ok: true, subject });
  });

  it("of an agent names its node and the digest of its credential, and is another each time", () => {
    const credential = newCredential("edge-1");
    expect(credential).toMatch(/^laresnode_edge-1_[0-9a-f]{64}$/);
    const [first, second] = [requestFor("edge-1", credential), requestFor("edge-1", credential)];
    const parsed = parseCertificateRequest(first);
    expect(parsed).toMatchObject({
      subject: {
        commonName: "system:node:edge-1",
        organizations: ["system:nodes"],
        serialNumber: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    });
    expect(parseCertificateRequest(second)).toEqual(parsed);
    expect(first).not.toBe(second);
    expect(first).not.toContain(credential.split("_")[2]);
  });

  it.each(["a", "a".repeat(253)])("of an agent is read for a node of any length: %s", (node) => {
    const parsed = parseCertificateRequest(requestFor(node, newCredential(node)));
    expect(parsed).toMatchObject({ subject: { commonName: `system:node:${node}` } });
  });

  it("is found behind other lines, with its names in any number", () => {
    const names = { commonName: "a", organizations: ["b", "c"], serialNumber: "d" };
    expect(parseCertificateRequest(`hello\n${certificateRequest(names)}`)).toEqual({ ok: true, subject: names });
    expect(parseCertificateRequest(certificateRequest({}))).toMatchObject({
      subject: { commonName: "", organizations: [] },
    });
  });
});

describe("no request", () => {
  it.each<readonly [string, string, object]>([
    ["an empty text", "", wrongType],
    ["a text", "hello", wrongType],
    ["a certificate", byOpenSsl.replaceAll("CERTIFICATE REQUEST", "CERTIFICATE"), wrongType],
    ["a key before a request", pem("PRIVATE KEY", [1]) + byOpenSsl, wrongType],
    ["a block without an end", byOpenSsl.replace(/-----END.*/s, ""), wrongType],
    ["nothing in a block", pem("CERTIFICATE REQUEST", []), malformed],
    ["what is no base64", byOpenSsl.replace("MIHa", "!!!!"), malformed],
    ["a length beyond the end", pem("CERTIFICATE REQUEST", [0x30, 0x84, 255, 255, 255, 255]), malformed],
    ["a length with zeros in front", pem("CERTIFICATE REQUEST", [0x30, 0x82, 0, 1, 0]), malformed],
    ["an endless length", pem("CERTIFICATE REQUEST", [0x30, 0x80, 0, 0]), malformed],
    ["one that was cut short", byOpenSsl.replace(/\n[^\n]*\n-----END/, "\n-----END"), malformed],
    ["another structure", pem("CERTIFICATE REQUEST", [0x30, 0x00]), malformed],
  ])("is %s", (_what, text, expected) => {
    expect(parseCertificateRequest(text)).toEqual(expected);
  });

  it("does harm, whatever bytes it is", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(typeof parseCertificateRequest(pem("CERTIFICATE REQUEST", [...bytes])).ok).toBe("boolean");
      }),
    );
  });
});
