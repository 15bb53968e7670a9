// Package carrying measures what node/router does: devices that move between places for a week, meet for minutes, and have
// messages for each other, without any server. Everything follows from a seed.
//
// It owns movements, the traces of contacts that follow from them, the load, the best that a trace allows, and the figures.
// `make carrying` writes the table of docs/benchmarks.md; TestCarrying holds the router against what must be so.
package carrying
