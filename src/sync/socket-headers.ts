// Headers by which the Worker passes on to a node shard who asks for a socket.

export const nodeHeader = "x-lares-node";
export const digestHeader = "x-lares-credential-digest";
