// Where pods find the API of their node.

/** On the loopback of each node with pods that have a network of their own: there they reach the node's API. */
export const nodeLocal = "169.254.77.1";
