// Package localapi serves a device node to the programs of its owner: HTTP, JSON and server-sent events on a unix
// socket (0600 in a folder of 0700) and on loopback with a token. It is the only door for the command line, bots and
// the page.
//
// It owns who may ask (socket permissions, login link, token, Host and origin checks), the limits of a request, and
// the mapping of routes to the methods of Backend. It must not know how anything is done: Backend does it.
//
// Spec: docs/spec/06-local-api.md.
package localapi
