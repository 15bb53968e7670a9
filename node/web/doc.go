// Package web is the app that people open in a browser: pages made of the local API's answers, rendered here.
//
// It owns templates, styles, scripts, words in each language, and what may be shown of a message. It knows the node only as
// a localapi.Backend, and is served by localapi, which admits nobody but the person. It fetches nothing: every page forbids
// it by its policy, and no byte of another's content becomes markup that is not made here.
//
// To add a page: a file of this package with its handlers, a template of the name, its words in locales/LANGUAGE, and its
// routes in the list of routes.go. Pages work without scripts; scripts make them quick and live.
//
// Spec: docs/spec/06-local-api.md, and docs/web.md for how pages are made.
package web
