// Takes away from a newer Node what Node 20 does not have, the oldest that runs the agent: types see it in our own
// sources, and this in what comes with them.
const later = [
  [Object, ["groupBy"]],
  [Map, ["groupBy"]],
  [Array, ["fromAsync"]],
  [Promise, ["try", "withResolvers"]],
  [RegExp, ["escape"]],
  [Error, ["isError"]],
  [ArrayBuffer.prototype, ["detached", "transfer", "transferToFixedLength"]],
  [
    Set.prototype,
    ["difference", "intersection", "isDisjointFrom", "isSubsetOf", "isSupersetOf", "symmetricDifference", "union"],
  ],
  [
    Object.getPrototypeOf(Object.getPrototypeOf([].values())),
    ["drop", "every", "filter", "find", "flatMap", "forEach", "map", "reduce", "some", "take", "toArray"],
  ],
  [
    globalThis,
    ["AsyncDisposableStack", "CloseEvent", "DisposableStack", "Float16Array", "Iterator", "SuppressedError"],
  ],
  [globalThis, ["URLPattern", "WebSocket", "navigator"]],
];
for (const [owner, names] of later) {
  for (const name of names) delete owner[name];
}
