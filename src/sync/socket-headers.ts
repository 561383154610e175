// Headers by which the Worker passes on to a node shard who asks for a socket.

export const nodeHeader = "x-lares-node";
/** Seconds that the agent lets the line be silent; absent: 10. */
export const pingHeader = "x-lares-ping-seconds";
export const digestHeader = "x-lares-credential-digest";
