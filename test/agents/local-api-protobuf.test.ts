// What daemons write in protobuf, as the node reads it while the control plane is away, beside how the API itself reads it.
import { describe, expect, test } from "vitest";
import {
  CoreEvent,
  EventsEvent,
  Lease as LeaseMessage,
  objectInProtobuf,
  Unknown,
} from "../../agents/node/local-api/protobuf-body.ts";
import type { Encoding, Message } from "../../agents/node/runtime/cri/protobuf.ts";
import { encode } from "../../agents/node/runtime/cri/protobuf.ts";
import { decodeProtobuf, hasProtobuf } from "../../src/api/protobuf/decode.ts";
import { events } from "../../src/model/event.ts";
import { eventsOfEventsGroup } from "../../src/model/event-of-events-group.ts";
import { leases } from "../../src/model/lease.ts";
import { shapeOf } from "../../src/model/shape.ts";

function envelope(apiVersion: string, kind: string, raw: Buffer): Buffer {
  return Buffer.concat([Buffer.from("k8s\0"), encode(Unknown, { typeMeta: { apiVersion, kind }, raw })]);
}

/** A message with something else in each of its fields, messages in it included. */
function filled(type: Message): Encoding<Message> {
  const values = Object.entries(type.fields).map(([name, [number, fieldType]]) => {
    if (fieldType === "string") return [name, `${name} ${number}`];
    if (fieldType === "int") return [name, name === "nanos" ? 123_456_000 : 1_700_000_000 + number];
    if (fieldType === "map") return [name, { [name]: "value" }];
    return [name, filled(fieldType as Message)];
  });
  return Object.fromEntries(values);
}

describe("an object in protobuf", () => {
  test.each([
    ["v1", "Event", CoreEvent, events],
    ["events.k8s.io/v1", "Event", EventsEvent, eventsOfEventsGroup],
    ["coordination.k8s.io/v1", "Lease", LeaseMessage, leases],
  ])("%s %s is read as the API reads it, each field of it", (apiVersion, kind, type, resource) => {
    const body = envelope(apiVersion, kind, encode(type as Message, filled(type as Message)));
    const read = objectInProtobuf(body);
    const shape = shapeOf(resource.schema);
    expect(hasProtobuf(shape) && decodeProtobuf(body, shape)).toEqual(read);
    expect(Object.keys(read ?? {}).toSorted()).toEqual(["apiVersion", "kind", ...Object.keys(type.fields)].toSorted());
  });

  test("a lease that is let go says so", () => {
    const spec = { holderIdentity: "", leaseDurationSeconds: 1, leaseTransitions: 0 };
    const body = envelope("coordination.k8s.io/v1", "Lease", encode(LeaseMessage, { metadata: { name: "a" }, spec }));
    expect(objectInProtobuf(body)).toMatchObject({ metadata: { name: "a" }, spec });
  });

  test.each([
    ["of another kind", envelope("v1", "ConfigMap", Buffer.alloc(0))],
    ["that is cut short", envelope("v1", "Event", encode(CoreEvent, { reason: "Started" })).subarray(0, -3)],
    ["that is JSON", Buffer.from("{}")],
    ["of nothing", Buffer.alloc(0)],
  ])("%s is none", (_what, body) => {
    expect(objectInProtobuf(body)).toBeNull();
  });
});
