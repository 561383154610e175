// How large things may be.

/** All annotations of one object, keys and values together. */
export const annotationsBytes = 256 * 1024;

/** What one ConfigMap or Secret holds. */
export const configMapBytes = 1024 * 1024;

export const dnsNameservers = 3;
export const dnsSearchPaths = 32;
export const dnsSearchListCharacters = 2048;

/** The highest value a PriorityClass of a user may have; those above are the system's. */
export const highestUserPriority = 1_000_000_000;

export const eventReasonBytes = 128;
export const eventMessageBytes = 1024;

/** A week: a join token is for setting up machines, not for keeping. */
export const joinTokenSeconds = 604_800;

/** What certificates may be asked to live, at least. Source: pkg/apis/certificates/validation. */
export const shortestCertificateSeconds = 600;

/** What service account tokens may be asked to live. Source: pkg/apis/authentication/validation. */
export const shortestTokenSeconds = 600;
export const longestTokenSeconds = 2 ** 32;

export const fieldManagerBytes = 128;

/** What a request may carry. Source: apiserver's MaxRequestBodyBytes. */
export const bodyBytes = 3 * 1024 * 1024;
/** What is read of more than that and thrown away, so that the answer finds somebody who listens. */
export const discardedBytes = 16 * 1024 * 1024;
export const yamlBytes = 512 * 1024;
export const yamlAliases = 100;
/** How deep JSON may be nested. */
export const jsonDepth = 64;

/** One stored object: a row of the database holds no more than 2 MB. */
export const objectBytes = 1_500_000;

/** What a page of a list holds at most, whatever the client asks for. */
export const pageObjects = 2_000;

/** What waits to be sent to a watcher before it is cut off as too slow. */
export const watchBacklogBytes = 8 * 1024 * 1024;
/** The same for all watchers of an isolate together, which has 128 MB for everything. */
export const watchBacklogsBytes = 32 * 1024 * 1024;
