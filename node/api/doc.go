// Package api is the vocabulary of the local API: the JSON objects that a device node answers with and is asked by,
// the error codes with their exit statuses, and where the node's socket lies.
//
// The server (node/localapi), the client (node/apiclient) and the facade behind them share it. It owns the names of the
// JSON fields that scripts rely on: fields are added, never taken away or given another meaning. It must not know how
// anything is done: it holds no network, no store and no key.
//
// Identifiers travel as text: organizations, members, messages and conversations as 52 base32 characters, devices as
// peer ids. Times are RFC 3339 in UTC. A list is never null. In requests an organization, a member or a message may be
// named as a person would: by name, name@org or id.
//
// Spec: docs/spec/06-local-api.md.
package api
